/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: the rules of the kernel's generic_permission, may_delete and setattr_prepare over emulated
 * credentials. */
#include "postern/cleanup.h"
#include "sentry/kernel/cred.h"
#include "sentry/sentry.h"
#include "sentry/vfs/acl.h"
#include "sentry/vfs/vfs_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool capable_of(const struct cred *cred, mode_t mode, int mask)
{
    bool directory = S_ISDIR(mode);
    bool read_only = (mask & MAY_WRITE) == 0 && (directory || (mask & MAY_EXEC) == 0);
    if (read_only && cred_capable(cred, CAP_DAC_READ_SEARCH))
        return true;
    bool anybody_executes = directory || (mask & MAY_EXEC) == 0 || (mode & 0111) != 0;
    return anybody_executes && cred_capable(cred, CAP_DAC_OVERRIDE);
}

int attributes_permission(const struct cred *cred, const struct statx *attributes, int mask)
{
    unsigned int mode = attributes->stx_mode, granted = mode;
    if (cred->fsuid == attributes->stx_uid)
        granted >>= 6;
    else if (cred_in_group(cred, attributes->stx_gid))
        granted >>= 3;
    if (((unsigned int)mask & ~granted & 7) == 0)
        return 0;
    return capable_of(cred, mode, mask) ? 0 : -EACCES;
}

/* A list speaks to strangers only, and shows in the group's bits, which are its mask. So nobody pays for asking who is
 * the owner or all-powerful. */
static bool list_may_matter(const struct cred *cred, const struct statx *attributes, int mask)
{
    mode_t mode = attributes->stx_mode;
    return cred->fsuid != attributes->stx_uid && (mode & S_IRWXG) != 0 && !S_ISLNK(mode) &&
           !capable_of(cred, mode, mask);
}

int listed_permission(const struct vfs_who *who, const struct statx *attributes, int mask, read_acl_fn *read_list,
                      const void *of)
{
    if (!list_may_matter(who->cred, attributes, mask))
        return attributes_permission(who->cred, attributes, mask);
    auto_free void *value = malloc(ACL_SIZE_MAX);
    if (value == NULL)
        return -ENOMEM;
    ssize_t size = read_list(of, value, ACL_SIZE_MAX);
    if (size == -ENODATA || size == -EOPNOTSUPP)
        return attributes_permission(who->cred, attributes, mask);
    if (size < 0)
        return (int)size;
    if ((size_t)size > ACL_SIZE_MAX || acl_check(value, (size_t)size) < 0)
        return -EIO;
    return acl_permission((const struct acl *)value, (size_t)size, who->cred, attributes, mask);
}

struct list_of_dentry {
    struct vfs *vfs;
    struct dentry *dentry;
};

static ssize_t read_list_of_dentry(const void *of, void *value, size_t size)
{
    const struct list_of_dentry *list = of;
    return vfs_deciding_xattr(list->vfs, list->dentry, KEPT_ACL, value, size);
}

int vfs_permission(const struct vfs_who *who, struct dentry *dentry, int mask)
{
    if (dentry->real != NULL) {
        int result = vfs_permission(who, dentry->real, mask);
        view_refresh(dentry);
        return result;
    }
    struct vfs *vfs = who->sentry->vfs;
    if (dentry->inode == NULL)
        return -ENOENT;
    int hidden = dentry->filesystem->hides != NULL ? dentry->filesystem->hides(dentry, who, false) : 0;
    if (hidden < 0)
        return hidden;
    if (!inode_ids_fresh(dentry->inode)) {
        int error = vfs_getattr(vfs, dentry);
        if (error < 0)
            return error;
    }
    struct inode *judged = inode_get(dentry->inode);
    const struct statx attributes = judged->attributes; /* the list may have to be asked for */
    const struct list_of_dentry list = {.vfs = vfs, .dentry = dentry};
    int error = listed_permission(who, &attributes, mask, read_list_of_dentry, &list);
    if (dentry->inode != judged)
        error = -ESTALE;
    inode_put(judged);
    if (error == -EACCES && dentry->filesystem->grants != NULL && dentry->filesystem->grants(dentry, who))
        error = 0;
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
    const struct statx *folder = &directory->inode->attributes;
    bool sticky = (folder->stx_mode & S_ISVTX) != 0 && who->cred->fsuid != folder->stx_uid;
    if (sticky && !cred_capable(who->cred, CAP_FOWNER)) {
        struct vfs *vfs = who->sentry->vfs;
        error = inode_ids_fresh(victim->inode) ? 0 : vfs_getattr(vfs, victim);
        if (error < 0)
            return error;
        if (who->cred->fsuid != victim->inode->attributes.stx_uid)
            return -EPERM;
    }
    return dentry_busy(victim) ? -EBUSY : 0;
}

struct actor actor_of(const struct cred *cred, gid_t group)
{
    struct actor actor = {.uid = cred->fsuid, .gid = cred_in_group(cred, group) ? group : cred->fsgid};
    actor.lacks |= cred_capable(cred, CAP_CHOWN) ? 0 : ACTOR_LACKS_CHOWN;
    actor.lacks |= cred_capable(cred, CAP_FOWNER) ? 0 : ACTOR_LACKS_FOWNER;
    actor.lacks |= cred_capable(cred, CAP_FSETID) ? 0 : ACTOR_LACKS_FSETID;
    return actor;
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
    return set->atime.tv_nsec == UTIME_NOW && set->mtime.tv_nsec == UTIME_NOW ? SETATTR_IF_WRITABLE : -EPERM;
}

int attributes_may_change(const struct cred *cred, const struct statx *attributes, struct setattr *set)
{
    int error = 0;
    bool regroups = (set->valid & SETATTR_OWNER) != 0 && set->gid != (gid_t)-1;
    if ((set->valid & SETATTR_SIZE) == 0)
        set->actor = actor_of(cred, regroups ? set->gid : attributes->stx_gid);
    if ((set->valid & SETATTR_OWNER) != 0)
        error = may_change_owner(cred, attributes, set);
    if (error == 0 && (set->valid & SETATTR_MODE) != 0)
        error = may_change_mode(cred, attributes, set);
    if (error == 0 && (set->valid & SETATTR_TIMES) != 0) /* last: the one that may leave it to others */
        error = may_change_times(cred, attributes, set);
    return error;
}

bool vfs_is_in_the_open(const struct dentry *dentry)
{
    if (dentry->real != NULL)
        return false;
    const mode_t everybody = S_IXUSR | S_IXGRP | S_IXOTH; /* a mode may leave out the group alone */
    while (dentry->parent != dentry) {
        dentry = dentry->parent;
        if (dentry->inode == NULL || (dentry->inode->attributes.stx_mode & everybody) != everybody)
            return false;
    }
    return true;
}
