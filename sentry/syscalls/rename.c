/* SPDX-License-Identifier: Apache-2.0 */
/* rename(2) and renameat2(2). */
#include <errno.h>
#include <stdio.h>

#include "sentry/sentry.h"
#include "sentry/syscalls/file.h"
#include "sentry/syscalls/handlers.h"

struct renaming {
    const struct vfs_who *who;
    struct lookup *from, *to;
    unsigned int flags;
    bool target_exists;
};

static bool is_directory(const struct dentry *dentry)
{
    return S_ISDIR(dentry->inode->attributes.stx_mode);
}

static bool is_below(const struct dentry *dentry, const struct dentry *ancestor)
{
    for (;; dentry = dentry->parent) {
        if (dentry == ancestor)
            return true;
        if (dentry->parent == dentry || dentry->parent == NULL)
            return false;
    }
}

/* do_renameat2: what the names alone rule out, in its order. */
static int check_names(struct renaming *renaming)
{
    const struct lookup *from = renaming->from, *to = renaming->to;
    unsigned int flags = renaming->flags;
    renaming->target_exists = to->last != NULL && to->last->inode != NULL;
    if (from->last == NULL || from->last->inode == NULL)
        return -ENOENT;
    if (!renaming->target_exists && names_are_fixed(to->dentry))
        return -ENOENT;
    if ((flags & RENAME_NOREPLACE) != 0 && renaming->target_exists)
        return -EEXIST;
    if ((flags & RENAME_EXCHANGE) != 0) {
        if (!renaming->target_exists)
            return -ENOENT;
        if (!is_directory(to->last) && to->trailing_slash)
            return -ENOTDIR;
    }
    if (!is_directory(from->last)) {
        if (from->trailing_slash)
            return -ENOTDIR;
        if ((flags & RENAME_EXCHANGE) == 0 && to->trailing_slash)
            return -ENOTDIR;
    }
    /* A directory does not go below itself, nor does anything replace a directory it is in. */
    if (is_below(dentry_real(to->dentry), dentry_real(from->last)))
        return -EINVAL;
    if (renaming->target_exists && is_below(dentry_real(from->dentry), dentry_real(to->last)))
        return (flags & RENAME_EXCHANGE) != 0 ? -EINVAL : -ENOTEMPTY;
    return 0;
}

static int check_target(const struct renaming *renaming)
{
    const struct vfs_who *who = renaming->who;
    struct lookup *to = renaming->to;
    if (!renaming->target_exists) {
        int error = vfs_gone(to->dentry);
        return error < 0 ? error : vfs_permission(who, to->dentry, MAY_WRITE | MAY_EXEC);
    }
    int error = vfs_may_delete(who, to->dentry, to->last);
    if (error < 0 || (renaming->flags & RENAME_EXCHANGE) != 0)
        return error;
    bool directory = is_directory(renaming->from->last);
    if (directory && !is_directory(to->last))
        return -ENOTDIR;
    if (!directory && is_directory(to->last))
        return -EISDIR;
    return 0;
}

/* vfs_rename: permission. A directory that changes its parent has its ".." rewritten: that is a write to it. */
static int check_permission(const struct renaming *renaming)
{
    const struct vfs_who *who = renaming->who;
    struct lookup *from = renaming->from, *to = renaming->to;
    int error = vfs_may_delete(who, from->dentry, from->last);
    if (error == 0)
        error = check_target(renaming);
    if (error < 0)
        return error;
    if (from->dentry != to->dentry) {
        if (is_directory(from->last))
            error = vfs_permission(who, from->last, MAY_WRITE);
        if (error == 0 && (renaming->flags & RENAME_EXCHANGE) != 0 && is_directory(to->last))
            error = vfs_permission(who, to->last, MAY_WRITE);
    }
    if (error < 0)
        return error;
    if (dentry_busy(from->last) || (renaming->target_exists && dentry_busy(to->last)))
        return -EBUSY;
    return 0;
}

/* Names may move, come and go while the other one is looked up, and while rights are asked for. */
static bool found_holds(const struct renaming *renaming)
{
    const struct lookup *from = renaming->from, *to = renaming->to;
    bool exists = to->last != NULL && to->last->inode != NULL;
    return (from->last == NULL || lookup_holds(from)) && (to->last == NULL || lookup_holds(to)) && exists == renaming->target_exists;
}

static int rename_found(struct renaming *renaming)
{
    struct vfs *vfs = renaming->who->sentry->vfs;
    struct lookup *from = renaming->from, *to = renaming->to;
    int error = check_names(renaming);
    if (error < 0)
        return found_holds(renaming) ? error : -ESTALE;
    if (!found_holds(renaming))
        return -ESTALE;
    /* What is mounted there is looked at by may_delete. */
    const bool plain = renaming->target_exists && !dentry_busy(from->last) && !dentry_busy(to->last);
    if (plain && from->last->inode == to->last->inode)
        return 0; /* two names of one file: rename(2) does nothing */
    error = check_permission(renaming);
    if (error < 0)
        return error;
    if (!found_holds(renaming))
        return -ESTALE;
    const struct filesystem *filesystem = from->dentry->filesystem;
    if (filesystem->rename == NULL)
        return -EPERM;
    return filesystem->rename(vfs, from->last, to->dentry, to->name, renaming->flags, renaming->who);
}

static int64_t rename_at(struct call *call, int from_fd, uint64_t from_address, int to_fd, uint64_t to_address,
                         unsigned int flags)
{
    if ((flags & ~(unsigned int)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) != 0)
        return -EINVAL;
    if ((flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)) != 0 && (flags & RENAME_EXCHANGE) != 0)
        return -EINVAL;

    struct vfs_who who;
    vfs_who_from_call(call, &who);
    auto_lookup struct lookup from = {.fd = -1};
    auto_lookup struct lookup to = {.fd = -1};
    int error = path_lookup_at(call, &who, from_fd, from_address, LOOKUP_PARENT | LOOKUP_LAST, &from);
    if (error == 0)
        error = path_lookup_at(call, &who, to_fd, to_address, LOOKUP_PARENT | LOOKUP_LAST, &to);
    if (error < 0)
        return error;

    struct vfs *vfs = who.sentry->vfs;
    if (!vfs_same_mount(vfs, from.dentry, to.dentry))
        return -EXDEV;
    if (from.last_dot != 0)
        return -EBUSY;
    if (to.last_dot != 0)
        return (flags & RENAME_NOREPLACE) != 0 ? -EEXIST : -EBUSY;
    error = vfs_want_write(vfs, from.dentry);
    if (error == 0)
        error = vfs_want_write(vfs, to.dentry);
    if (error < 0)
        return error;
    struct renaming renaming = {.who = &who, .from = &from, .to = &to, .flags = flags};
    return rename_found(&renaming);
}

int64_t sys_rename(struct call *call)
{
    return rename_at(call, AT_FDCWD, call->args[0], AT_FDCWD, call->args[1], 0);
}

int64_t sys_renameat(struct call *call)
{
    return rename_at(call, arg_int(call, 0), call->args[1], arg_int(call, 2), call->args[3], 0);
}

int64_t sys_renameat2(struct call *call)
{
    return rename_at(call, arg_int(call, 0), call->args[1], arg_int(call, 2), call->args[3], arg_uint(call, 4));
}
