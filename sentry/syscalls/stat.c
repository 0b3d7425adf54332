/* SPDX-License-Identifier: Apache-2.0 */
/* stat(2), statx(2), and the old forms. */
#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "sentry/syscalls/file.h"
#include "sentry/syscalls/handlers.h"

/* linux/fcntl.h and fcntl.h do not go together. */
#ifndef AT_STATX_SYNC_TYPE
#define AT_STATX_SYNC_TYPE 0x6000
#endif

static void stat_from_statx(const struct statx *from, struct stat *to)
{
    memset(to, 0, sizeof(*to));
    to->st_dev = makedev(from->stx_dev_major, from->stx_dev_minor);
    to->st_ino = from->stx_ino;
    to->st_nlink = from->stx_nlink;
    to->st_mode = from->stx_mode;
    to->st_uid = from->stx_uid;
    to->st_gid = from->stx_gid;
    to->st_rdev = makedev(from->stx_rdev_major, from->stx_rdev_minor);
    to->st_size = (off_t)from->stx_size;
    to->st_blksize = (blksize_t)from->stx_blksize;
    to->st_blocks = (blkcnt_t)from->stx_blocks;
    to->st_atim = (struct timespec){.tv_sec = from->stx_atime.tv_sec, .tv_nsec = from->stx_atime.tv_nsec};
    to->st_mtim = (struct timespec){.tv_sec = from->stx_mtime.tv_sec, .tv_nsec = from->stx_mtime.tv_nsec};
    to->st_ctim = (struct timespec){.tv_sec = from->stx_ctime.tv_sec, .tv_nsec = from->stx_ctime.tv_nsec};
}

static int attributes_at(struct call *call, int dirfd, uint64_t address, int flags, struct statx *ret_attributes)
{
    struct vfs_who who;
    vfs_who_from_call(call, &who);
    unsigned int lookup = (flags & AT_SYMLINK_NOFOLLOW) != 0 ? 0 : LOOKUP_FOLLOW;
    auto_target struct target target = TARGET_NONE;
    int error;
    /* Since Linux 6.11 a null pointer with AT_EMPTY_PATH is the empty path. */
    if (address == 0 && (flags & AT_EMPTY_PATH) != 0)
        error = target_from_path(call, &who, dirfd, "", flags, lookup, &target);
    else
        error = target_at(call, &who, dirfd, address, flags, lookup, &target);
    if (error < 0)
        return error;
    return target_attributes(&who, &target, ret_attributes);
}

static int64_t stat_at(struct call *call, int dirfd, uint64_t address, uint64_t buffer, int flags)
{
    if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)) != 0)
        return -EINVAL;
    struct statx attributes;
    int error = attributes_at(call, dirfd, address, flags, &attributes);
    if (error < 0)
        return error;
    struct stat result;
    stat_from_statx(&attributes, &result);
    return guest_write(call, buffer, &result, sizeof(result));
}

int64_t sys_stat(struct call *call)
{
    return stat_at(call, AT_FDCWD, call->args[0], call->args[1], 0);
}

int64_t sys_lstat(struct call *call)
{
    return stat_at(call, AT_FDCWD, call->args[0], call->args[1], AT_SYMLINK_NOFOLLOW);
}

int64_t sys_newfstatat(struct call *call)
{
    return stat_at(call, arg_int(call, 0), call->args[1], call->args[2], arg_int(call, 3));
}

int64_t sys_fstat(struct call *call)
{
    auto_object struct object object = {.fd = -1};
    int error = object_from_fd(call, arg_int(call, 0), &object);
    if (error < 0)
        return error;
    struct stat result;
    stat_from_statx(&object.attributes, &result);
    return guest_write(call, call->args[1], &result, sizeof(result));
}

int64_t sys_statx(struct call *call)
{
    int flags = arg_int(call, 2);
    unsigned int mask = arg_uint(call, 3);
    if ((mask & STATX__RESERVED) != 0 || (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
        return -EINVAL;
    if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)) != 0)
        return -EINVAL;

    struct statx attributes;
    int error = attributes_at(call, arg_int(call, 0), call->args[1], flags, &attributes);
    if (error < 0)
        return error;
    return guest_write(call, call->args[4], &attributes, sizeof(attributes));
}
