/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extended attributes that decide (a file's ACL, its capabilities), kept with its inode as long as its owner and mode
 * are, or as the file has not been changed: to set one changes the time of change. Not those of a file the guest has opened for writing: writing
 * takes capabilities away, and we do not see it.
 */
#include "sentry/vfs/vfs_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT_SIZE_MAX = 260 }; /* an ACL of 32 entries; larger ones are asked for again: memory is the guest's to fill */

static const char *const names[KEPT_COUNT] = {
    [KEPT_ACL] = "system.posix_acl_access",
    [KEPT_CAPABILITIES] = "security.capability",
};

static bool is_answer(ssize_t size)
{
    return (size >= 0 && size <= KEPT_SIZE_MAX) || size == -ENODATA || size == -EOPNOTSUPP;
}

/* before: its time of change when it was asked for. */
static void keep(struct vfs *vfs, struct inode *inode, struct kept_xattr *kept, const struct statx_timestamp *before, const void *value,
                 ssize_t size)
{
    kept->until = 0;
    kept->settled = false;
    if (inode->vfs == NULL || inode->opened_for_write || !is_answer(size))
        return;
    void *copy = size > 0 ? malloc((size_t)size) : NULL;
    if (size > 0 && copy == NULL)
        return;
    if (size > 0)
        memcpy(copy, value, (size_t)size);
    free(kept->value);
    *kept = (struct kept_xattr){
        .value = copy, .size = size, .until = mount_until(vfs, inode->attributes.stx_mnt_id), .settled = inode_is_still(inode, before)};
}

/* What was kept is forgotten when another time of change is seen; so it is right if we have looked. */
static bool is_right(const struct inode *inode, const struct kept_xattr *kept)
{
    return !inode->opened_for_write && (kept->until >= vfs_now() || (kept->settled && inode_fresh(inode)));
}

ssize_t vfs_deciding_xattr(struct vfs *vfs, struct dentry *dentry, enum kept which, void *value, size_t size)
{
    dentry = dentry_real(dentry);
    if (dentry->filesystem->getxattr == NULL || dentry_gone(dentry))
        return -EOPNOTSUPP;
    struct inode *inode = dentry->inode;
    struct kept_xattr *kept = &inode->kept[which];
    if (!is_right(inode, kept)) {
        uint64_t asked = vfs->stamp;
        const struct statx_timestamp before = inode->attributes.stx_ctime;
        (void)inode_get(inode);
        ssize_t got = dentry->filesystem->getxattr(vfs, dentry, names[which], value, size);
        if (inode->changed <= asked)
            keep(vfs, inode, kept, &before, value, got);
        (void)inode_put(inode);
        return got;
    }
    if (kept->size > (ssize_t)size)
        return -ERANGE;
    if (kept->size > 0)
        memcpy(value, kept->value, (size_t)kept->size);
    return kept->size;
}

void inode_forget_kept(struct inode *inode)
{
    for (size_t i = 0; i < KEPT_COUNT; i++) {
        free(inode->kept[i].value);
        inode->kept[i] = (struct kept_xattr){0};
    }
}
