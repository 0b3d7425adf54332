/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking without a hop. What is known of a name is held against what the kernel says of it now, by a statx below a folder we
 * hold a descriptor of (vfs/handle.c). If the same object is there, and has not changed since the gofer said whose it is, or if there is still
 * nothing, that is as good as asked for. A name that is not known and an object that has changed are the gofer's to describe.
 *
 * We see what everybody may see: in a folder that is not open to all, and behind an ACL that names others, the gofer looks.
 */
#include "sentry/fs/goferfs_private.h"

#include <errno.h>
#include <string.h>

#include "postern/cleanup.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"

/* A descriptor of a folder costs a hop: it is for those that are looked into time and again. */
static bool want_handle(struct vfs *vfs, struct dentry *directory, struct inode *inode)
{
    enum { WANTED = 2 };
    char path[VFS_PATH_MAX];
    auto_close_unlocked int fd = -1;
    struct statx attributes;
    if (inode->held_wanted++ < WANTED)
        return false;
    inode->held_wanted = 0; /* if it fails there is no haste */
    if (goferfs_path_of(directory, path) == 0 &&
        gofer_open(vfs->sentry->gofer, goferfs_place(path, directory), O_PATH | O_DIRECTORY, 0, NULL, 0, &fd, &attributes, NULL) == 0 &&
        same_object(&attributes, &inode->attributes))
        inode_keep_handle(vfs, inode, fd);
    return inode->handle != 0;
}

static bool may_see_into(struct vfs *vfs, struct dentry *directory, struct inode *inode)
{
    return (inode->attributes.stx_mode & S_IXOTH) != 0 && (inode->handle != 0 || want_handle(vfs, directory, inode));
}

/* The inode is the folder's, held. */
static bool see_name(struct vfs *vfs, struct dentry *directory, struct inode *inode, const char *name)
{
    if (!may_see_into(vfs, directory, inode))
        return false;
    struct statx attributes;
    const uint64_t asked = vfs->stamp;
    int error = inode_see_child(inode, name, &attributes);
    if (directory->inode != inode || names_changed(directory, asked) || (error < 0 && error != -ENOENT))
        return false;
    struct inode *found = error == 0 ? inode_cached(vfs, &attributes) : NULL;
    if (error == 0 && (found == NULL || !inode_refresh_seen(vfs, found, &attributes, asked)))
        return false;
    return dentry_settle(vfs, directory, name, found != NULL ? inode_get(found) : NULL, names_until(directory)) != NULL;
}

/* Is what is known of a name right, now that we have looked? */
static bool holds(struct vfs *vfs, struct dentry *directory, const char *name)
{
    const struct dentry *known = dentry_cached(vfs, directory, name);
    if (known == NULL)
        return false;
    if (known->filesystem != &goferfs || (dentry_valid(known) && (known->inode == NULL || inode_ids_fresh(known->inode))))
        return true;
    struct inode *inode = inode_get(directory->inode);
    bool seen = see_name(vfs, directory, inode, name);
    inode_put(inode);
    return seen;
}

static bool is_plain(const char *name)
{
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

struct dentry *goferfs_see(struct vfs *vfs, struct dentry *directory, const char **rest)
{
    struct dentry *at = dentry_get(directory);
    while (at->filesystem == &goferfs && dentry_is_directory(at) && !dentry_gone(at)) {
        char name[VFS_NAME_MAX + 1];
        const char *after = *rest + strspn(*rest, "/");
        if (*after == '\0' || next_name(&after, name) < 0 || !is_plain(name))
            break;
        struct dentry *child = holds(vfs, at, name) ? dentry_cached(vfs, at, name) : NULL;
        if (child == NULL)
            return at;
        child = dentry_get(child);
        dentry_put(at);
        at = child;
        *rest = after;
    }
    *rest = NULL;
    return at;
}
