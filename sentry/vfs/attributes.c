/* SPDX-License-Identifier: Apache-2.0 */
/* The attribute cache: asked when stale, forgotten when something changed. */
#include "sentry/vfs/vfs_internal.h"

#include <errno.h>

/* The name led to something else meanwhile. If one of us has moved it the answer was about something else; if it was somebody outside, or
 * an overlay that copied the file up, the same kind of thing takes the place. Another kind is for the caller to look up again. */
static int exchange(struct vfs *vfs, struct dentry *dentry, const struct statx *attributes, uint64_t asked)
{
    if (names_moved(dentry))
        return -ESTALE;
    if (((attributes->stx_mode ^ dentry->inode->attributes.stx_mode) & S_IFMT) != 0) {
        dentry->valid_until = 0;
        return -ESTALE;
    }
    struct inode *inode = inode_obtain(vfs, dentry->inode->filesystem, attributes, asked);
    if (inode == NULL)
        return -ENOMEM;
    dentry_swap_inode(dentry, inode);
    return 0;
}

/* The inode is held. */
static int ask(struct vfs *vfs, struct dentry *dentry, struct inode *inode)
{
    struct statx attributes;
    uint64_t asked = vfs->stamp;
    int error = inode->filesystem->getattr(vfs, dentry, &attributes);
    if (error < 0)
        return error;
    if (dentry->inode != inode)
        return 0; /* whoever put another there knows it */
    if (inode->vfs == NULL) { /* not in the hash: the filesystem keeps its own identities and times */
        inode->attributes = attributes;
        return 0;
    }
    if (!same_object(&attributes, &inode->attributes))
        return exchange(vfs, dentry, &attributes, asked);
    inode_refresh(vfs, inode, &attributes, asked);
    return 0;
}

int vfs_getattr(struct vfs *vfs, struct dentry *dentry)
{
    if (dentry->real != NULL) {
        int result = vfs_getattr(vfs, dentry->real);
        view_refresh(dentry);
        return result;
    }
    struct inode *inode = dentry->inode;
    if (inode == NULL)
        return -ENOENT;
    if (inode_fresh(inode) || inode->filesystem->getattr == NULL || dentry_gone(dentry))
        return 0;
    (void)inode_get(inode);
    bool seen = inode_refresh_locally(vfs, inode) || (inode->filesystem->refresh != NULL && inode->filesystem->refresh(vfs, dentry));
    int error = seen ? 0 : ask(vfs, dentry, inode);
    (void)inode_put(inode);
    return error;
}

int vfs_get_owner(struct vfs *vfs, struct dentry *dentry)
{
    return dentry->real == NULL && dentry->inode != NULL && inode_ids_fresh(dentry->inode) ? 0 : vfs_getattr(vfs, dentry);
}

void attributes_aged(struct dentry *dentry)
{
    if (dentry->inode == NULL || dentry->inode->vfs == NULL)
        return;
    dentry->inode->fresh_until = 0;
    dentry->inode->changed = ++dentry->vfs->stamp;
}

void vfs_invalidate_attributes(struct dentry *dentry)
{
    if (dentry->inode != NULL)
        inode_changes(dentry->inode);
}

void object_changed(struct vfs *vfs, const struct object *object)
{
    struct inode *inode = object->kind == OBJECT_FILE ? inode_cached(vfs, &object->attributes) : NULL;
    if (inode != NULL)
        inode_changes(inode);
}

void object_written(struct vfs *vfs, const struct object *object)
{
    struct inode *inode = object->kind == OBJECT_FILE ? inode_cached(vfs, &object->attributes) : NULL;
    if (inode != NULL)
        inode_written(vfs, inode);
    else if (object->kind == OBJECT_FILE)
        identity_written(vfs, &object->attributes);
}
