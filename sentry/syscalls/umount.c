/* SPDX-License-Identifier: Apache-2.0 */
/* umount2(2) and pivot_root(2). */
#include <errno.h>
#include <linux/capability.h>
#include <sys/mount.h>

#include "sentry/kernel/cred.h"
#include "sentry/kernel/process.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/handlers.h"
#include "sentry/syscalls/mount_private.h"
#include "sentry/vfs/storage.h"

/* root: one reference to it is ours. */
static bool is_used(struct call *call, struct dentry *root)
{
    return guest_mount_is_used(call->sentry->vfs, root, 1) || mount_has_open_files(call, root->guest, false);
}

/* Of what nobody has used since the last time. */
static int expire(struct call *call, struct dentry *root, const struct vfs_who *who, int flags)
{
    if ((flags & (MNT_FORCE | MNT_DETACH)) != 0 || same_place(root, who->root))
        return -EINVAL;
    if (is_used(call, root))
        return -EBUSY;
    if (root->guest->expiring)
        return 0;
    root->guest->expiring = true;
    return -EAGAIN;
}

/* root: of a mount, one reference to it ours. */
static int may_detach(struct call *call, const struct vfs_who *who, struct dentry *root, int flags)
{
    if (!is_mount_root(root))
        return -EINVAL; /* the bundle's mounts are no roots of their own: they are locked */
    if (mount_root_covers(root) == NULL) /* the root of all, or gone */
        return guest_place_attached(root) && (flags & MNT_EXPIRE) == 0 ? -EBUSY : -EINVAL;
    if ((flags & MNT_EXPIRE) != 0)
        return expire(call, root, who, flags);
    return (flags & MNT_DETACH) == 0 && is_used(call, root) ? -EBUSY : 0;
}

static bool has_somebody(const struct dentry *root, void *data)
{
    return process_table_any_place(data, guest_mount_is_below, root);
}

void mounts_sweep(struct call *call)
{
    process_table_forget_ended(call->sentry->processes);
    guest_namespaces_sweep(call->sentry->vfs, has_somebody, call->sentry->processes);
}

int64_t sys_umount2(struct call *call)
{
    const int flags = arg_int(call, 1);
    if ((flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW)) != 0)
        return -EINVAL;
    struct vfs_who who;
    vfs_who_from_call(call, &who);
    struct vfs *vfs = call->sentry->vfs;
    auto_lookup struct lookup lookup = {.fd = -1};
    int error = path_lookup_at(call, &who, AT_FDCWD, call->args[0], (flags & UMOUNT_NOFOLLOW) != 0 ? 0 : LOOKUP_FOLLOW, &lookup);
    if (error < 0)
        return error;
    if (!cred_capable(call->cred, CAP_SYS_ADMIN))
        return -EPERM;
    if (lookup.dentry == NULL)
        return -EINVAL;
    mounts_sweep(call);
    auto_dentry struct dentry *root = guest_mounts_top(vfs, lookup.dentry);
    lookup.dentry = dentry_put(lookup.dentry);
    error = may_detach(call, &who, root, flags);
    if (error == 0 && mount_root_covers(root) == NULL)
        error = -EINVAL; /* somebody was quicker while we looked at open files */
    if (error < 0)
        return error;
    guest_mount_detach(vfs, root);
    root = dentry_put(root);
    guest_storage_sweep(vfs);
    return 0;
}

/* --- pivot_root --- */

static int may_pivot(const struct vfs_who *who, const struct dentry *new_root, const struct dentry *put_old)
{
    const struct dentry *root = guest_namespace_root(who->root);
    if (new_root->inode == NULL || !S_ISDIR(new_root->inode->attributes.stx_mode) || put_old->inode == NULL ||
        !S_ISDIR(put_old->inode->attributes.stx_mode))
        return -ENOTDIR;
    if (vfs_gone(new_root) < 0 || vfs_gone(put_old) < 0)
        return -ENOENT;
    if (new_root->guest == who->root->guest || put_old->guest == who->root->guest)
        return -EBUSY;
    if (guest_mount_propagation(put_old) == GUEST_SHARED || root == NULL || !same_place(who->root, root) || !is_mount_root(new_root) ||
        mount_root_covers(new_root) == NULL || guest_mount_propagation(mount_root_covers(new_root)) == GUEST_SHARED)
        return -EINVAL;
    return guest_mount_is_below(put_old, new_root) && guest_mount_is_below(new_root, root) ? 0 : -EINVAL;
}

int64_t sys_pivot_root(struct call *call)
{
    if (!cred_capable(call->cred, CAP_SYS_ADMIN))
        return -EPERM;
    struct vfs_who who;
    vfs_who_from_call(call, &who);
    struct vfs *vfs = call->sentry->vfs;
    auto_lookup struct lookup new_root = {.fd = -1}, put_old = {.fd = -1};
    int error = path_lookup_at(call, &who, AT_FDCWD, call->args[0], LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &new_root);
    if (error == 0)
        error = path_lookup_at(call, &who, AT_FDCWD, call->args[1], LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &put_old);
    if (error < 0)
        return error;
    if (new_root.dentry == NULL || put_old.dentry == NULL)
        return -EINVAL;
    auto_dentry struct dentry *place = guest_mounts_top(vfs, put_old.dentry);
    error = may_pivot(&who, new_root.dentry, place);
    if (error < 0)
        return error;
    auto_dentry struct dentry *before = dentry_get(guest_namespace_root(who.root));
    guest_mounts_pivot(vfs, before, new_root.dentry, place);
    process_table_move_root(call->sentry->processes, before, new_root.dentry);
    return 0;
}
