/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Path resolution (path_resolution(7)). What is left of the path is one string; a symbolic link puts its target in
 * front of what is left, so links nest without recursion.
 */
#include "postern/cleanup.h"
#include "sentry/kernel/cred.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"
#include "sentry/vfs/vfs_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct walk {
    const struct vfs_who *who;
    struct vfs *vfs;
    unsigned int flags;
    struct dentry *top; /* borrowed: ".." stays here, "/" starts here */
    struct dentry *at;  /* owned */
    int fd;             /* owned: a magic link led to an object without a dentry, and the path ends there */
    bool jumped;        /* the last step was such a link, or one straight to a dentry */
    char *path;         /* owned: what `rest` points into, once a link was followed */
    const char *rest;
    unsigned int links;
};

enum { WALK_SCOPED = LOOKUP_BENEATH | LOOKUP_IN_ROOT };

static void walk_release(struct walk *walk)
{
    dentry_put(walk->at);
    close_unlocked(walk->fd);
    free(walk->path);
}

static void move_to(struct walk *walk, struct dentry *owned)
{
    struct dentry *before = walk->at;
    walk->at = owned;
    dentry_put(before);
}

static int crossing(const struct walk *walk, const struct dentry *to)
{
    if ((walk->flags & LOOKUP_NO_XDEV) == 0 || walk->at == NULL || vfs_same_mount(walk->vfs, walk->at, to))
        return 0;
    return -EXDEV;
}

static int go_to_top(struct walk *walk)
{
    if ((walk->flags & LOOKUP_BENEATH) != 0)
        return -EXDEV;
    int error = crossing(walk, walk->top);
    if (error == 0)
        move_to(walk, dentry_get(walk->top));
    return error;
}

static int go_up(struct walk *walk)
{
    if (same_place(walk->at, walk->top))
        return (walk->flags & LOOKUP_BENEATH) != 0 ? -EXDEV : 0;
    struct dentry *up = dentry_up(walk->vfs, walk->at, walk->top);
    if (up == NULL)
        return -ENOENT;
    int error = crossing(walk, up);
    if (error < 0)
        dentry_put(up);
    else
        move_to(walk, up);
    return error;
}

/* What is known of the directory itself has expired: ask for it and the rest of the path at once, from its parent. If
 * it turns out to be another (replaced, or copied up by an overlay, which gives it a new time of birth), that is where
 * we are. */
static void refresh_with_rest(struct walk *walk)
{
    struct dentry *at = walk->at;
    char path[VFS_NAME_MAX + VFS_PATH_MAX + 2];
    if (at->real != NULL || inode_ids_fresh(at->inode) || at->pinned || at->parent == at || at->parent->filesystem->prefetch == NULL ||
        dentry_gone(at) || strlen(walk->rest) >= VFS_PATH_MAX)
        return;
    (void)snprintf(path, sizeof(path), "%s/%s", at->name, walk->rest);
    struct dentry *parent = dentry_get(at->parent);
    parent->filesystem->prefetch(walk->vfs, parent, path);
    struct dentry *now = at->deleted ? dentry_cached(walk->vfs, parent, at->name) : NULL;
    if (now != NULL && now->inode != NULL && S_ISDIR(now->inode->attributes.stx_mode))
        move_to(walk, dentry_get(now));
    dentry_put(parent);
}

static int may_search(struct walk *walk)
{
    if (!dentry_is_directory(walk->at))
        return -ENOTDIR;
    refresh_with_rest(walk);
    return vfs_permission(walk->who, walk->at, MAY_EXEC);
}

static int target_of(struct vfs *vfs, const struct vfs_who *who, struct dentry *link, const char **ret_target,
                     char *buffer)
{
    if (link->inode->link_target != NULL) {
        *ret_target = link->inode->link_target;
        return 0;
    }
    if (link->filesystem->readlink == NULL)
        return -EINVAL;
    ssize_t length = link->filesystem->readlink(vfs, link, who, buffer, VFS_PATH_MAX);
    if (length < 0 || length >= VFS_PATH_MAX)
        return length < 0 ? (int)length : -ENAMETOOLONG;
    buffer[length] = '\0';
    *ret_target = buffer;
    return 0;
}

static int put_in_front(struct walk *walk, const char *target)
{
    size_t length = strlen(target), rest = strlen(walk->rest);
    if (length == 0)
        return -ENOENT;
    char *path = malloc(length + rest + 1);
    if (path == NULL)
        return -ENOMEM;
    memcpy(path, target, length);
    memcpy(path + length, walk->rest, rest + 1); /* begins with '/' or is empty */
    free(walk->path);
    walk->path = path;
    walk->rest = path;
    return 0;
}

static int follow_target(struct walk *walk, struct dentry *link)
{
    char buffer[VFS_PATH_MAX];
    const char *target;
    int error = target_of(walk->vfs, walk->who, link, &target, buffer);
    if (error == 0)
        error = put_in_front(walk, target);
    if (error == 0 && walk->rest[0] == '/')
        error = go_to_top(walk);
    return error;
}

/* A magic link leads to an object, not to a path. */
static int follow_magic(struct walk *walk, struct dentry *found, int fd)
{
    int error = 0;
    if ((walk->flags & (LOOKUP_NO_MAGICLINKS | WALK_SCOPED)) != 0)
        error = (walk->flags & LOOKUP_NO_MAGICLINKS) != 0 ? -ELOOP : -EXDEV;
    else if (found == NULL)
        error = walk->rest[0] != '\0' || (walk->flags & LOOKUP_DIRECTORY) != 0 ? -ENOTDIR : 0;
    else
        error = crossing(walk, found);
    if (error < 0) {
        dentry_put(found);
        close_unlocked(fd);
        return error;
    }
    walk->jumped = true;
    if (found != NULL)
        move_to(walk, found);
    else
        walk->fd = fd;
    return 0;
}

static bool only_slashes(const char *rest)
{
    return rest[strspn(rest, "/")] == '\0';
}

/* /proc/sys/fs/protected_symlinks: in a sticky folder everybody may write to, the last link of a path is followed only
 * if it is one's own or the folder's owner's. */
static int may_follow(const struct walk *walk, struct dentry *link)
{
    const struct statx folder = link->parent->inode->attributes;
    const mode_t shared = S_ISVTX | S_IWOTH;
    if ((folder.stx_mode & shared) != shared || !only_slashes(walk->rest))
        return 0;
    int error = inode_ids_fresh(link->inode) ? 0 : vfs_getattr(walk->vfs, link);
    if (error < 0)
        return error;
    uid_t owner = link->inode->attributes.stx_uid;
    return owner == walk->who->cred->fsuid || owner == folder.stx_uid ? 0 : -EACCES;
}

static int follow(struct walk *walk, struct dentry *link)
{
    int error = may_follow(walk, link);
    if (error < 0)
        return error;
    if ((walk->flags & LOOKUP_NO_SYMLINKS) != 0 || (vfs_mount_flags(walk->vfs, link) & BOOT_MOUNT_NOSYMFOLLOW) != 0 ||
        walk->links++ >= VFS_LINKS_MAX)
        return -ELOOP;
    if (link->filesystem->follow != NULL) {
        struct dentry *found = NULL;
        int fd = -1;
        error = link->filesystem->follow(walk->vfs, link, walk->who, &found, &fd);
        if (error != -ENOSYS)
            return error < 0 ? error : follow_magic(walk, found, fd);
    }
    return follow_target(walk, link);
}

static unsigned int dots(const char *name)
{
    if (name[0] != '.')
        return 0;
    return name[1] == '\0' ? 1 : name[1] == '.' && name[2] == '\0' ? 2 : 0;
}

static bool is_link(const struct dentry *dentry)
{
    return dentry->inode != NULL && S_ISLNK(dentry->inode->attributes.stx_mode);
}

/* Goes into a child, through it if it is a link that is to be followed. */
static int step(struct walk *walk, const char *name, const char *from)
{
    struct dentry *child;
    int error = child_with_rest(walk->vfs, walk->at, name, from, &child);
    if (error < 0)
        return error;
    if (child->inode == NULL) {
        error = -ENOENT;
    } else if (is_link(child) && (walk->rest[0] == '/' || (walk->flags & LOOKUP_FOLLOW) != 0)) {
        error = follow(walk, child);
    } else {
        error = crossing(walk, child);
        if (error == 0)
            move_to(walk, dentry_get(child));
    }
    dentry_put(child);
    return error;
}

/* Asking whether a name is free, only to make it then, is a hop in vain. But who may not make it is told first that it is there. */
static bool may_presume_new(const struct walk *walk, const char *name)
{
    struct dentry *at = walk->at;
    return (walk->flags & LOOKUP_NEW) != 0 && walk->rest[0] == '\0' && at->real == NULL && at->filesystem->unknown != NULL &&
           at->filesystem->unknown(walk->vfs, at, name) && vfs_want_write(walk->vfs, at) == 0 && vfs_gone(at) == 0 &&
           vfs_permission(walk->who, at, MAY_WRITE | MAY_EXEC) == 0;
}

/* The last component of a lookup for its parent. Returns 1 when the lookup is done, 0 to go on behind a link. */
static int last_step(struct walk *walk, const char *name, const char *from, struct lookup *lookup)
{
    struct dentry *child = NULL;
    lookup->presumed = may_presume_new(walk, name);
    if ((walk->flags & LOOKUP_LAST) != 0 && !lookup->presumed) {
        int error = child_with_rest(walk->vfs, walk->at, name, from, &child);
        if (error < 0)
            return error;
    }
    if (child != NULL && is_link(child) && (walk->flags & LOOKUP_FOLLOW) != 0) {
        walk->jumped = false;
        int error = follow(walk, child);
        dentry_put(child);
        if (error < 0 || !walk->jumped)
            return error;
        if (walk->fd < 0)
            lookup->last = take_ptr(walk->at);
        return 1;
    }
    (void)strcpy(lookup->name, name);
    lookup->trailing_slash = walk->rest[0] == '/';
    lookup->last = child;
    lookup->dentry = take_ptr(walk->at);
    return 1;
}

/* The path ended in something that is no name in a directory, or the object itself was asked for. */
static int arrive(struct walk *walk, unsigned int last_dot, struct lookup *lookup)
{
    if ((walk->flags & LOOKUP_DIRECTORY) != 0 && !dentry_is_directory(walk->at))
        return -ENOTDIR;
    if ((walk->flags & LOOKUP_PARENT) != 0) {
        lookup->last_dot = last_dot;
        if ((walk->flags & LOOKUP_LAST) != 0)
            lookup->last = dentry_get(walk->at);
    }
    lookup->dentry = take_ptr(walk->at);
    return 0;
}

static int walk_path(struct walk *walk, struct lookup *lookup)
{
    unsigned int last_dot = 3;
    for (int done = 0; done == 0;) {
        bool slash = walk->rest[0] == '/';
        walk->rest += strspn(walk->rest, "/");
        if (walk->rest[0] == '\0')
            return slash && !dentry_is_directory(walk->at) ? -ENOTDIR : arrive(walk, last_dot, lookup);
        int error = may_search(walk);
        if (error < 0)
            return error;
        char name[VFS_NAME_MAX + 1];
        const char *from = walk->rest;
        error = next_name(&walk->rest, name);
        if (error < 0)
            return error;
        unsigned int dot = dots(name);
        last_dot = dot != 0 ? dot : 3; /* behind a name only a link can end the path: one to "/" */
        if (dot != 0)
            done = dot == 2 ? go_up(walk) : 0;
        else if ((walk->flags & LOOKUP_PARENT) != 0 && only_slashes(walk->rest))
            done = last_step(walk, name, from, lookup);
        else
            done = step(walk, name, from);
        if (done < 0)
            return done;
        if (walk->fd >= 0)
            break;
    }
    lookup->fd = take_fd(&walk->fd);
    return 0;
}

int vfs_lookup(const struct vfs_who *who, struct dentry *base, const char *path, unsigned int flags,
               struct lookup *ret_lookup)
{
    struct dentry *start = base != NULL ? base : who->cwd;
    if (path[0] == '\0')
        return -ENOENT;
    if (strnlen(path, VFS_PATH_MAX) == VFS_PATH_MAX)
        return -ENAMETOOLONG;
    if (path[0] == '/' && (flags & WALK_SCOPED) == 0)
        start = who->root;
    else if (path[0] == '/' && (flags & LOOKUP_BENEATH) != 0)
        return -EXDEV;
    struct walk walk __attribute__((cleanup(walk_release))) = {
        .who = who,
        .vfs = who->sentry->vfs,
        .flags = flags,
        .top = (flags & WALK_SCOPED) != 0 ? start : who->root,
        .at = dentry_get(start),
        .fd = -1,
        .rest = path,
    };
    struct lookup lookup = {.fd = -1};
    int error = walk_path(&walk, &lookup);
    if (error == 0)
        *ret_lookup = lookup;
    return error;
}

bool lookup_holds(const struct lookup *lookup)
{
    const struct dentry *last = lookup->last;
    while (is_mount_root(last) && mount_root_covers(last) != NULL)
        last = mount_root_covers(last);
    return dentry_is_at(last, lookup->dentry, lookup->name);
}

void lookup_release(struct lookup *lookup)
{
    lookup->dentry = dentry_put(lookup->dentry);
    lookup->last = dentry_put(lookup->last);
    close_unlocked(lookup->fd);
    lookup->fd = -1;
}

ssize_t vfs_readlink(const struct vfs_who *who, struct dentry *dentry, char *buffer, size_t size)
{
    if (!is_link(dentry))
        return -EINVAL;
    char copy[VFS_PATH_MAX];
    const char *target;
    int error = target_of(who->sentry->vfs, who, dentry, &target, copy);
    if (error < 0)
        return error;
    size_t length = strlen(target);
    length = length < size ? length : size;
    memcpy(buffer, target, length);
    return (ssize_t)length;
}
