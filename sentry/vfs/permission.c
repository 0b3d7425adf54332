/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: the rules of the kernel's generic_permission, may_delete and setattr_prepare over emulated
 * credentials. */
#include "sentry/kernel/cred.h"
#include "sentry/sentry.h"
#include "sentry/vfs/vfs_internal.h"

#include <errno.h>

int attributes_permission(const struct cred *cred, const struct statx *attributes, int mask)
{
    unsigned int mode = attributes->stx_mode, granted = mode;
    if (cred->fsuid == attributes->stx_uid)
        granted >>= 6;
    else if (cred_in_group(cred, attributes->stx_gid))
        granted >>= 3;
    if (((unsigned int)mask & ~granted & 7) == 0)
        return 0;

    bool directory = S_ISDIR(mode);
    bool read_only = (mask & MAY_WRITE) == 0 && (directory || (mask & MAY_EXEC) == 0);
    if (read_only && cred_capable(cred, CAP_DAC_READ_SEARCH))
        return 0;
    bool anybody_executes = directory || (mask & MAY_EXEC) == 0 || (mode & 0111) != 0;
    return anybody_executes && cred_capable(cred, CAP_DAC_OVERRIDE) ? 0 : -EACCES;
}

int vfs_permission(const struct vfs_who *who, struct dentry *dentry, int mask)
{
    struct vfs *vfs = who->sentry->vfs;
    if (dentry->inode == NULL)
        return -ENOENT;
    if (!inode_ids_fresh(vfs, dentry->inode)) {
        int error = vfs_getattr(vfs, dentry);
        if (error < 0)
            return error;
    }
    const struct statx *attributes = &dentry->inode->attributes;
    int error = attributes_permission(who->cred, attributes, mask);
    if (error == 0 && (mask & MAY_WRITE) != 0 && below_readonly_path(dentry))
        error = -EROFS;
    return error;
}

int vfs_may_delete(const struct vfs_who *who, struct dentry *directory, struct dentry *victim)
{
    if (victim->inode == NULL)
        return -ENOENT;
    int error = vfs_permission(who, directory, MAY_WRITE | MAY_EXEC);
    if (error < 0)
        return error;
    const struct statx *attributes = &directory->inode->attributes;
    if ((attributes->stx_mode & S_ISVTX) != 0 && !cred_capable(who->cred, CAP_FOWNER) &&
        who->cred->fsuid != attributes->stx_uid) {
        struct vfs *vfs = who->sentry->vfs;
        error = inode_ids_fresh(vfs, victim->inode) ? 0 : vfs_getattr(vfs, victim);
        if (error < 0)
            return error;
        if (who->cred->fsuid != victim->inode->attributes.stx_uid)
            return -EPERM;
    }
    return victim->pinned ? -EBUSY : 0;
}

static bool owner_or_capable(const struct cred *cred, const struct statx *attributes)
{
    return cred->fsuid == attributes->stx_uid || cred_capable(cred, CAP_FOWNER);
}

static int may_change_owner(const struct cred *cred, const struct statx *attributes, const struct setattr *set)
{
    if (cred_capable(cred, CAP_CHOWN))
        return 0;
    bool owner = cred->fsuid == attributes->stx_uid;
    if (set->uid != (uid_t)-1 && !(owner && set->uid == attributes->stx_uid))
        return -EPERM;
    if (set->gid != (gid_t)-1 && !(owner && (set->gid == attributes->stx_gid || cred_in_group(cred, set->gid))))
        return -EPERM;
    return 0;
}

static int may_change_mode(const struct cred *cred, const struct statx *attributes, struct setattr *set)
{
    if (!owner_or_capable(cred, attributes))
        return -EPERM;
    bool regrouped = (set->valid & SETATTR_OWNER) != 0 && set->gid != (gid_t)-1;
    if (!cred_in_group(cred, regrouped ? set->gid : attributes->stx_gid) && !cred_capable(cred, CAP_FSETID))
        set->mode &= ~(mode_t)S_ISGID;
    return 0;
}

static int may_change_times(const struct cred *cred, const struct statx *attributes, const struct setattr *set)
{
    if (owner_or_capable(cred, attributes))
        return 0;
    if (set->atime.tv_nsec == UTIME_NOW && set->mtime.tv_nsec == UTIME_NOW)
        return attributes_permission(cred, attributes, MAY_WRITE);
    return -EPERM;
}

int attributes_may_change(const struct cred *cred, const struct statx *attributes, struct setattr *set)
{
    int error = 0;
    if ((set->valid & SETATTR_OWNER) != 0)
        error = may_change_owner(cred, attributes, set);
    if (error == 0 && (set->valid & SETATTR_MODE) != 0)
        error = may_change_mode(cred, attributes, set);
    if (error == 0 && (set->valid & SETATTR_TIMES) != 0)
        error = may_change_times(cred, attributes, set);
    return error;
}
