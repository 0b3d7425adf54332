/* SPDX-License-Identifier: Apache-2.0 */
/* inotify_add_watch(2): the guest holds a real inotify instance; only the naming is ours. */
#include <errno.h>
#include <string.h>
#include <sys/inotify.h>

#include "postern/cleanup.h"
#include "sentry/fs/gofer_client.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/file.h"
#include "sentry/syscalls/handlers.h"

static const uint32_t valid_bits = IN_ALL_EVENTS | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED | IN_ONLYDIR |
                                   IN_DONT_FOLLOW | IN_EXCL_UNLINK | IN_MASK_ADD | IN_MASK_CREATE | IN_ISDIR |
                                   IN_ONESHOT;

static int check_instance(struct sentry *sentry, int fd)
{
    char link[64];
    ssize_t length = object_describe(sentry, fd, NULL, link, sizeof(link));
    static const char wanted[] = "anon_inode:inotify";
    bool is_one = length >= (ssize_t)sizeof(wanted) - 1 && memcmp(link, wanted, sizeof(wanted) - 1) == 0;
    return is_one ? 0 : -EINVAL;
}

int64_t sys_inotify_add_watch(struct call *call)
{
    uint32_t mask = arg_uint(call, 2);
    if ((mask & valid_bits) == 0)
        return -EINVAL;
    auto_close_unlocked int inotify = call_get_fd(call, arg_int(call, 0));
    if (inotify < 0)
        return inotify;
    if ((mask & IN_MASK_ADD) != 0 && (mask & IN_MASK_CREATE) != 0)
        return -EINVAL;
    int error = check_instance(call->sentry, inotify);
    if (error < 0)
        return error;

    struct vfs_who who;
    vfs_who_from_call(call, &who);
    unsigned int flags =
        ((mask & IN_DONT_FOLLOW) != 0 ? 0 : LOOKUP_FOLLOW) | ((mask & IN_ONLYDIR) != 0 ? LOOKUP_DIRECTORY : 0);
    auto_lookup struct lookup lookup = {.fd = -1};
    error = path_lookup_at(call, &who, AT_FDCWD, call->args[1], flags, &lookup);
    if (error < 0)
        return error;
    if (lookup.dentry == NULL)
        return -ENOSPC; /* nothing the gofer could name: programs poll instead */
    error = vfs_permission(&who, lookup.dentry, MAY_READ);
    if (error < 0)
        return error;
    if (lookup.dentry->filesystem->create == NULL)
        return -ENOSPC; /* a synthetic tree */
    char path[VFS_PATH_MAX];
    ssize_t length = dentry_relative_path(lookup.dentry, path, sizeof(path));
    if (length < 0)
        return length;
    const struct gofer_place place = {.path = path, .fd = -1, .expected = gofer_identity_of(&lookup.dentry->inode->attributes)};
    error = gofer_inotify_add(call->sentry->gofer, inotify, place, mask);
    if (error == -ESTALE)
        vfs_invalidate_attributes(lookup.dentry); /* an overlay may have copied the file up */
    return vfs_said(lookup.dentry, error);
}
