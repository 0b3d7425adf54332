/* SPDX-License-Identifier: Apache-2.0 */
/* link(2), symlink(2), readlink(2), unlink(2), mknod(2): names of things that are not directories. */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>

#include "sentry/fs/gofer_client.h"
#include "sentry/kernel/cred.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/file.h"
#include "sentry/syscalls/handlers.h"

/* --- readlink --- */

static int64_t readlink_at(struct call *call, int dirfd, uint64_t address, uint64_t buffer, int size)
{
    if (size <= 0)
        return -EINVAL;
    struct vfs_who who;
    vfs_who_from_call(call, &who);
    char path[VFS_PATH_MAX];
    ssize_t length = path_read(call, address, path);
    if (length < 0)
        return length;

    auto_target struct target target = TARGET_NONE;
    /* readlinkat(fd, "") reads the link an O_PATH descriptor stands for. */
    bool empty = length == 0 && dirfd != AT_FDCWD;
    int error = target_from_path(call, &who, dirfd, path, empty ? AT_EMPTY_PATH : 0, 0, &target);
    if (error < 0)
        return error;
    struct dentry *dentry = target_dentry(call, &target);
    char link[VFS_PATH_MAX];
    size_t room = (size_t)size < sizeof(link) ? (size_t)size : sizeof(link);
    length = dentry != NULL ? vfs_readlink(&who, dentry, link, room) : -EINVAL;
    if (length < 0)
        return empty && length == -EINVAL ? -ENOENT : length;
    error = guest_write(call, buffer, link, (size_t)length);
    return error < 0 ? error : length;
}

int64_t sys_readlink(struct call *call)
{
    return readlink_at(call, AT_FDCWD, call->args[0], call->args[1], arg_int(call, 2));
}

int64_t sys_readlinkat(struct call *call)
{
    return readlink_at(call, arg_int(call, 0), call->args[1], call->args[2], arg_int(call, 3));
}

/* --- symlink, mknod --- */

static int64_t symlink_at(struct call *call, uint64_t target_address, int dirfd, uint64_t address)
{
    struct vfs_who who;
    vfs_who_from_call(call, &who);
    char target[VFS_PATH_MAX];
    ssize_t length = path_read(call, target_address, target);
    if (length <= 0)
        return length == 0 ? -ENOENT : length;
    auto_lookup struct lookup lookup = {.fd = -1};
    int error = create_prepare(call, &who, dirfd, address, CREATE_TELLS, &lookup);
    if (error < 0)
        return error;
    const struct filesystem *filesystem = lookup.dentry->filesystem;
    if (filesystem->symlink == NULL)
        return -EPERM;
    return filesystem->symlink(who.sentry->vfs, lookup.dentry, lookup.name, target, &who);
}

int64_t sys_symlink(struct call *call)
{
    return symlink_at(call, call->args[0], AT_FDCWD, call->args[1]);
}

int64_t sys_symlinkat(struct call *call)
{
    return symlink_at(call, call->args[0], arg_int(call, 1), call->args[2]);
}

static int check_node_type(mode_t type)
{
    switch (type) {
    case 0:
    case S_IFREG:
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
    case S_IFSOCK:
        return 0;
    case S_IFDIR:
        return -EPERM;
    default:
        return -EINVAL;
    }
}

static int64_t mknod_at(struct call *call, int dirfd, uint64_t address, unsigned int mode, unsigned int device)
{
    mode_t type = mode & S_IFMT;
    int error = check_node_type(type);
    if (error < 0)
        return error;
    struct vfs_who who;
    vfs_who_from_call(call, &who);
    auto_lookup struct lookup lookup = {.fd = -1};
    error = create_prepare(call, &who, dirfd, address, 0, &lookup);
    if (error < 0)
        return error;
    bool is_device = type == S_IFCHR || type == S_IFBLK;
    bool whiteout = type == S_IFCHR && device == 0;
    if (is_device && !whiteout && !cred_capable(who.cred, CAP_MKNOD))
        return -EPERM;
    const struct filesystem *filesystem = lookup.dentry->filesystem;
    if (filesystem->mknod == NULL)
        return -EPERM;
    if (type == 0)
        mode |= S_IFREG;
    mode = creation_mode(&who, lookup.dentry, mode & (S_IFMT | 07777));
    return filesystem->mknod(who.sentry->vfs, lookup.dentry, lookup.name, mode, device, &who);
}

int64_t sys_mknod(struct call *call)
{
    return mknod_at(call, AT_FDCWD, call->args[0], arg_uint(call, 1) & 0xffff, arg_uint(call, 2));
}

int64_t sys_mknodat(struct call *call)
{
    return mknod_at(call, arg_int(call, 0), call->args[1], arg_uint(call, 2) & 0xffff, arg_uint(call, 3));
}

/* --- link --- */

/* /proc/sys/fs/protected_hardlinks: others' files may be linked to only if they are harmless and one may write to them.
 */
static int may_link(const struct vfs_who *who, struct target *source, const struct statx *attributes)
{
    if (who->cred->fsuid == attributes->stx_uid || cred_capable(who->cred, CAP_FOWNER))
        return 0;
    bool setgid_program = (attributes->stx_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);
    if (!S_ISREG(attributes->stx_mode) || (attributes->stx_mode & S_ISUID) != 0 || setgid_program)
        return -EPERM;
    return target_permission(who, source, MAY_READ | MAY_WRITE) < 0 ? -EPERM : 0;
}

/* The kernel wants CAP_DAC_READ_SEARCH, or the credentials the file was opened with. Those are not recorded: its
 * owner's come nearest. */
static bool may_link_descriptor(const struct vfs_who *who, const struct object *object)
{
    return who->cred->fsuid == object->attributes.stx_uid || cred_capable(who->cred, CAP_DAC_READ_SEARCH);
}

/* A file that has no name (any more): O_TMPFILE, by its descriptor. */
static int link_object(const struct vfs_who *who, const struct object *object, const struct lookup *to)
{
    if (object->kind != OBJECT_FILE || to->dentry->filesystem->link == NULL)
        return -EXDEV;
    char path[VFS_PATH_MAX];
    int error = gofer_path(to->dentry, to->name, path, sizeof(path));
    if (error == 0)
        error = gofer_link(who->sentry->gofer, (struct gofer_place){.fd = object->fd},
                           (struct gofer_place){.path = path, .fd = -1, .expected = gofer_identity_of(&to->dentry->inode->attributes)},
                           NULL);
    if (error < 0)
        return vfs_said(to->dentry, error);
    object_changed(who->sentry->vfs, object);
    vfs_entry_added(to->dentry, to->name);
    return 0;
}

static int link_dentry(const struct vfs_who *who, struct dentry *source, const struct lookup *to)
{
    struct vfs *vfs = who->sentry->vfs;
    if (!vfs_same_mount(vfs, source, to->dentry))
        return -EXDEV;
    if (to->dentry->filesystem->link == NULL)
        return -EPERM;
    return to->dentry->filesystem->link(vfs, source, to->dentry, to->name, who);
}

static int make_link(struct call *call, const struct vfs_who *who, struct target *source, const struct lookup *to)
{
    struct statx attributes;
    int error = target_attributes(who, source, &attributes);
    if (error == 0)
        error = may_link(who, source, &attributes);
    if (error < 0)
        return error;
    if (S_ISDIR(attributes.stx_mode))
        return -EPERM;
    struct dentry *dentry = target_dentry(call, source);
    return dentry != NULL ? link_dentry(who, dentry, to) : link_object(who, &source->object, to);
}

static int64_t link_at(struct call *call, int from_fd, uint64_t from, int to_fd, uint64_t to, int flags)
{
    if ((flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) != 0)
        return -EINVAL;
    struct vfs_who who;
    vfs_who_from_call(call, &who);
    auto_target struct target source = TARGET_NONE;
    unsigned int lookup_flags = (flags & AT_SYMLINK_FOLLOW) != 0 ? LOOKUP_FOLLOW : 0;
    int error = target_at(call, &who, from_fd, from, flags, lookup_flags, &source);
    if (error < 0)
        return error;
    if (source.object.fd >= 0 && (flags & AT_EMPTY_PATH) != 0 && !may_link_descriptor(&who, &source.object))
        return -ENOENT;
    auto_lookup struct lookup lookup = {.fd = -1};
    error = create_prepare(call, &who, to_fd, to, 0, &lookup);
    if (error < 0)
        return error;
    return make_link(call, &who, &source, &lookup);
}

int64_t sys_link(struct call *call)
{
    return link_at(call, AT_FDCWD, call->args[0], AT_FDCWD, call->args[1], 0);
}

int64_t sys_linkat(struct call *call)
{
    return link_at(call, arg_int(call, 0), call->args[1], arg_int(call, 2), call->args[3], arg_int(call, 4));
}

/* --- unlink, rmdir --- */

static int unlink_found(const struct vfs_who *who, struct lookup *lookup)
{
    struct vfs *vfs = who->sentry->vfs;
    struct dentry *victim = lookup->last;
    bool missing = victim == NULL || victim->inode == NULL;
    if (missing)
        return -ENOENT;
    bool directory = S_ISDIR(victim->inode->attributes.stx_mode);
    if (lookup->trailing_slash)
        return directory ? -EISDIR : -ENOTDIR;
    int error = vfs_may_delete(who, lookup->dentry, victim);
    if (directory && (error == 0 || error == -EBUSY))
        return -EISDIR;
    if (error < 0)
        return error;
    if (dentry_busy(victim))
        return -EBUSY;
    if (!lookup_holds(lookup))
        return -ESTALE;
    return lookup->dentry->filesystem->unlink == NULL ? -EPERM : lookup->dentry->filesystem->unlink(vfs, victim);
}

static int64_t unlink_at(struct call *call, int dirfd, uint64_t address)
{
    struct vfs_who who;
    vfs_who_from_call(call, &who);
    auto_lookup struct lookup lookup = {.fd = -1};
    int error = path_lookup_at(call, &who, dirfd, address, LOOKUP_PARENT | LOOKUP_LAST, &lookup);
    if (error < 0)
        return error;
    if (lookup.last_dot != 0)
        return -EISDIR;
    error = vfs_want_write(who.sentry->vfs, lookup.dentry);
    return error < 0 ? error : unlink_found(&who, &lookup);
}

static int rmdir_found(const struct vfs_who *who, struct lookup *lookup)
{
    struct dentry *victim = lookup->last;
    if (victim == NULL || victim->inode == NULL)
        return -ENOENT;
    int error = vfs_may_delete(who, lookup->dentry, victim);
    if (error < 0)
        return error;
    if (!S_ISDIR(victim->inode->attributes.stx_mode))
        return -ENOTDIR;
    if (dentry_busy(victim))
        return -EBUSY;
    if (!lookup_holds(lookup))
        return -ESTALE;
    const struct filesystem *filesystem = lookup->dentry->filesystem;
    return filesystem->rmdir == NULL ? -EPERM : filesystem->rmdir(who->sentry->vfs, victim);
}

static int64_t rmdir_at(struct call *call, int dirfd, uint64_t address)
{
    static const int dots[] = {[1] = -EINVAL, [2] = -ENOTEMPTY, [3] = -EBUSY};
    struct vfs_who who;
    vfs_who_from_call(call, &who);
    auto_lookup struct lookup lookup = {.fd = -1};
    int error = path_lookup_at(call, &who, dirfd, address, LOOKUP_PARENT | LOOKUP_LAST, &lookup);
    if (error < 0)
        return error;
    if (lookup.last_dot != 0)
        return lookup.last_dot < sizeof(dots) / sizeof(dots[0]) ? dots[lookup.last_dot] : -EBUSY;
    error = vfs_want_write(who.sentry->vfs, lookup.dentry);
    return error < 0 ? error : rmdir_found(&who, &lookup);
}

int64_t sys_unlink(struct call *call)
{
    return unlink_at(call, AT_FDCWD, call->args[0]);
}

int64_t sys_rmdir(struct call *call)
{
    return rmdir_at(call, AT_FDCWD, call->args[0]);
}

int64_t sys_unlinkat(struct call *call)
{
    int flags = arg_int(call, 2);
    if ((flags & ~AT_REMOVEDIR) != 0)
        return -EINVAL;
    int dirfd = arg_int(call, 0);
    return (flags & AT_REMOVEDIR) != 0 ? rmdir_at(call, dirfd, call->args[1]) : unlink_at(call, dirfd, call->args[1]);
}
