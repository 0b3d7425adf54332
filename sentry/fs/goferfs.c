/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hop to the gofer is as dear as the trap itself. So a walk asks for all that is left of a path at once, and every
 * reply fills the caches: names, absences, attributes, targets of links. What is known already may do without (goferfs_see.c).
 */
#include "sentry/fs/goferfs_private.h"

#include "postern/cleanup.h"
#include "sentry/fs/gofer_client.h"
#include "sentry/kernel/cred.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"
#include "sentry/vfs/vfs_internal.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>

enum { LINK_CACHED_MAX = 512 }; /* longer targets are asked for again: memory is the guest's to fill */

int goferfs_path_of(const struct dentry *dentry, char path[VFS_PATH_MAX])
{
    int gone = vfs_gone(dentry);
    if (gone < 0)
        return gone;
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

/* An error may mean that names are not what we think; ESTALE says so, and of which it does not say. */
int goferfs_doubt(struct dentry *dentry, int error)
{
    if (error < 0 && !dentry->pinned)
        dentry->valid_until = 0;
    for (struct dentry *at = dentry; error == -ESTALE && at->parent != at; at = at->parent) {
        if (!at->pinned)
            at->valid_until = 0;
    }
    return error;
}

struct gofer_place goferfs_place(const char *path, const struct dentry *expected)
{
    return (struct gofer_place){.path = path, .fd = -1, .expected = gofer_identity_of(&expected->inode->attributes)};
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
                            const struct gofer_walk_result *result, size_t index, uint64_t asked)
{
    struct inode *inode = inode_obtain(vfs, &goferfs, &result->entries[index], asked);
    if (inode == NULL)
        return NULL;
    if (index + 1 == result->count)
        cache_link(inode, result->link);
    struct dentry *child = dentry_settle(vfs, directory, name, inode, names_until(directory));
    return child != NULL && child->inode == inode ? dentry_get(child) : NULL;
}

/* A question about names. */
struct question {
    uint64_t asked;              /* vfs->stamp */
    const struct dentry *locked; /* whose names only we may change, or NULL */
};

static bool is_outdated(const struct dentry *directory, const struct question *question)
{
    return directory != question->locked && names_changed(directory, question->asked);
}

/* `names` is cut up. Stops where names have been changed since it was asked. Returns the dentry of the first, owned: existing or not;
 * NULL if nothing could be entered. */
static struct dentry *enter_all(struct vfs *vfs, struct dentry *directory, char *names,
                                const struct gofer_walk_result *result, const struct question *question)
{
    struct dentry *at = dentry_get(directory), *first = NULL;
    char *state, *name = strtok_r(names, "/", &state);
    for (size_t i = 0; i < result->count && name != NULL && at != NULL && !is_outdated(at, question); i++) {
        struct dentry *child = enter(vfs, at, name, result, i, question->asked);
        dentry_put(at);
        at = child;
        if (i == 0 && child != NULL)
            first = dentry_get(child);
        name = strtok_r(NULL, "/", &state);
    }
    if (at != NULL && name != NULL && result->error == -ENOENT && dentry_is_directory(at) &&
        !is_outdated(at, question)) {
        struct dentry *absent = dentry_settle(vfs, at, name, NULL, names_until(at));
        if (result->count == 0 && absent != NULL)
            first = dentry_get(absent);
    }
    dentry_put(at);
    return first;
}

/* One request for as much of `rest` as it can carry. *ret_first is owned: the dentry of the first component. -EAGAIN: names in the
 * folder were changed meanwhile. */
static int walk_once(struct vfs *vfs, struct dentry *directory, const char *rest, const struct question *question,
                     struct dentry **ret_first)
{
    char base[VFS_PATH_MAX], names[VFS_PATH_MAX];
    struct gofer_walk_result result;
    int error = goferfs_path_of(directory, base);
    if (error < 0)
        return error;
    if (plain_components(rest, names, sizeof(names)) == 0)
        return -EINVAL;
    error = vfs_said(directory, gofer_walk(vfs->sentry->gofer, goferfs_place(base, directory), names, &result));
    if (error < 0)
        return goferfs_doubt(directory, error);
    if (is_outdated(directory, question))
        return -EAGAIN;
    struct dentry *first = enter_all(vfs, directory, names, &result, question);
    if (first == NULL)
        return result.count == 0 && result.error < 0 ? result.error : -EIO;
    *ret_first = first;
    return 0;
}

/* Where names change all the time, the last attempt is made with the folder locked. */
static int walk(struct vfs *vfs, struct dentry *directory, const char *rest, struct dentry **ret_first)
{
    enum { ATTEMPTS = 4 };
    int error = -EAGAIN;
    for (int i = 0; i < ATTEMPTS && error == -EAGAIN; i++) {
        names_wait(directory);
        const struct question question = {.asked = vfs->stamp};
        error = walk_once(vfs, directory, rest, &question, ret_first);
    }
    if (error != -EAGAIN)
        return error;
    names_lock(directory);
    const struct question question = {.asked = vfs->stamp, .locked = directory};
    error = walk_once(vfs, directory, rest, &question, ret_first);
    names_unlock(directory);
    return error;
}

static void goferfs_prefetch(struct vfs *vfs, struct dentry *directory, const char *rest)
{
    struct dentry *at = goferfs_see(vfs, directory, &rest), *first;
    if (rest != NULL && goferfs_list_more(vfs, at)) {
        struct dentry *from = at;
        at = goferfs_see(vfs, from, &rest);
        dentry_put(from);
    }
    if (rest != NULL && walk(vfs, at, rest, &first) == 0) {
        if (at->inode != NULL && first->inode != NULL)
            goferfs_note_found(at->inode);
        else if (at->inode != NULL)
            goferfs_note_absent(at->inode);
        dentry_put(first);
    }
    dentry_put(at);
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
    char base[VFS_PATH_MAX], name[VFS_NAME_MAX + 1];
    struct gofer_walk_result result;
    (void)strcpy(name, dentry->name);
    int error = vfs_gone(dentry);
    if (error == 0)
        error = goferfs_path_of(dentry->parent, base);
    if (error == 0)
        error = vfs_said(dentry, gofer_walk(vfs->sentry->gofer, goferfs_place(base, dentry->parent), name, &result));
    if (error < 0)
        return error;
    if (result.count != 1 || !S_ISLNK(result.entries[0].stx_mode)) /* it was a link when it was looked up */
        return goferfs_doubt(dentry, -ESTALE);
    if (same_object(&dentry->inode->attributes, &result.entries[0]))
        cache_link(dentry->inode, result.link);
    size_t length = strnlen(result.link, sizeof(result.link));
    if (length >= size)
        return -ENAMETOOLONG;
    memcpy(buffer, result.link, length);
    return (ssize_t)length;
}

/* --- attributes --- */

/* A file that is asked for time and again, as it is being written to: with a handle the next look is ours. */
static int getattr_and_hold(struct vfs *vfs, struct inode *inode, const char *path, struct statx *ret_attributes)
{
    auto_close_unlocked int fd = -1;
    int error = gofer_open(vfs->sentry->gofer, (struct gofer_place){.path = path, .fd = -1}, O_PATH, 0, NULL, 0, &fd, ret_attributes, NULL);
    if (error == 0 && ret_attributes->stx_nlink > 0 && same_object(ret_attributes, &inode->attributes))
        inode_keep_handle(vfs, inode, fd);
    return error;
}

static int getattr_by_path(struct vfs *vfs, struct inode *inode, const char *path, struct statx *ret_attributes)
{
    enum { ASKED_OFTEN = 2 };
    if (inode->opened_for_write && inode->handle == 0 && inode->held_wanted >= ASKED_OFTEN)
        return getattr_and_hold(vfs, inode, path, ret_attributes);
    if (inode->opened_for_write && inode->held_wanted < ASKED_OFTEN)
        inode->held_wanted++;
    return gofer_getattr(vfs->sentry->gofer, (struct gofer_place){.path = path, .fd = -1}, ret_attributes);
}

static int goferfs_getattr(struct vfs *vfs, struct dentry *dentry, struct statx *ret_attributes)
{
    char path[VFS_PATH_MAX];
    int error = goferfs_path_of(dentry, path);
    if (error < 0)
        return error;
    struct inode *inode = inode_get(dentry->inode);
    error = getattr_by_path(vfs, inode, path, ret_attributes);
    inode_put(inode);
    return goferfs_doubt(dentry, vfs_said(dentry, error));
}

static int goferfs_setattr(struct vfs *vfs, struct dentry *dentry, const struct vfs_who *who, const struct setattr *set)
{
    (void)who;
    char path[VFS_PATH_MAX];
    int error = goferfs_path_of(dentry, path);
    if (error < 0)
        return error;
    struct statx after = {0};
    struct inode *inode = inode_get(dentry->inode);
    inode_changes(inode);
    const uint64_t began = vfs->stamp;
    error = vfs_said(dentry, gofer_setattr(vfs->sentry->gofer, goferfs_place(path, dentry), set, &after));
    inode_changed_to(inode, &after, began);
    inode_put(inode);
    return goferfs_doubt(dentry, error);
}

static int goferfs_statfs(struct vfs *vfs, struct dentry *dentry, struct statfs *ret_statfs)
{
    char path[VFS_PATH_MAX];
    int error = goferfs_path_of(dentry, path);
    return error < 0 ? error : vfs_said(dentry, gofer_statfs(vfs->sentry->gofer, goferfs_place(path, dentry), ret_statfs));
}

static ssize_t goferfs_getxattr(struct vfs *vfs, struct dentry *dentry, const char *name, void *value, size_t size)
{
    char path[VFS_PATH_MAX];
    int error = goferfs_path_of(dentry, path);
    if (error < 0)
        return error;
    ssize_t length = gofer_getxattr(vfs->sentry->gofer, goferfs_place(path, dentry), name, value, size);
    return length < 0 ? goferfs_doubt(dentry, vfs_said(dentry, (int)length)) : length;
}

static ssize_t goferfs_listxattr(struct vfs *vfs, struct dentry *dentry, char *list, size_t size)
{
    char path[VFS_PATH_MAX];
    int error = goferfs_path_of(dentry, path);
    if (error < 0)
        return error;
    ssize_t length = gofer_listxattr(vfs->sentry->gofer, goferfs_place(path, dentry), list, size);
    return length < 0 ? goferfs_doubt(dentry, vfs_said(dentry, (int)length)) : length;
}

static int goferfs_setxattr(struct vfs *vfs, struct dentry *dentry, const struct vfs_who *who, const char *name, const void *value,
                            size_t size, int flags)
{
    char path[VFS_PATH_MAX];
    int error = goferfs_path_of(dentry, path);
    if (error < 0)
        return error;
    struct inode *inode = inode_get(dentry->inode);
    inode_changes(inode);
    const struct actor actor = actor_of(who->cred, inode->attributes.stx_gid);
    error = vfs_said(dentry, gofer_setxattr(vfs->sentry->gofer, goferfs_place(path, dentry), &actor, name, value, size, flags));
    inode_changes(inode);
    inode_put(inode);
    return goferfs_doubt(dentry, error);
}

static int goferfs_removexattr(struct vfs *vfs, struct dentry *dentry, const struct vfs_who *who, const char *name)
{
    char path[VFS_PATH_MAX];
    int error = goferfs_path_of(dentry, path);
    if (error < 0)
        return error;
    struct inode *inode = inode_get(dentry->inode);
    inode_changes(inode);
    const struct actor actor = actor_of(who->cred, inode->attributes.stx_gid);
    error = vfs_said(dentry, gofer_removexattr(vfs->sentry->gofer, goferfs_place(path, dentry), &actor, name));
    inode_changes(inode);
    inode_put(inode);
    return goferfs_doubt(dentry, error);
}

/* --- names --- */

/* The folder as it was judged, locked: what is made in it or taken from it stays in order with what is known of it. */
static int begin_change(struct dentry *directory, const char *name, char path[VFS_PATH_MAX])
{
    names_begin(directory->vfs);
    names_lock(directory);
    int error = goferfs_path_below(directory, name, path);
    if (error < 0)
        names_unlock(directory);
    return error;
}

/* What was made is known from the answer. `began`: vfs->stamp when it was asked for. */
static void note_made(struct dentry *directory, const char *name, const struct statx *after, uint64_t began)
{
    struct vfs *vfs = directory->vfs;
    struct inode *inode = after->stx_mask != 0 ? inode_obtain(vfs, &goferfs, after, began) : NULL;
    if (inode != NULL)
        (void)dentry_settle(vfs, directory, name, inode, names_until(directory));
}

struct making {
    struct dentry *directory;
    const char *name;
    uint64_t began;
    struct statx after;
};

static int end_making(const struct making *making, int error)
{
    struct dentry *directory = making->directory;
    vfs_entry_added(directory, making->name); /* on failure too: EEXIST says we were wrong */
    if (error == 0)
        note_made(directory, making->name, &making->after, making->began);
    names_unlock(directory);
    return goferfs_doubt(directory, vfs_said(directory, error));
}

static struct making making_begun(struct dentry *directory, const char *name)
{
    return (struct making){.directory = directory, .name = name, .began = directory->vfs->stamp};
}

static int goferfs_mkdir(struct vfs *vfs, struct dentry *directory, const char *name, mode_t mode,
                         const struct vfs_who *who)
{
    char path[VFS_PATH_MAX];
    const struct gofer_owner owner = goferfs_owner_of(who);
    int error = begin_change(directory, name, path);
    if (error < 0)
        return error;
    struct making making = making_begun(directory, name);
    error = gofer_mkdir(vfs->sentry->gofer, goferfs_place(path, directory), mode, &owner, &making.after);
    return end_making(&making, error);
}

static int goferfs_mknod(struct vfs *vfs, struct dentry *directory, const char *name, mode_t mode, dev_t dev,
                         const struct vfs_who *who)
{
    char path[VFS_PATH_MAX];
    const struct gofer_owner owner = goferfs_owner_of(who);
    mode = goferfs_permitted_mode(directory, who, mode);
    int error = begin_change(directory, name, path);
    if (error < 0)
        return error;
    struct making making = making_begun(directory, name);
    error = gofer_mknod(vfs->sentry->gofer, goferfs_place(path, directory), mode, dev, &owner, &making.after);
    return end_making(&making, error);
}

static int goferfs_symlink(struct vfs *vfs, struct dentry *directory, const char *name, const char *target,
                           const struct vfs_who *who)
{
    char path[VFS_PATH_MAX];
    const struct gofer_owner owner = goferfs_owner_of(who);
    int error = begin_change(directory, name, path);
    if (error < 0)
        return error;
    struct making making = making_begun(directory, name);
    error = gofer_symlink(vfs->sentry->gofer, goferfs_place(path, directory), target, &owner, &making.after);
    return end_making(&making, error);
}

static int goferfs_link(struct vfs *vfs, struct dentry *source, struct dentry *directory, const char *name,
                        const struct vfs_who *who)
{
    (void)who;
    char from[VFS_PATH_MAX], to[VFS_PATH_MAX];
    int error = goferfs_path_of(source, from);
    if (error == 0)
        error = begin_change(directory, name, to);
    if (error < 0)
        return error;
    struct making making = making_begun(directory, name);
    struct inode *inode = inode_get(source->inode);
    error = gofer_link(vfs->sentry->gofer, goferfs_place(from, source), goferfs_place(to, directory), &making.after);
    inode_changed_to(inode, &making.after, making.began);
    making.began = vfs->stamp; /* it is known already what it is like now, or that nobody knows */
    if (!inode_ids_fresh(inode) || !same_object(&inode->attributes, &making.after))
        making.after.stx_mask = 0;
    inode_put(inode);
    error = vfs_said(source, error);
    (void)goferfs_doubt(source, error == -ESTALE ? error : 0);
    return end_making(&making, error);
}

static int remove_name(struct vfs *vfs, struct dentry *victim, int is_directory)
{
    char path[VFS_PATH_MAX], name[VFS_NAME_MAX + 1];
    struct dentry *directory = dentry_get(victim->parent);
    const struct gofer_identity judged = gofer_identity_of(&victim->inode->attributes);
    (void)strcpy(name, victim->name);
    names_begin(vfs);
    names_lock(directory);
    bool moved = !dentry_is_at(victim, directory, name); /* while we waited */
    int error = moved ? -ESTALE : goferfs_path_of(victim, path);
    if (error == 0) {
        inode_changes(victim->inode);
        error = gofer_unlink(vfs->sentry->gofer, goferfs_place(path, directory), judged, is_directory);
    }
    if (error == 0)
        vfs_entry_removed(victim);
    names_unlock(directory);
    error = vfs_said(directory, error);
    dentry_put(directory);
    return goferfs_doubt(victim, error);
}

static int goferfs_unlink(struct vfs *vfs, struct dentry *victim)
{
    return remove_name(vfs, victim, 0);
}

static int goferfs_rmdir(struct vfs *vfs, struct dentry *victim)
{
    return remove_name(vfs, victim, 1);
}

/* What was judged, by references: there may have to be waited for the locks. */
struct renaming {
    struct vfs *vfs;
    struct dentry *source, *from, *to; /* the last two: folders, locked */
    char old_name[VFS_NAME_MAX + 1];
    const char *name;
    struct dentry *target; /* what has the name already; NULL: nothing is known of it */
    struct inode *target_inode;
    unsigned int flags;
    struct gofer_owner owner; /* of the node that RENAME_WHITEOUT leaves */
};

static void renaming_begin(struct renaming *renaming)
{
    struct dentry *target = dentry_cached(renaming->vfs, renaming->to, renaming->name);
    (void)strcpy(renaming->old_name, renaming->source->name);
    renaming->from = dentry_get(renaming->source->parent);
    renaming->target = target != NULL ? dentry_get(target) : NULL;
    renaming->target_inode = target != NULL && target->inode != NULL ? inode_get(target->inode) : NULL;
}

static void renaming_end(const struct renaming *renaming)
{
    dentry_put(renaming->from);
    dentry_put(renaming->target);
    inode_put(renaming->target_inode);
}

static bool is_as_judged(const struct renaming *renaming)
{
    const struct dentry *target = dentry_cached(renaming->vfs, renaming->to, renaming->name);
    return dentry_is_at(renaming->source, renaming->from, renaming->old_name) && target == renaming->target &&
           (target == NULL || target->inode == renaming->target_inode);
}

static int rename_locked(const struct renaming *renaming)
{
    char from_path[VFS_PATH_MAX], to_path[VFS_PATH_MAX];
    struct dentry *source = renaming->source;
    if (!is_as_judged(renaming))
        return -ESTALE;
    int error = goferfs_path_of(source, from_path);
    if (error == 0)
        error = goferfs_path_below(renaming->to, renaming->name, to_path);
    if (error < 0)
        return error;
    error = gofer_rename(renaming->vfs->sentry->gofer, goferfs_place(from_path, renaming->from),
                         goferfs_place(to_path, renaming->to), renaming->flags, &renaming->owner);
    if (error < 0)
        return error;
    vfs_entry_moved(source, renaming->to, renaming->name, (renaming->flags & RENAME_EXCHANGE) != 0);
    if ((renaming->flags & RENAME_WHITEOUT) != 0)
        vfs_entry_added(renaming->from, renaming->old_name);
    return 0;
}

static int goferfs_rename(struct vfs *vfs, struct dentry *source, struct dentry *directory, const char *name,
                          unsigned int flags, const struct vfs_who *who)
{
    struct renaming renaming = {
        .vfs = vfs, .source = source, .to = directory, .name = name, .flags = flags, .owner = goferfs_owner_of(who)};
    renaming_begin(&renaming);
    bool between = renaming.from != directory;
    names_begin(vfs);
    if (between)
        names_lock_tree(vfs);
    names_lock_two(renaming.from, directory);
    int error = rename_locked(&renaming);
    names_unlock_two(renaming.from, directory);
    if (between)
        names_unlock_tree(vfs);
    error = vfs_said(renaming.from, vfs_said(directory, error));
    (void)goferfs_doubt(directory, error == -ESTALE ? error : 0);
    renaming_end(&renaming);
    return goferfs_doubt(source, error);
}

const struct filesystem goferfs = {
    .name = "gofer",
    .lookup = goferfs_lookup,
    .prefetch = goferfs_prefetch,
    .unknown = goferfs_unknown,
    .refresh = goferfs_refresh,
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
