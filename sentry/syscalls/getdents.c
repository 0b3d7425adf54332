/* SPDX-License-Identifier: Apache-2.0 */
/*
 * getdents64(2) and getdents(2). The position belongs to the open file description, which the guest shares with our
 * copy of its descriptor: a real directory is read on that copy; for a synthetic one the position of the empty
 * directory behind it is the position in the synthetic one.
 */
#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/platform/unlocked.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/file.h"
#include "sentry/syscalls/handlers.h"

CONFINE_ALLOW(getdents64, "directories the guest has open");

enum { LISTING_MAX = 65536, OLD_NAME_OFFSET = 18 };

/* As the kernel lays it out. */
struct entry {
    uint64_t ino;
    int64_t next_offset;
    uint16_t length;
    unsigned char type;
    char name[];
};
#define ENTRY_NAME_OFFSET offsetof(struct entry, name)

struct listing {
    size_t room, used;
    bool full;
    int64_t offset; /* behind the last entry taken */
    _Alignas(8) char bytes[]; /* room */
};

static int take_entry(void *data, const char *name, uint64_t ino, unsigned char d_type, int64_t next_offset)
{
    struct listing *listing = data;
    size_t name_length = strnlen(name, VFS_NAME_MAX);
    size_t length = (ENTRY_NAME_OFFSET + name_length + 1 + 7) & ~(size_t)7;
    if (listing->used + length > listing->room) {
        listing->full = true;
        return 1;
    }
    char *place = listing->bytes + listing->used;
    memset(place, 0, length);
    const struct entry head = {.ino = ino, .next_offset = next_offset, .length = (uint16_t)length, .type = d_type};
    memcpy(place, &head, ENTRY_NAME_OFFSET);
    memcpy(place + ENTRY_NAME_OFFSET, name, name_length);
    listing->used += length;
    listing->offset = next_offset;
    return 0;
}

static int list_synthetic(const struct vfs_who *who, const struct object *object, int64_t start,
                          struct listing *listing)
{
    const struct filesystem *filesystem = object->dentry->filesystem;
    if (filesystem->readdir == NULL)
        return -ENOENT; /* a folder that is gone: libc takes it for the end */
    listing->offset = start;
    int error = filesystem->readdir(who->sentry->vfs, object->dentry, who, start, take_entry, listing);
    if (error < 0)
        return error;
    if (listing->used == 0 && listing->full)
        return -EINVAL;
    const int64_t position = unlocked_seek(object->fd, listing->offset, SEEK_SET);
    return position < 0 ? (int)position : 0;
}

static int list_real(const struct object *object, struct listing *listing)
{
    bool paused = state_pause(); /* a disk may have to be waited for */
    long got = syscall(SYS_getdents64, object->fd, listing->bytes, listing->room);
    int error = got < 0 ? -errno : 0;
    state_resume(paused);
    if (error == 0)
        listing->used = (size_t)got;
    return error;
}

/* The old layout has the type behind the name instead of before it; both are of the same length. */
static void convert_to_old(struct listing *listing)
{
    for (size_t at = 0; at + ENTRY_NAME_OFFSET < listing->used;) {
        char *place = listing->bytes + at;
        struct entry head;
        memcpy(&head, place, ENTRY_NAME_OFFSET);
        if (head.length <= ENTRY_NAME_OFFSET || head.length > listing->used - at)
            break;
        memmove(place + OLD_NAME_OFFSET, place + ENTRY_NAME_OFFSET, head.length - ENTRY_NAME_OFFSET);
        place[head.length - 1] = (char)head.type;
        at += head.length;
    }
}

/* Entry by entry, for a buffer that is not all there: like the kernel, which says what it got through, and goes on behind that. How many
 * bytes were written, or -EFAULT. */
static int64_t give_part(struct call *call, const struct object *object, const struct listing *listing)
{
    size_t given = 0;
    int64_t offset = 0;
    while (given + ENTRY_NAME_OFFSET < listing->used) {
        struct entry head;
        memcpy(&head, listing->bytes + given, ENTRY_NAME_OFFSET); /* what is used here is at the same place in both layouts */
        if (head.length <= ENTRY_NAME_OFFSET || head.length > listing->used - given ||
            guest_write(call, call->args[1] + given, listing->bytes + given, head.length) < 0)
            break;
        given += head.length;
        offset = head.next_offset;
    }
    if (given == 0)
        return -EFAULT;
    const int64_t position = unlocked_seek(object->fd, offset, SEEK_SET);
    return position < 0 ? position : (int64_t)given;
}

static int64_t list(struct call *call, bool old)
{
    struct vfs_who who;
    vfs_who_from_call(call, &who);
    auto_object struct object object = {.fd = -1};
    int error = object_from_fd(call, arg_int(call, 0), &object);
    if (error == 0)
        error = refuse_path_descriptor(object.fd);
    if (error < 0)
        return error;
    if (!S_ISDIR(object.attributes.stx_mode))
        return -ENOTDIR;

    const int size = arg_int(call, 2); /* the kernel counts it down as an int: more than INT_MAX holds nothing */
    const size_t room = size < 0 ? 0 : size < LISTING_MAX ? (size_t)size : LISTING_MAX;
    auto_free struct listing *listing = malloc(sizeof(*listing) + room);
    if (listing == NULL)
        return -ENOMEM;
    *listing = (struct listing){.room = room};
    const int64_t start = unlocked_seek(object.fd, 0, SEEK_CUR);
    if (start < 0)
        return start;
    if (object.kind == OBJECT_SYNTHETIC && object.dentry != NULL)
        error = list_synthetic(&who, &object, start, listing);
    else
        error = list_real(&object, listing);
    if (error < 0)
        return error;
    if (old)
        convert_to_old(listing);
    error = guest_write(call, call->args[1], listing->bytes, listing->used);
    if (error == 0)
        return (int64_t)listing->used;
    const int64_t given = error == -EFAULT ? give_part(call, &object, listing) : error;
    if (given < 0)
        (void)unlocked_seek(object.fd, start, SEEK_SET);
    return given;
}

int64_t sys_getdents64(struct call *call)
{
    return list(call, false);
}

int64_t sys_getdents(struct call *call)
{
    return list(call, true);
}
