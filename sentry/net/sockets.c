/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/net/sockets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "postern/confine.h"
#include "sentry/kernel/id_map.h"

CONFINE_ALLOW(getrandom, "hash tables nobody can aim at");

/* One user's records. */
struct socket_share {
    uid_t user;
    size_t count;
    struct socket_record *first, *last;
    struct socket_share *next;
};

struct sockets {
    struct id_map by_cookie, by_file;
    struct socket_share *shares; /* none is empty */
    size_t count;
    uint64_t secret;
};

struct sockets *sockets_new(void)
{
    struct sockets *sockets = calloc(1, sizeof(*sockets));
    if (sockets == NULL)
        return NULL;
    (void)!getrandom(&sockets->secret, sizeof(sockets->secret), 0);
    return sockets;
}

/* --- keys of the maps --- */

static uint64_t mix(uint64_t state, uint64_t value)
{
    state = (state ^ value) * UINT64_C(0xff51afd7ed558ccd);
    return state ^ state >> 32;
}

static uint64_t file_key(const struct sockets *sockets, const struct socket_file *file)
{
    return mix(mix(sockets->secret, file->device), file->inode) | 1;
}

/* --- taking out --- */

static void forget_name(struct sockets *sockets, struct socket_record *record)
{
    if (record->file.inode != 0)
        id_map_remove(&sockets->by_file, file_key(sockets, &record->file), record);
    record->file = (struct socket_file){0};
}

/* Its share may be empty then. */
static void unlink_record(struct socket_record *record)
{
    struct socket_share *share = record->share;
    *(record->previous != NULL ? &record->previous->next : &share->first) = record->next;
    *(record->next != NULL ? &record->next->previous : &share->last) = record->previous;
    share->count--;
}

static void drop_if_empty(struct sockets *sockets, struct socket_share *share)
{
    if (share->count > 0)
        return;
    struct socket_share **link = &sockets->shares;
    while (*link != share)
        link = &(*link)->next;
    *link = share->next;
    free(share);
}

static void forget(struct sockets *sockets, struct socket_record *record)
{
    forget_name(sockets, record);
    id_map_remove(&sockets->by_cookie, record->cookie, record);
    unlink_record(record);
    drop_if_empty(sockets, record->share);
    sockets->count--;
    free(record->shown_peer);
    free(record);
}

void sockets_free(struct sockets *sockets)
{
    if (sockets == NULL)
        return;
    while (sockets->shares != NULL)
        forget(sockets, sockets->shares->first);
    id_map_free(&sockets->by_cookie);
    id_map_free(&sockets->by_file);
    free(sockets);
}

/* --- putting in --- */

static struct socket_share *find_share(const struct sockets *sockets, uid_t user)
{
    struct socket_share *share = sockets->shares;
    while (share != NULL && share->user != user)
        share = share->next;
    return share;
}

static struct socket_share *obtain_share(struct sockets *sockets, uid_t user)
{
    struct socket_share *share = find_share(sockets, user);
    if (share != NULL || (share = calloc(1, sizeof(*share))) == NULL)
        return share;
    *share = (struct socket_share){.user = user, .next = sockets->shares};
    sockets->shares = share;
    return share;
}

static struct socket_share *biggest_share(const struct sockets *sockets)
{
    struct socket_share *biggest = sockets->shares;
    for (struct socket_share *share = biggest; share != NULL; share = share->next)
        if (share->count > biggest->count)
            biggest = share;
    return biggest;
}

static void append(struct socket_share *share, struct socket_record *record)
{
    record->share = share;
    record->next = NULL;
    record->previous = share->last;
    *(share->last != NULL ? &share->last->next : &share->first) = record;
    share->last = record;
    share->count++;
}

static void make_room(struct sockets *sockets, uid_t user)
{
    struct socket_share *share = find_share(sockets, user);
    if (share != NULL && share->count >= SOCKETS_SHARE)
        forget(sockets, share->first);
    if (sockets->count >= SOCKETS_MAX)
        forget(sockets, biggest_share(sockets)->first);
}

struct socket_record *sockets_obtain(struct sockets *sockets, uint64_t cookie, uid_t user)
{
    struct socket_record *known = sockets_find(sockets, cookie);
    if (known != NULL)
        return known;
    make_room(sockets, user);
    struct socket_record *record = calloc(1, sizeof(*record));
    if (record == NULL || id_map_set(&sockets->by_cookie, cookie, record) < 0) {
        free(record);
        return NULL;
    }
    struct socket_share *share = obtain_share(sockets, user);
    if (share == NULL) {
        id_map_remove(&sockets->by_cookie, cookie, record);
        free(record);
        return NULL;
    }
    record->cookie = cookie;
    append(share, record);
    sockets->count++;
    return record;
}

int sockets_name_file(struct sockets *sockets, struct socket_record *record, const struct socket_file *file)
{
    forget_name(sockets, record);
    record->file = *file;
    return id_map_set(&sockets->by_file, file_key(sockets, file), record);
}

/* --- finding --- */

static struct socket_record *touch(struct socket_record *record)
{
    if (record != NULL) {
        unlink_record(record);
        append(record->share, record);
    }
    return record;
}

struct socket_record *sockets_find(struct sockets *sockets, uint64_t cookie)
{
    return touch(id_map_get(&sockets->by_cookie, cookie));
}

struct socket_record *sockets_find_by_file(struct sockets *sockets, const struct socket_file *file)
{
    struct socket_record *record = file->inode == 0 ? NULL : id_map_get(&sockets->by_file, file_key(sockets, file));
    bool same = record != NULL && record->file.device == file->device && record->file.inode == file->inode;
    return same ? touch(record) : NULL;
}
