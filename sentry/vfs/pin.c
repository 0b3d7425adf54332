/* SPDX-License-Identifier: Apache-2.0 */
/* Mount points and masks of ours: dentries that are never looked up and never leave. */
#include "sentry/sentry.h"
#include "sentry/vfs/vfs_internal.h"

#include <errno.h>
#include <string.h>

/* The mount of ours at this path; of several on top of each other the last. */
static const struct boot_mount *mount_at(const struct boot_config *boot, const char *path)
{
    const struct boot_mount *found = NULL;
    for (uint32_t i = 0; i < boot->mount_count && i < BOOT_MOUNTS_MAX; i++) {
        if (boot->mounts[i].kind != BOOT_MOUNT_REAL && strcmp(boot->mounts[i].destination, path) == 0)
            found = &boot->mounts[i];
    }
    return found;
}

/* What was known below a place is covered now. */
static void cover_children(struct dentry *dentry)
{
    for (struct dentry *child = dentry->children, *next; child != NULL; child = next) {
        next = child->sibling_next;
        child->pinned = false;
        dentry_kill(child);
    }
}

/* Splits "/a/b" into the dentry of "/a" (owned) and "b". */
static int parent_of(struct vfs *vfs, const char *path, struct dentry **ret_parent, const char **ret_name)
{
    const char *name = strrchr(path, '/');
    if (path[0] != '/' || name[1] == '\0' || strlen(name + 1) > VFS_NAME_MAX || strlen(path) >= VFS_PATH_MAX)
        return -EINVAL;
    char directory[VFS_PATH_MAX];
    memcpy(directory, path, (size_t)(name - path));
    directory[name - path] = '\0';
    struct dentry *parent;
    int error = vfs_find(vfs, directory, &parent);
    if (error < 0)
        return error;
    if (!dentry_is_directory(parent)) {
        dentry_put(parent);
        return -ENOTDIR;
    }
    *ret_parent = parent;
    *ret_name = name + 1;
    return 0;
}

static struct dentry *place(struct vfs *vfs, struct dentry *parent, const char *name, struct inode *inode)
{
    struct dentry *dentry = dentry_cached(vfs, parent, name);
    if (dentry != NULL && dentry->pinned) {
        cover_children(dentry);
        dentry_swap_inode(dentry, inode);
        return dentry;
    }
    if (dentry != NULL)
        dentry_kill(dentry);
    dentry = dentry_settle(vfs, parent, name, inode, INT64_MAX);
    if (dentry != NULL)
        dentry_get(dentry)->pinned = true; /* the reference is kept */
    return dentry;
}

int vfs_pin(struct vfs *vfs, const char *path, struct inode *inode)
{
    struct dentry *parent;
    const char *name;
    int error = parent_of(vfs, path, &parent, &name);
    if (error < 0) {
        inode_put(inode);
        return error;
    }
    struct dentry *dentry = place(vfs, parent, name, inode);
    dentry_put(parent);
    if (dentry == NULL)
        return -ENOMEM;
    dentry->mount = mount_at(vfs->sentry->boot, path);
    return 0;
}

int vfs_pin_readonly(struct vfs *vfs, const char *path)
{
    struct dentry *dentry;
    int error = vfs_find(vfs, path, &dentry);
    if (error < 0)
        return error;
    dentry->readonly = true;
    if (dentry->pinned)
        dentry_put(dentry);
    dentry->pinned = true; /* the reference is kept */
    return 0;
}
