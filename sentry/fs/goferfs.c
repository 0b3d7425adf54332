/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hop to the gofer is as dear as the trap itself. So a walk asks for all that is left of a path at once, and every
 * reply fills the caches: names, absences, attributes, targets of links.
 */
#include "sentry/fs/goferfs_private.h"

#include "postern/cleanup.h"
#include "sentry/fs/gofer_client.h"
#include "sentry/kernel/cred.h"
#include "sentry/sentry.h"
#include "sentry/vfs/vfs_internal.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>

enum { LINK_CACHED_MAX = 512 }; /* longer targets are asked for again: memory is the guest's to fill */

int goferfs_path_of(const struct dentry *dentry, char path[VFS_PATH_MAX])
{
    if (dentry_gone(dentry))
        return -ENOENT;
    ssize_t length = dentry_relative_path(dentry, path, VFS_PATH_MAX);
    return length < 0 ? (int)length : 0;
}

int goferfs_path_below(const struct dentry *directory, const char *name, char path[VFS_PATH_MAX])
{
    int error = goferfs_path_of(directory, path);
    if (error < 0)
        return error;
    size_t length = strlen(path);
    if (length + 1 + strlen(name) >= VFS_PATH_MAX)
        return -ENAMETOOLONG;
    if (length > 0)
        path[length++] = '/';
    (void)strcpy(path + length, name);
    return 0;
}

/* The gofer may set any bit; Linux does not let strangers make set-group-id programs in the folder of a group. */
mode_t goferfs_permitted_mode(const struct dentry *directory, const struct vfs_who *who, mode_t mode)
{
    const struct statx *attributes = &directory->inode->attributes;
    const mode_t program = S_ISGID | S_IXGRP;
    bool stranger = (attributes->stx_mode & S_ISGID) != 0 && !cred_in_group(who->cred, attributes->stx_gid) &&
                    !cred_capable(who->cred, CAP_FSETID);
    return stranger && (mode & program) == program ? mode & ~(mode_t)S_ISGID : mode;
}

struct gofer_owner goferfs_owner_of(const struct vfs_who *who)
{
    return (struct gofer_owner){.uid = who->cred->fsuid, .gid = who->cred->fsgid, .umask = who->umask};
}

/* An error may mean that names are not what we think. */
int goferfs_doubt(struct dentry *dentry, int error)
{
    if (error < 0 && !dentry->pinned)
        dentry->valid_until = 0;
    return error;
}

/* --- walking --- */

/* Copies the plain components at the start of a path: "a//b/../c" gives "a/b". */
static size_t plain_components(const char *rest, char *clean, size_t size)
{
    size_t used = 0, count = 0;
    for (rest += strspn(rest, "/"); *rest != '\0' && count < GOFER_WALK_MAX; rest += strspn(rest, "/")) {
        size_t length = strcspn(rest, "/");
        bool dots = rest[0] == '.' && (length == 1 || (length == 2 && rest[1] == '.'));
        if (dots || length > VFS_NAME_MAX || used + length + 2 > size)
            break;
        if (used > 0)
            clean[used++] = '/';
        memcpy(clean + used, rest, length);
        used += length;
        rest += length;
        count++;
    }
    clean[used] = '\0';
    return count;
}

static void cache_link(struct inode *inode, const char *target)
{
    if (S_ISLNK(inode->attributes.stx_mode) && inode->link_target == NULL && strlen(target) <= LINK_CACHED_MAX)
        inode->link_target = strdup(target);
}

/* Enters one found component below `directory`. Returns its dentry, owned, or NULL where something of ours covers it.
 */
static struct dentry *enter(struct vfs *vfs, struct dentry *directory, const char *name,
                            const struct gofer_walk_result *result, size_t index)
{
    struct inode *inode = inode_obtain(vfs, &goferfs, &result->entries[index]);
    if (inode == NULL)
        return NULL;
    if (index + 1 == result->count)
        cache_link(inode, result->link);
    struct dentry *child = dentry_settle(vfs, directory, name, inode, names_until(directory));
    return child != NULL && child->inode == inode ? dentry_get(child) : NULL;
}

/* `names` is cut up. Returns the dentry of the first, owned: existing or not; NULL if nothing could be entered. */
static struct dentry *enter_all(struct vfs *vfs, struct dentry *directory, char *names,
                                const struct gofer_walk_result *result)
{
    struct dentry *at = dentry_get(directory), *first = NULL;
    char *state, *name = strtok_r(names, "/", &state);
    for (size_t i = 0; i < result->count && name != NULL && at != NULL; i++) {
        struct dentry *child = enter(vfs, at, name, result, i);
        dentry_put(at);
        at = child;
        if (i == 0 && child != NULL)
            first = dentry_get(child);
        name = strtok_r(NULL, "/", &state);
    }
    if (at != NULL && name != NULL && result->error == -ENOENT && dentry_is_directory(at)) {
        struct dentry *absent = dentry_settle(vfs, at, name, NULL, names_until(at));
        if (result->count == 0 && absent != NULL)
            first = dentry_get(absent);
    }
    dentry_put(at);
    return first;
}

/* One request for as much of `rest` as it can carry. *ret_first is owned: the dentry of the first component. */
static int walk(struct vfs *vfs, struct dentry *directory, const char *rest, struct dentry **ret_first)
{
    char base[VFS_PATH_MAX], names[VFS_PATH_MAX];
    struct gofer_walk_result result;
    int error = goferfs_path_of(directory, base);
    if (error < 0)
        return error;
    if (plain_components(rest, names, sizeof(names)) == 0)
        return -EINVAL;
    error = gofer_walk(vfs->sentry->gofer, base, names, &result);
    if (error < 0)
        return error;
    struct dentry *first = enter_all(vfs, directory, names, &result);
    if (first == NULL)
        return result.count == 0 && result.error < 0 ? result.error : -EIO;
    *ret_first = first;
    return 0;
}

static void goferfs_prefetch(struct vfs *vfs, struct dentry *directory, const char *rest)
{
    struct dentry *first;
    if (walk(vfs, directory, rest, &first) == 0)
        dentry_put(first);
}

static int goferfs_lookup(struct vfs *vfs, struct dentry *directory, const char *name, struct inode **ret_inode)
{
    struct dentry *first;
    int error = walk(vfs, directory, name, &first);
    if (error < 0)
        return error;
    if (first->inode != NULL)
        *ret_inode = inode_get(first->inode);
    error = first->inode != NULL ? 0 : -ENOENT;
    dentry_put(first);
    return error;
}

static ssize_t goferfs_readlink(struct vfs *vfs, struct dentry *dentry, const struct vfs_who *who, char *buffer,
                                size_t size)
{
    (void)who;
    char base[VFS_PATH_MAX];
    struct gofer_walk_result result;
    int error = goferfs_path_of(dentry->parent, base);
    if (error == 0)
        error = dentry->deleted ? -ENOENT : gofer_walk(vfs->sentry->gofer, base, dentry->name, &result);
    if (error < 0)
        return error;
    if (result.count != 1 || !S_ISLNK(result.entries[0].stx_mode))
        return goferfs_doubt(dentry, result.error < 0 ? result.error : -ENOENT);
    cache_link(dentry->inode, result.link);
    size_t length = strnlen(result.link, sizeof(result.link));
    if (length >= size)
        return -ENAMETOOLONG;
    memcpy(buffer, result.link, length);
    return (ssize_t)length;
}

/* --- attributes --- */

static int goferfs_getattr(struct vfs *vfs, struct dentry *dentry, struct statx *ret_attributes)
{
    char path[VFS_PATH_MAX];
    int error = goferfs_path_of(dentry, path);
    if (error < 0)
        return error;
    return goferfs_doubt(
        dentry, gofer_getattr(vfs->sentry->gofer, (struct gofer_place){.path = path, .fd = -1}, ret_attributes));
}

static int goferfs_setattr(struct vfs *vfs, struct dentry *dentry, const struct vfs_who *who, const struct setattr *set)
{
    (void)who;
    char path[VFS_PATH_MAX];
    int error = goferfs_path_of(dentry, path);
    if (error < 0)
        return error;
    error = gofer_setattr(vfs->sentry->gofer, (struct gofer_place){.path = path, .fd = -1}, set);
    vfs_invalidate_attributes(dentry);
    return goferfs_doubt(dentry, error);
}

static int goferfs_statfs(struct vfs *vfs, struct dentry *dentry, struct statfs *ret_statfs)
{
    char path[VFS_PATH_MAX];
    int error = goferfs_path_of(dentry, path);
    return error < 0 ? error
                     : gofer_statfs(vfs->sentry->gofer, (struct gofer_place){.path = path, .fd = -1}, ret_statfs);
}

static ssize_t goferfs_getxattr(struct vfs *vfs, struct dentry *dentry, const char *name, void *value, size_t size)
{
    char path[VFS_PATH_MAX];
    int error = goferfs_path_of(dentry, path);
    return error < 0
               ? error
               : gofer_getxattr(vfs->sentry->gofer, (struct gofer_place){.path = path, .fd = -1}, name, value, size);
}

static ssize_t goferfs_listxattr(struct vfs *vfs, struct dentry *dentry, char *list, size_t size)
{
    char path[VFS_PATH_MAX];
    int error = goferfs_path_of(dentry, path);
    return error < 0 ? error
                     : gofer_listxattr(vfs->sentry->gofer, (struct gofer_place){.path = path, .fd = -1}, list, size);
}

static int goferfs_setxattr(struct vfs *vfs, struct dentry *dentry, const char *name, const void *value, size_t size,
                            int flags)
{
    char path[VFS_PATH_MAX];
    int error = goferfs_path_of(dentry, path);
    if (error < 0)
        return error;
    vfs_invalidate_attributes(dentry);
    return gofer_setxattr(vfs->sentry->gofer, (struct gofer_place){.path = path, .fd = -1}, name, value, size, flags);
}

static int goferfs_removexattr(struct vfs *vfs, struct dentry *dentry, const char *name)
{
    char path[VFS_PATH_MAX];
    int error = goferfs_path_of(dentry, path);
    if (error < 0)
        return error;
    vfs_invalidate_attributes(dentry);
    return gofer_removexattr(vfs->sentry->gofer, (struct gofer_place){.path = path, .fd = -1}, name);
}

/* --- names --- */

static int goferfs_mkdir(struct vfs *vfs, struct dentry *directory, const char *name, mode_t mode,
                         const struct vfs_who *who)
{
    char path[VFS_PATH_MAX];
    const struct gofer_owner owner = goferfs_owner_of(who);
    int error = goferfs_path_below(directory, name, path);
    if (error < 0)
        return error;
    error = gofer_mkdir(vfs->sentry->gofer, path, mode, &owner);
    vfs_entry_added(directory, name);
    return error;
}

static int goferfs_mknod(struct vfs *vfs, struct dentry *directory, const char *name, mode_t mode, dev_t dev,
                         const struct vfs_who *who)
{
    char path[VFS_PATH_MAX];
    const struct gofer_owner owner = goferfs_owner_of(who);
    int error = goferfs_path_below(directory, name, path);
    if (error < 0)
        return error;
    error = gofer_mknod(vfs->sentry->gofer, path, goferfs_permitted_mode(directory, who, mode), dev, &owner);
    vfs_entry_added(directory, name);
    return error;
}

static int goferfs_symlink(struct vfs *vfs, struct dentry *directory, const char *name, const char *target,
                           const struct vfs_who *who)
{
    char path[VFS_PATH_MAX];
    const struct gofer_owner owner = goferfs_owner_of(who);
    int error = goferfs_path_below(directory, name, path);
    if (error < 0)
        return error;
    error = gofer_symlink(vfs->sentry->gofer, path, target, &owner);
    vfs_entry_added(directory, name);
    return error;
}

static int goferfs_link(struct vfs *vfs, struct dentry *source, struct dentry *directory, const char *name,
                        const struct vfs_who *who)
{
    (void)who;
    char from[VFS_PATH_MAX], to[VFS_PATH_MAX];
    int error = goferfs_path_of(source, from);
    if (error == 0)
        error = goferfs_path_below(directory, name, to);
    if (error < 0)
        return error;
    error = gofer_link(vfs->sentry->gofer, (struct gofer_place){.path = from, .fd = -1}, to);
    vfs_invalidate_attributes(source);
    vfs_entry_added(directory, name);
    return error;
}

static int remove_name(struct vfs *vfs, struct dentry *victim, int directory)
{
    char path[VFS_PATH_MAX];
    int error = goferfs_path_of(victim, path);
    if (error < 0)
        return error;
    error = gofer_unlink(vfs->sentry->gofer, path, directory);
    if (error < 0)
        return goferfs_doubt(victim, error);
    vfs_entry_removed(victim);
    return 0;
}

static int goferfs_unlink(struct vfs *vfs, struct dentry *victim)
{
    return remove_name(vfs, victim, 0);
}

static int goferfs_rmdir(struct vfs *vfs, struct dentry *victim)
{
    return remove_name(vfs, victim, 1);
}

static int goferfs_rename(struct vfs *vfs, struct dentry *source, struct dentry *directory, const char *name,
                          unsigned int flags)
{
    char from[VFS_PATH_MAX], to[VFS_PATH_MAX], old_name[VFS_NAME_MAX + 1];
    int error = goferfs_path_of(source, from);
    if (error == 0)
        error = goferfs_path_below(directory, name, to);
    if (error < 0)
        return error;
    error = gofer_rename(vfs->sentry->gofer, from, to, flags);
    if (error < 0)
        return goferfs_doubt(source, error);
    struct dentry *old_directory = dentry_get(source->parent);
    (void)strcpy(old_name, source->name);
    vfs_entry_moved(source, directory, name, (flags & RENAME_EXCHANGE) != 0);
    if ((flags & RENAME_WHITEOUT) != 0)
        vfs_entry_added(old_directory, old_name);
    dentry_put(old_directory);
    return 0;
}

const struct filesystem goferfs = {
    .name = "gofer",
    .lookup = goferfs_lookup,
    .prefetch = goferfs_prefetch,
    .getattr = goferfs_getattr,
    .setattr = goferfs_setattr,
    .readlink = goferfs_readlink,
    .open = goferfs_open,
    .create = goferfs_create,
    .mkdir = goferfs_mkdir,
    .mknod = goferfs_mknod,
    .symlink = goferfs_symlink,
    .link = goferfs_link,
    .unlink = goferfs_unlink,
    .rmdir = goferfs_rmdir,
    .rename = goferfs_rename,
    .statfs = goferfs_statfs,
    .getxattr = goferfs_getxattr,
    .setxattr = goferfs_setxattr,
    .listxattr = goferfs_listxattr,
    .removexattr = goferfs_removexattr,
};
