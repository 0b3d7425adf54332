/* SPDX-License-Identifier: Apache-2.0 */
/* Path resolution for a trapped call: whose, from where, along what. */
#include "postern/cleanup.h"
#include "sentry/kernel/process.h"
#include "sentry/platform/call.h"
#include "sentry/sentry.h"
#include "sentry/vfs/vfs_internal.h"

#include <errno.h>

void vfs_who_from_call(struct call *call, struct vfs_who *ret_who)
{
    const struct context *context = call->task->process->context;
    vfs_tick_for_call(call->sentry->vfs, call->id);
    *ret_who = (struct vfs_who){
        .sentry = call->sentry,
        .task = call->task,
        .cred = task_cred(call->task),
        .root = context->root,
        .cwd = context->cwd,
        .umask = context->umask,
    };
}

static int lookup_from(struct object *object, const struct vfs_who *who, const char *path, unsigned int flags,
                       struct lookup *ret_lookup)
{
    if (object->dentry != NULL)
        return vfs_lookup(who, object->dentry, path, flags, ret_lookup);
    if (path[0] != '\0')
        return -ENOTDIR;
    if ((flags & (LOOKUP_DIRECTORY | LOOKUP_PARENT)) != 0 || (flags & LOOKUP_EMPTY) == 0)
        return (flags & LOOKUP_EMPTY) == 0 ? -ENOENT : -ENOTDIR;
    *ret_lookup = (struct lookup){.fd = take_fd(&object->fd)};
    return 0;
}

int vfs_lookup_at(struct call *call, const struct vfs_who *who, int dirfd, uint64_t path_address, unsigned int flags,
                  struct lookup *ret_lookup)
{
    char path[VFS_PATH_MAX];
    ssize_t length = guest_read_string(call, path_address, path, sizeof(path));
    if (length < 0)
        return (int)length;
    bool absolute = path[0] == '/' && (flags & (LOOKUP_BENEATH | LOOKUP_IN_ROOT)) == 0;
    if (absolute || dirfd == AT_FDCWD)
        return vfs_lookup(who, NULL, path, flags, ret_lookup);
    struct object object = {.fd = -1};
    int error = object_from_fd(call, dirfd, &object);
    if (error < 0)
        return error;
    error = lookup_from(&object, who, path, flags, ret_lookup);
    object_release(&object);
    return error;
}
