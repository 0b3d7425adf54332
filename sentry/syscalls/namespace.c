/* SPDX-License-Identifier: Apache-2.0 */
/* A mount namespace of one's own: to the host nothing, here a copy of all mounts, and a root in that. */
#include "sentry/syscalls/namespace.h"

#include <errno.h>
#include <linux/capability.h>

#include "sentry/kernel/cred.h"
#include "sentry/kernel/process.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/mount_private.h"
#include "sentry/vfs/storage.h"

static int64_t enter(struct call *call, struct dentry *root, struct dentry *cwd)
{
    struct context *context = task_edit(call->task);
    if (context == NULL)
        return -ENOMEM;
    struct fs fs = task_fs(call->task);
    fs.root = root;
    fs.cwd = cwd;
    context_set_fs(context, call->task, &fs);
    return process_commit(call->sentry->processes, call->task->process, context);
}

int64_t unshare_mounts(struct call *call)
{
    if (!cred_capable(call->cred, CAP_SYS_ADMIN))
        return -EPERM;
    struct vfs_who who;
    vfs_who_from_call(call, &who);
    struct vfs *vfs = call->sentry->vfs;
    if (process_shares_fs(call->sentry->processes, call->task->process))
        return -EPERM; /* the host would have to tell them apart, too */
    mounts_sweep(call);
    int error = task_unshare_fs(call->sentry->processes, call->task);
    struct dentry *found = error == 0 ? guest_namespace_root(who.root) : NULL;
    auto_dentry struct dentry *top = found != NULL ? dentry_get(found) : NULL;
    struct guest_sources *sources = NULL;
    if (error == 0 && top == NULL)
        error = -EINVAL; /* of a root that is gone there is none */
    if (error == 0)
        error = guest_sources_find(vfs, top, true, &sources);
    if (error < 0)
        return error == -EAGAIN ? -ENOMEM : error;
    /* Nothing is waited for from here on. */
    const struct fs now = task_fs(call->task);
    struct dentry *root = now.root, *cwd = now.cwd;
    if (guest_namespace_root(root) != top)
        error = -ESTALE; /* pivot_root(2) has come between */
    else if (top != vfs_bundle_root(vfs) && guest_mount_is_below(vfs_bundle_root(vfs), top))
        error = -EBUSY; /* the bundle's root lies somewhere below, on its way to be taken away */
    else
        error = guest_mounts_unshare(vfs, sources, &root, &cwd);
    (void)guest_sources_free(sources);
    if (error < 0)
        return error;
    const int64_t result = enter(call, root, cwd);
    dentry_put(root);
    dentry_put(cwd);
    mounts_sweep(call); /* if it has failed, nobody is there */
    guest_storage_sweep(vfs);
    return result;
}
