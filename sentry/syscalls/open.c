/* SPDX-License-Identifier: Apache-2.0 */
/* open(2), openat(2), creat(2), openat2(2): their arguments. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>

#include "sentry/syscalls/file.h"
#include "sentry/syscalls/handlers.h"
#include "sentry/syscalls/open.h"

enum {
    TMPFILE_BIT = O_TMPFILE & ~O_DIRECTORY,
    SYNC_BIT = O_SYNC & ~O_DSYNC,
    KERNEL_LARGEFILE = 0100000,
    PATH_FLAGS = O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC,
    VALID_FLAGS = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | O_DSYNC |
                  O_ASYNC | O_DIRECT | KERNEL_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH |
                  TMPFILE_BIT,
    RESOLVE_ALL = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | RESOLVE_IN_ROOT |
                  RESOLVE_CACHED,
    MODE_BITS = 07777,
};

/* What the kernel's build_open_flags refuses. */
static int check_flags(int flags)
{
    if ((flags & (O_DIRECTORY | O_CREAT)) == (O_DIRECTORY | O_CREAT))
        return -EINVAL;
    if ((flags & TMPFILE_BIT) != 0 && ((flags & O_DIRECTORY) == 0 || (flags & O_ACCMODE) == O_RDONLY))
        return -EINVAL;
    return 0;
}

static int64_t open_at(struct call *call, int dirfd, uint64_t address, const struct open_how *how, unsigned int resolve)
{
    struct opening opening = {.call = call, .flags = (int)how->flags, .mode = (mode_t)how->mode, .resolve = resolve};
    int error = check_flags(opening.flags);
    if (error < 0)
        return error;
    vfs_who_from_call(call, &opening.who);
    char path[VFS_PATH_MAX];
    ssize_t length = path_read(call, address, path);
    if (length < 0)
        return length;
    return opening_run(&opening, dirfd, path);
}

/* The calls older than openat2 ignore what they do not know. */
static int64_t open_lenient(struct call *call, int dirfd, uint64_t address, int flags, unsigned int mode)
{
    flags &= VALID_FLAGS;
    if ((flags & O_PATH) != 0)
        flags &= PATH_FLAGS;
    if ((flags & SYNC_BIT) != 0)
        flags |= O_DSYNC;
    struct open_how how = {.flags = (uint64_t)(unsigned int)flags};
    if ((flags & (O_CREAT | TMPFILE_BIT)) != 0)
        how.mode = mode & MODE_BITS;
    return open_at(call, dirfd, address, &how, 0);
}

int64_t sys_open(struct call *call)
{
    return open_lenient(call, AT_FDCWD, call->args[0], arg_int(call, 1), arg_uint(call, 2));
}

int64_t sys_openat(struct call *call)
{
    return open_lenient(call, arg_int(call, 0), call->args[1], arg_int(call, 2), arg_uint(call, 3));
}

int64_t sys_creat(struct call *call)
{
    return open_lenient(call, AT_FDCWD, call->args[0], O_CREAT | O_WRONLY | O_TRUNC, arg_uint(call, 1));
}

static int check_how(const struct open_how *how)
{
    bool makes = (how->flags & (O_CREAT | TMPFILE_BIT)) != 0;
    if ((how->flags & ~(uint64_t)VALID_FLAGS) != 0 || (how->resolve & ~(uint64_t)RESOLVE_ALL) != 0)
        return -EINVAL;
    if ((how->resolve & RESOLVE_BENEATH) != 0 && (how->resolve & RESOLVE_IN_ROOT) != 0)
        return -EINVAL;
    if (makes ? (how->mode & ~(uint64_t)MODE_BITS) != 0 : how->mode != 0)
        return -EINVAL;
    if ((how->flags & O_PATH) != 0 && (how->flags & ~(uint64_t)PATH_FLAGS) != 0)
        return -EINVAL;
    /* What it asks is whether no disk has to be waited for; we cannot tell, and programs try again without. */
    return (how->resolve & RESOLVE_CACHED) != 0 ? -EAGAIN : 0;
}

static unsigned int resolve_flags(uint64_t resolve)
{
    static const struct resolve_flag {
        unsigned int resolve, lookup;
    } table[] = {
        {RESOLVE_NO_XDEV, LOOKUP_NO_XDEV},
        {RESOLVE_NO_MAGICLINKS, LOOKUP_NO_MAGICLINKS},
        {RESOLVE_NO_SYMLINKS, LOOKUP_NO_SYMLINKS | LOOKUP_NO_MAGICLINKS},
        {RESOLVE_BENEATH, LOOKUP_BENEATH},
        {RESOLVE_IN_ROOT, LOOKUP_IN_ROOT},
    };
    unsigned int flags = 0;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if ((resolve & table[i].resolve) != 0)
            flags |= table[i].lookup;
    }
    return flags;
}

/* copy_struct_from_user: a longer structure of a later version is fine if what we do not know is zero. */
static int read_how(struct call *call, uint64_t address, uint64_t size, struct open_how *ret_how)
{
    unsigned char buffer[4096] = {0};
    if (size < sizeof(*ret_how))
        return -EINVAL;
    if (size > sizeof(buffer))
        return -E2BIG;
    int error = guest_read(call, address, buffer, size);
    if (error < 0)
        return error;
    for (size_t i = sizeof(*ret_how); i < size; i++) {
        if (buffer[i] != 0)
            return -E2BIG;
    }
    memcpy(ret_how, buffer, sizeof(*ret_how));
    return 0;
}

int64_t sys_openat2(struct call *call)
{
    struct open_how how;
    int error = read_how(call, call->args[2], call->args[3], &how);
    if (error == 0)
        error = check_how(&how);
    if (error < 0)
        return error;
    if ((how.flags & SYNC_BIT) != 0)
        how.flags |= O_DSYNC;
    return open_at(call, arg_int(call, 0), call->args[1], &how, resolve_flags(how.resolve));
}
