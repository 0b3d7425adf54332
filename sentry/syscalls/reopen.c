/* SPDX-License-Identifier: Apache-2.0 */
/* open(2) of /proc/PID/fd/N, /dev/stdin and the like, where the object has no name: pipes, memory files, deleted files.
 */
#include <errno.h>
#include <stdio.h>

#include "postern/boot.h"
#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/fs/gofer_client.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/file.h"
#include "sentry/syscalls/open.h"

CONFINE_ALLOW_IF(openat, 0, UINT32_MAX, SENTRY_FD_PROC_OUTER, "objects without a name, through our own /proc/self/fd");

static int access_needed(int flags)
{
    static const int masks[4] = {MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE, MAY_READ | MAY_WRITE};
    return masks[flags & O_ACCMODE] | ((flags & O_TRUNC) != 0 ? MAY_WRITE : 0);
}

/* What the container was handed from outside it may open again only as it was handed. */
static int check_inherited(int fd, int flags)
{
    int held = fcntl(fd, F_GETFL);
    if (held < 0)
        return -errno;
    if ((held & O_PATH) != 0)
        return -EACCES;
    int needed = access_needed(flags);
    return (needed & ~access_needed(held & O_ACCMODE)) != 0 ? -EACCES : 0;
}

static int reopen_anonymous(const struct opening *opening, const struct object *object, int flags, int *ret_fd)
{
    struct statx attributes;
    if (statx(object->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &attributes) < 0)
        return -errno;
    const struct sentry *sentry = opening->who.sentry;
    bool inherited = attributes.stx_uid != sentry->guest_uid;
    if (inherited) {
        int error = check_inherited(object->fd, flags);
        if (error < 0)
            return error;
    }

    char name[32];
    (void)snprintf(name, sizeof(name), "self/fd/%d", object->fd);
    int fd = openat(sentry->proc_outer, name, flags | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 && errno == EACCES && inherited)
        fd = fcntl(object->fd, F_DUPFD_CLOEXEC, 0); /* the host's pipe or terminal: the same description will do */
    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}

static int reopen_file(const struct opening *opening, const struct object *object, int flags, int *ret_fd)
{
    int error = object_permission(&opening->who, object, access_needed(flags));
    if (error < 0)
        return error;
    mode_t type = object->attributes.stx_mode & S_IFMT;
    if ((type == S_IFCHR || type == S_IFBLK) && !device_allowed(&object->attributes))
        return -EPERM;
    error = gofer_reopen(opening->who.sentry->gofer, object->fd, flags, ret_fd);
    if (error == 0 && (flags & O_ACCMODE) != O_RDONLY)
        object_written(opening->who.sentry->vfs, object);
    return error;
}

int64_t open_object(struct opening *opening, int fd)
{
    auto_object struct object object = {.fd = -1};
    int error = object_from_own_fd(opening->call, fd, &object);
    if (error < 0)
        return error;

    mode_t type = object.attributes.stx_mode & S_IFMT;
    if ((opening->flags & O_DIRECTORY) != 0 && type != S_IFDIR)
        return -ENOTDIR;
    if ((opening->flags & O_PATH) != 0)
        return opening_install(opening, &object.fd);
    if (type == S_IFSOCK || type == 0) /* anonymous inodes have no type */
        return -ENXIO;
    int flags = opening->flags & ~(O_CREAT | O_EXCL | O_NOFOLLOW);
    if (type != S_IFREG)
        flags &= ~O_TRUNC;

    auto_close int opened = -1;
    if (object.kind == OBJECT_ANONYMOUS)
        error = reopen_anonymous(opening, &object, flags, &opened);
    else
        error = reopen_file(opening, &object, flags, &opened);
    return error < 0 ? error : opening_install(opening, &opened);
}
