/* SPDX-License-Identifier: Apache-2.0 */
/* From a directory to a child: the cache, or the filesystem. No permission is asked here. */
#include "sentry/vfs/vfs_internal.h"

#include <errno.h>
#include <string.h>

int next_name(const char **rest, char name[VFS_NAME_MAX + 1])
{
    size_t length = strcspn(*rest, "/");
    if (length > VFS_NAME_MAX)
        return -ENAMETOOLONG;
    memcpy(name, *rest, length);
    name[length] = '\0';
    *rest += length;
    return 0;
}

static int real_child(struct vfs *vfs, struct dentry *directory, const char *name, struct dentry **ret_dentry)
{
    struct dentry *dentry = dentry_cached(vfs, directory, name);
    if (dentry == NULL || !dentry_valid(dentry)) {
        int error = vfs_gone(directory);
        if (error < 0)
            return error;
        if (directory->filesystem->lookup == NULL)
            return -ENOTDIR;
        struct inode *inode = NULL;
        error = directory->filesystem->lookup(vfs, directory, name, &inode);
        if (error < 0 && error != -ENOENT)
            return error;
        /* A filesystem with better knowledge than "now" has put the dentry there itself. */
        dentry = dentry_cached(vfs, directory, name);
        if (dentry == NULL || !dentry_valid(dentry) || dentry->inode != inode) {
            int64_t until = inode != NULL && inode->fresh_until > vfs_now() ? inode->fresh_until : vfs_now();
            dentry = dentry_settle(vfs, directory, name, inode, until);
        } else {
            inode_put(inode);
        }
        if (dentry == NULL)
            return -ENOMEM;
    }
    *ret_dentry = dentry_get(dentry);
    return 0;
}

static void prefetch(struct vfs *vfs, struct dentry *directory, const char *name, const char *rest)
{
    const struct dentry *cached = dentry_cached(vfs, directory, name);
    if ((cached == NULL || !dentry_valid(cached)) && directory->filesystem->prefetch != NULL &&
        !dentry_gone(directory))
        directory->filesystem->prefetch(vfs, directory, rest);
}

int child_below_mounts(struct vfs *vfs, struct dentry *directory, const char *name, const char *rest,
                       struct dentry **ret_dentry)
{
    struct dentry *real_directory = dentry_real(directory), *real;
    if (rest != NULL)
        prefetch(vfs, real_directory, name, rest);
    int error = real_child(vfs, real_directory, name, &real);
    if (error < 0 || directory == real_directory) {
        if (error == 0)
            *ret_dentry = real;
        return error;
    }
    struct dentry *view = dentry_view(directory, real);
    dentry_put(real);
    if (view == NULL)
        return -ENOMEM;
    *ret_dentry = view;
    return 0;
}

int child_with_rest(struct vfs *vfs, struct dentry *directory, const char *name, const char *rest,
                    struct dentry **ret_dentry)
{
    struct dentry *child;
    int error = child_below_mounts(vfs, directory, name, rest, &child);
    if (error == 0)
        *ret_dentry = guest_mounts_cross(vfs, child);
    return error;
}

int vfs_child(struct vfs *vfs, struct dentry *directory, const char *name, struct dentry **ret_dentry)
{
    return child_with_rest(vfs, directory, name, NULL, ret_dentry);
}

int vfs_find_below(struct vfs *vfs, struct dentry *top, const char *path, struct dentry **ret_dentry)
{
    struct dentry *at = dentry_get(top);
    for (const char *rest = path + strspn(path, "/"); *rest != '\0'; rest += strspn(rest, "/")) {
        char name[VFS_NAME_MAX + 1];
        const char *from = rest;
        struct dentry *child;
        int error = next_name(&rest, name);
        if (error == 0 && !dentry_is_directory(at))
            error = at->inode == NULL ? -ENOENT : -ENOTDIR;
        if (error == 0)
            error = child_below_mounts(vfs, at, name, from, &child);
        dentry_put(at);
        if (error < 0)
            return error;
        at = child;
    }
    if (at->inode == NULL) {
        dentry_put(at);
        return -ENOENT;
    }
    *ret_dentry = at;
    return 0;
}

int vfs_find_now(struct vfs *vfs, const char *path, struct dentry **ret_dentry)
{
    return vfs_find_below(vfs, vfs->root, path, ret_dentry);
}

int vfs_find(struct vfs *vfs, const char *path, struct dentry **ret_dentry)
{
    vfs_tick(vfs);
    return vfs_find_now(vfs, path, ret_dentry);
}
