/* SPDX-License-Identifier: Apache-2.0 */
/* open(2) of /proc/PID/fd/N, /dev/stdin and the like, where the object has no name: pipes, memory files, deleted files.
 */
#include <errno.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include "postern/cleanup.h"
#include "sentry/fs/gofer_client.h"
#include "sentry/kernel/process.h"
#include "sentry/platform/unlocked.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/busy.h"
#include "sentry/syscalls/file.h"
#include "sentry/syscalls/open.h"

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

/* A pipe has both its ends at once, and opening one waits for nobody; a FIFO has a name on some file system. */
static bool is_named_fifo(int fd, const struct statx *attributes)
{
    struct statfs filesystem;
    return S_ISFIFO(attributes->stx_mode) && unlocked_statfs(fd, &filesystem) == 0 && filesystem.f_type != PIPEFS_MAGIC;
}

/* O_NONBLOCK for the time of the open: a terminal may wait for its carrier. */
static int reopen_without_waiting(const struct sentry *sentry, int from, int flags)
{
    auto_close int fd = unlocked_reopen(sentry, from, flags | O_NONBLOCK);
    if (fd < 0)
        return take_fd(&fd);
    return (flags & O_NONBLOCK) == 0 && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) < 0 ? -errno : take_fd(&fd);
}

static int64_t reopen_anonymous(struct opening *opening, struct object *object, int flags)
{
    const struct sentry *sentry = opening->who.sentry;
    struct statx attributes;
    int error = unlocked_statx(object->fd, STATX_BASIC_STATS, &attributes);
    bool inherited = attributes.stx_uid != sentry->guest_uid;
    if (error == 0)
        error = inherited ? check_inherited(object->fd, flags) : object_permission(&opening->who, object, access_needed(flags));
    if (error < 0)
        return error;

    if (is_named_fifo(object->fd, &attributes))
        return fifo_reopen(opening->call, &opening->who, take_fd(&object->fd), flags);
    auto_close_unlocked int fd = S_ISCHR(attributes.stx_mode) ? reopen_without_waiting(sentry, object->fd, flags)
                                                     : unlocked_reopen(sentry, object->fd, flags);
    if (fd >= 0 && terminal_is(&attributes))
        terminal_own(opening->call->task->process, fd);
    if (fd == -EACCES && inherited) {
        fd = fcntl(object->fd, F_DUPFD_CLOEXEC, 0); /* the host's pipe or terminal: the same description will do */
        if (fd < 0)
            fd = -errno;
    }
    return fd < 0 ? fd : opening_install(opening, &fd);
}

static int reopen_file(const struct opening *opening, const struct object *object, int flags, int *ret_fd)
{
    int error = object_permission(&opening->who, object, access_needed(flags));
    if (error < 0)
        return error;
    mode_t type = object->attributes.stx_mode & S_IFMT;
    if ((type == S_IFCHR || type == S_IFBLK) && !device_allowed(&object->attributes))
        return -EPERM;
    struct vfs *vfs = opening->who.sentry->vfs;
    const bool writes = (access_needed(flags) & MAY_WRITE) != 0;
    if (writes && (error = object_want_write(vfs, object)) < 0)
        return error;
    if (writes && program_running(opening->call, &object->attributes))
        return -ETXTBSY;
    error = gofer_reopen(opening->who.sentry->gofer, object->fd, flags, ret_fd);
    if (error == 0)
        object_mark_copy(object, *ret_fd);
    if (error == 0 && type == S_IFCHR)
        terminal_own(opening->call->task->process, *ret_fd);
    if (error < 0 || !writes)
        return error;
    object_written(vfs, object);
    return program_running(opening->call, &object->attributes) ? -ETXTBSY : 0; /* by now */
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

    if (object.is_namespace && (access_needed(flags) & MAY_WRITE) != 0) {
        error = object_permission(&opening->who, &object, access_needed(flags));
        return error < 0 ? error : -EPERM;
    }
    if (object.kind == OBJECT_ANONYMOUS)
        return reopen_anonymous(opening, &object, flags);
    auto_close_unlocked int opened = -1;
    error = reopen_file(opening, &object, flags, &opened);
    return error < 0 ? error : opening_install(opening, &opened);
}
