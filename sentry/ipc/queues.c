/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/ipc/queues.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "sentry/fs/gofer_client.h"
#include "sentry/kernel/share.h"
#include "sentry/sentry.h"

/* CHECKED: of how many it is asked at a time whether they are still there. */
enum { NAME_SIZE = 256, RECORDS_MAX = 1024, CHECKED = 8 };

struct record {
    char name[NAME_SIZE];
    struct queue_share share; /* without its name */
    struct record *next;
};

struct queue_shares {
    struct record *oldest;
    size_t count;
};

struct queue_shares *queue_shares_new(void)
{
    return calloc(1, sizeof(struct queue_shares));
}

uint64_t queue_bytes(const struct mq_attr *limits)
{
    enum { MESSAGE = 48, PRIORITY = 48, PRIORITIES = 32768 }; /* struct msg_msg and posix_msg_tree_node of Linux, MQ_PRIO_MAX */
    const uint64_t messages = (uint64_t)limits->mq_maxmsg;
    return messages * MESSAGE + (messages < PRIORITIES ? messages : PRIORITIES) * PRIORITY +
           messages * (uint64_t)limits->mq_msgsize;
}

void queue_shares_remove(struct queue_shares *shares, uint64_t inode)
{
    for (struct record **link = &shares->oldest; *link != NULL; link = &(*link)->next) {
        struct record *record = *link;
        if (record->share.inode != inode)
            continue;
        *link = record->next;
        shares->count--;
        free(record);
        return;
    }
}

bool queue_shares_show(const struct queue_shares *shares, struct statx *attributes)
{
    const struct record *record = shares->oldest;
    while (record != NULL && record->share.inode != attributes->stx_ino)
        record = record->next;
    if (record == NULL)
        return false;
    attributes->stx_uid = record->share.uid;
    attributes->stx_gid = record->share.gid;
    attributes->stx_mode = (uint16_t)(S_IFREG | record->share.mode);
    return true;
}

/* Their names may have been taken away by way of /dev/mqueue, or by another container in the namespace. user -1: anybody's. */
static void check_oldest(struct sentry *sentry, uid_t user)
{
    struct {
        char name[NAME_SIZE];
        uint64_t inode;
    } checked[CHECKED];
    size_t count = 0;
    for (const struct record *record = sentry->queues->oldest; record != NULL && count < CHECKED; record = record->next) {
        if (user != (uid_t)-1 && record->share.user != user)
            continue;
        memcpy(checked[count].name, record->name, NAME_SIZE);
        checked[count++].inode = record->share.inode;
    }
    for (size_t i = 0; i < count; i++) {
        struct statx attributes;
        auto_close int fd = -1;
        int status = gofer_queue_find(sentry->gofer, checked[i].name, &fd, &attributes);
        if (status == -ENOENT || (status == 0 && attributes.stx_ino != checked[i].inode))
            queue_shares_remove(sentry->queues, checked[i].inode);
    }
}

static int check(const struct queue_shares *shares, const struct queue_share *share, uint64_t limit, size_t most)
{
    uint64_t bytes = share->bytes;
    size_t count = 0;
    for (const struct record *record = shares->oldest; record != NULL; record = record->next) {
        if (record->share.user != share->user)
            continue;
        bytes += record->share.bytes;
        count++;
    }
    if (bytes > limit)
        return -EMFILE;
    return share_allows(most, shares->count, count, share->privileged ? 0 : share->user, 1) ? 0 : -ENOSPC;
}

static int append(struct queue_shares *shares, const struct queue_share *share)
{
    struct record *record = calloc(1, sizeof(*record));
    if (record == NULL)
        return -ENOMEM;
    record->share = *share;
    record->share.name = NULL;
    (void)snprintf(record->name, sizeof(record->name), "%s", share->name);
    struct record **end = &shares->oldest;
    while (*end != NULL)
        end = &(*end)->next;
    *end = record;
    shares->count++;
    return 0;
}

int queue_shares_add(struct sentry *sentry, const struct queue_share *share, uint64_t limit, size_t most)
{
    struct queue_shares *shares = sentry->queues;
    int status = check(shares, share, limit, most);
    if (status < 0) {
        check_oldest(sentry, share->user);
        status = check(shares, share, limit, most);
    }
    if (status < 0)
        return status;
    if (shares->count >= RECORDS_MAX)
        check_oldest(sentry, (uid_t)-1);
    if (shares->count >= RECORDS_MAX)
        queue_shares_remove(shares, shares->oldest->share.inode);
    return append(shares, share);
}
