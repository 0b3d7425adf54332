/* SPDX-License-Identifier: Apache-2.0 */
/* Part of a folder's names with their attributes, for whoever goes through it. */
#include <dirent.h>
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gofer/object.h"
#include "gofer/resolve.h"
#include "gofer/server.h"
#include "postern/cleanup.h"
#include "postern/confine.h"

CONFINE_ALLOW(getdents64, "names in a folder");
CONFINE_ALLOW(lseek, "where the last list of them ended");

_Static_assert(GOFER_LIST_MAX * (sizeof(struct statx) + 32) <= GOFER_DATA_MAX, "a list of usual names fits a reply");

/* As the kernel returns it (getdents(2)). */
struct entry {
    uint64_t ino;
    int64_t next;
    uint16_t size;
    uint8_t type;
    char name[];
};

struct list {
    struct exchange *exchange;
    int folder;
    size_t used; /* of the reply's payload */
    unsigned int count;
    int64_t next;
};

static bool has_room(const struct list *list, size_t length)
{
    return list->count < GOFER_LIST_MAX && list->used + sizeof(struct statx) + gofer_list_room(length) <= GOFER_DATA_MAX;
}

/* What went away between its name and its attributes is left out. */
static void add(struct list *list, const char *name, size_t length)
{
    char *out = list->exchange->out + list->used;
    if (statx(list->folder, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, GOFER_STATX_MASK, (struct statx *)(void *)out) < 0)
        return;
    memset(out + sizeof(struct statx), 0, gofer_list_room(length));
    memcpy(out + sizeof(struct statx), name, length);
    list->used += sizeof(struct statx) + gofer_list_room(length);
    list->count++;
}

/* Returns 1 to go on, 0 when the reply is full. */
static int add_all(struct list *list, const char *entries, size_t size)
{
    for (size_t at = 0; at < size;) {
        const struct entry *entry = (const struct entry *)(const void *)(entries + at);
        size_t length = strlen(entry->name);
        if (!has_room(list, length))
            return 0;
        if (gofer_name_ok(entry->name, length))
            add(list, entry->name, length);
        list->next = entry->next;
        at += entry->size;
    }
    return 1;
}

static int fill(struct list *list)
{
    _Alignas(struct entry) char entries[4096];
    for (;;) {
        long size = syscall(SYS_getdents64, list->folder, entries, sizeof(entries));
        if (size < 0)
            return -errno;
        if (size == 0)
            list->next = -1;
        if (size == 0 || add_all(list, entries, (size_t)size) == 0)
            return 0;
    }
}

/* Nobody has looked into the folder: its time of access stays, where we may say so. */
static int open_quietly(int folder, const struct statx *attributes)
{
    int fd = open_object(folder, attributes, O_RDONLY | O_DIRECTORY | O_NOATIME);
    return fd == -EPERM ? open_object(folder, attributes, O_RDONLY | O_DIRECTORY) : fd;
}

int op_list(struct exchange *exchange)
{
    auto_place struct place place = PLACE_NONE;
    struct statx attributes;
    int status = place_of_request(exchange, &place);
    if (status == 0)
        status = attributes_of(place.fd, &attributes);
    if (status < 0)
        return status;
    auto_close int fd = open_quietly(place.fd, &attributes);
    if (fd < 0)
        return fd;
    if (exchange->request->node != 0 && lseek(fd, (off_t)exchange->request->node, SEEK_SET) < 0)
        return -errno;

    struct list list = {.exchange = exchange, .folder = fd, .next = (int64_t)exchange->request->node};
    status = fill(&list);
    exchange->reply->value = list.next;
    exchange->reply->data_size = (uint32_t)list.used;
    return status;
}
