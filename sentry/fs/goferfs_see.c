/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking without a hop. What is known of a name is held against what the kernel says of it now, by a statx below a folder we
 * hold a descriptor of (vfs/handle.c). If the same object is there, and has not changed since the gofer said whose it is, or if there is still
 * nothing, that is as good as asked for; so is a name of which nothing is known, if nothing has it. What is new and what has changed is the gofer's to
 * describe.
 *
 * We see what everybody may see: in a folder that is not open to all, and behind an ACL that names others, the gofer looks.
 */
#include "sentry/fs/goferfs_private.h"

#include <errno.h>
#include <string.h>

#include "postern/cleanup.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"

enum { WANTED = 2 };

/* A descriptor of a folder costs a hop: it is for those that are looked into time and again. */
static bool want_handle(struct vfs *vfs, struct dentry *directory, struct inode *inode)
{
    char path[VFS_PATH_MAX];
    auto_close_unlocked int fd = -1;
    struct statx attributes;
    if (inode->held_wanted < WANTED) {
        inode->held_wanted++;
        return false;
    }
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

void goferfs_note_absent(struct inode *folder)
{
    if (folder->held_wanted < WANTED)
        folder->held_wanted++;
}

/* Most names that are not known are there, and only the gofer can describe them. It is worth a look where names have been asked for in vain. */
static bool is_worth_a_look(const struct inode *folder)
{
    return folder != NULL && (folder->handle != 0 || folder->held_wanted >= WANTED);
}

/* Is what is known of a name right, now that we have looked? */
static bool holds(struct vfs *vfs, struct dentry *directory, const char *name)
{
    const struct dentry *known = dentry_cached(vfs, directory, name);
    if (known == NULL && !is_worth_a_look(directory->inode))
        return false;
    if (known != NULL && (known->filesystem != &goferfs || (dentry_valid(known) && (known->inode == NULL || inode_ids_fresh(known->inode)))))
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

bool goferfs_unknown(struct vfs *vfs, struct dentry *directory, const char *name)
{
    char path[VFS_PATH_MAX];
    if (dentry_cached(vfs, directory, name) != NULL || directory->inode == NULL)
        return false;
    if (goferfs_path_of(directory, path) < 0 || strlen(path) + 1 + strlen(name) >= sizeof(path))
        return false; /* that it is too long is what making it would say first */
    struct inode *inode = inode_get(directory->inode);
    struct statx attributes; /* there, but new to us: to be looked up */
    bool seen = inode->handle != 0 && (see_name(vfs, directory, inode, name) || inode_see_child(inode, name, &attributes) == 0);
    inode_put(inode);
    return !seen;
}

/* Both inodes are held. What has another object by that name now is for the gofer to say. */
static bool see_again(struct vfs *vfs, struct dentry *directory, struct inode *folder, const char *name, struct inode *known)
{
    struct statx attributes;
    const uint64_t asked = vfs->stamp;
    return may_see_into(vfs, directory, folder) && inode_see_child(folder, name, &attributes) == 0 &&
           !names_changed(directory, asked) && inode_refresh_seen(vfs, known, &attributes, asked) && inode_fresh(known);
}

bool goferfs_refresh(struct vfs *vfs, struct dentry *dentry)
{
    if (dentry->parent == dentry || dentry->parent->filesystem != &goferfs || dentry->parent->inode == NULL)
        return false;
    char name[VFS_NAME_MAX + 1];
    (void)strcpy(name, dentry->name);
    struct dentry *directory = dentry_get(dentry->parent);
    struct inode *folder = inode_get(directory->inode), *known = inode_get(dentry->inode);
    bool seen = see_again(vfs, directory, folder, name, known) && dentry->inode == known;
    inode_put(known);
    inode_put(folder);
    dentry_put(directory);
    return seen;
}
