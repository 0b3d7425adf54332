/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Views: the dentries of what is seen through a mount of the guest's. A view stands for a real dentry, and has its inode; its
 * filesystem hands everything on to the real one's, so that what is known of files and names is known once. Where a view is in the
 * tree of views is where it was found; where it is, the real tree says.
 */
#include <errno.h>
#include <stdlib.h>

#include "sentry/vfs/vfs_internal.h"

bool same_place(const struct dentry *one, const struct dentry *other)
{
    return one->guest == other->guest && dentry_real(one) == dentry_real(other);
}

bool dentry_busy(const struct dentry *dentry)
{
    const struct dentry *real = dentry_real(dentry);
    return real->pinned || real->mount_points > 0 || (dentry->real != NULL && is_mount_root(dentry));
}

/* --- upwards --- */

/* The views from a mount's root down to a real dentry, one after the other. */
struct dentry *view_below(struct dentry *root, struct dentry *real)
{
    size_t depth = 0;
    for (const struct dentry *at = real; at != root->real; at = at->parent, depth++)
        if (at->parent == at)
            return NULL;
    struct dentry **chain = calloc(depth + 1, sizeof(struct dentry *));
    if (chain == NULL)
        return NULL;
    for (size_t i = depth; i > 0; i--, real = real->parent)
        chain[i - 1] = real;
    struct dentry *view = dentry_get(root);
    for (size_t i = 0; i < depth && view != NULL; i++) {
        struct dentry *next = dentry_view(view, chain[i]);
        dentry_put(view);
        view = next;
    }
    free(chain);
    return view;
}

struct dentry *view_of(struct guest_mount *guest, struct dentry *real)
{
    return guest->root == NULL ? NULL : view_below(guest->root, real);
}

static struct dentry *view_parent(struct dentry *view)
{
    if (view->parent->real == view->real->parent)
        return dentry_get(view->parent);
    struct dentry *root = view;
    while (root->parent != root)
        root = root->parent;
    return view_below(root, view->real->parent);
}

struct dentry *dentry_up(struct vfs *vfs, struct dentry *dentry, const struct dentry *top)
{
    struct dentry *at = dentry;
    while (is_mount_root(at) && !same_place(at, top)) {
        struct dentry *covered = mount_root_covers(at);
        if (covered == NULL)
            break;
        at = covered;
    }
    if (same_place(at, top) || is_mount_root(at))
        return dentry_get(at);
    struct dentry *parent = at->real != NULL ? view_parent(at) : dentry_get(at->parent);
    return parent != NULL ? guest_mounts_cross(vfs, parent) : NULL;
}

/* --- the real one's answers --- */

static int view_getattr(struct vfs *vfs, struct dentry *dentry, struct statx *ret_attributes)
{
    int error = vfs_getattr(vfs, dentry->real);
    if (error == 0)
        *ret_attributes = dentry->real->inode->attributes;
    return error;
}

#define HANDED_ON(real, operation, missing, ...)                                                                       \
    ((real)->filesystem->operation == NULL ? (missing) : (real)->filesystem->operation(__VA_ARGS__))

static int view_setattr(struct vfs *vfs, struct dentry *dentry, const struct vfs_who *who, const struct setattr *set)
{
    return HANDED_ON(dentry->real, setattr, -EPERM, vfs, dentry->real, who, set);
}

static ssize_t view_readlink(struct vfs *vfs, struct dentry *dentry, const struct vfs_who *who, char *buffer, size_t size)
{
    return HANDED_ON(dentry->real, readlink, -EINVAL, vfs, dentry->real, who, buffer, size);
}

static int view_follow(struct vfs *vfs, struct dentry *dentry, const struct vfs_who *who, struct dentry **ret_dentry, int *ret_fd)
{
    return HANDED_ON(dentry->real, follow, -ENOSYS, vfs, dentry->real, who, ret_dentry, ret_fd);
}

static int view_open(struct vfs *vfs, struct dentry *dentry, const struct open_request *request, int *ret_fd)
{
    int missing = (request->flags & O_TMPFILE) == O_TMPFILE ? -EOPNOTSUPP : request->exec ? -EACCES : -ENXIO;
    return HANDED_ON(dentry->real, open, missing, vfs, dentry->real, request, ret_fd);
}

static int view_create(struct vfs *vfs, struct dentry *directory, const char *name, const struct open_request *request, int *ret_fd)
{
    return HANDED_ON(directory->real, create, -EACCES, vfs, directory->real, name, request, ret_fd);
}

static int view_mkdir(struct vfs *vfs, struct dentry *directory, const char *name, mode_t mode, const struct vfs_who *who)
{
    return HANDED_ON(directory->real, mkdir, -EPERM, vfs, directory->real, name, mode, who);
}

static int view_mknod(struct vfs *vfs, struct dentry *directory, const char *name, mode_t mode, dev_t dev, const struct vfs_who *who)
{
    return HANDED_ON(directory->real, mknod, -EPERM, vfs, directory->real, name, mode, dev, who);
}

static int view_symlink(struct vfs *vfs, struct dentry *directory, const char *name, const char *target, const struct vfs_who *who)
{
    return HANDED_ON(directory->real, symlink, -EPERM, vfs, directory->real, name, target, who);
}

static int view_link(struct vfs *vfs, struct dentry *source, struct dentry *directory, const char *name, const struct vfs_who *who)
{
    return HANDED_ON(directory->real, link, -EPERM, vfs, dentry_real(source), directory->real, name, who);
}

static int view_unlink(struct vfs *vfs, struct dentry *victim)
{
    return HANDED_ON(victim->real, unlink, -EPERM, vfs, victim->real);
}

static int view_rmdir(struct vfs *vfs, struct dentry *victim)
{
    return HANDED_ON(victim->real, rmdir, -EPERM, vfs, victim->real);
}

static int view_rename(struct vfs *vfs, struct dentry *source, struct dentry *directory, const char *name, unsigned int flags,
                       const struct vfs_who *who)
{
    return HANDED_ON(directory->real, rename, -EPERM, vfs, dentry_real(source), directory->real, name, flags, who);
}

static int view_readdir(struct vfs *vfs, struct dentry *directory, const struct vfs_who *who, int64_t offset, readdir_fn emit, void *data)
{
    return HANDED_ON(directory->real, readdir, -ENOENT, vfs, directory->real, who, offset, emit, data);
}

static int view_statfs(struct vfs *vfs, struct dentry *dentry, struct statfs *ret_statfs)
{
    return HANDED_ON(dentry->real, statfs, -ENOSYS, vfs, dentry->real, ret_statfs);
}

static ssize_t view_getxattr(struct vfs *vfs, struct dentry *dentry, const char *name, void *value, size_t size)
{
    return HANDED_ON(dentry->real, getxattr, -EOPNOTSUPP, vfs, dentry->real, name, value, size);
}

static int view_setxattr(struct vfs *vfs, struct dentry *dentry, const struct vfs_who *who, const char *name, const void *value, size_t size,
                         int flags)
{
    return HANDED_ON(dentry->real, setxattr, -EOPNOTSUPP, vfs, dentry->real, who, name, value, size, flags);
}

static ssize_t view_listxattr(struct vfs *vfs, struct dentry *dentry, char *list, size_t size)
{
    return HANDED_ON(dentry->real, listxattr, 0, vfs, dentry->real, list, size);
}

static int view_removexattr(struct vfs *vfs, struct dentry *dentry, const struct vfs_who *who, const char *name)
{
    return HANDED_ON(dentry->real, removexattr, -EOPNOTSUPP, vfs, dentry->real, who, name);
}

static int view_hides(const struct dentry *dentry, const struct vfs_who *who, bool looks)
{
    return HANDED_ON(dentry->real, hides, 0, dentry->real, who, looks);
}

static bool view_grants(const struct dentry *dentry, const struct vfs_who *who)
{
    return HANDED_ON(dentry->real, grants, false, dentry->real, who);
}

const struct filesystem viewfs = {
    .name = "view",
    .getattr = view_getattr,
    .setattr = view_setattr,
    .readlink = view_readlink,
    .follow = view_follow,
    .open = view_open,
    .create = view_create,
    .mkdir = view_mkdir,
    .mknod = view_mknod,
    .symlink = view_symlink,
    .link = view_link,
    .unlink = view_unlink,
    .rmdir = view_rmdir,
    .rename = view_rename,
    .readdir = view_readdir,
    .statfs = view_statfs,
    .getxattr = view_getxattr,
    .setxattr = view_setxattr,
    .listxattr = view_listxattr,
    .removexattr = view_removexattr,
    .hides = view_hides,
    .grants = view_grants,
};
