/* SPDX-License-Identifier: Apache-2.0 */
/* Paths and descriptors of the guest, turned into the objects they name. */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>

#include "sentry/fs/gofer_client.h"
#include "sentry/kernel/cred.h"
#include "sentry/platform/unlocked.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/file.h"
#include "sentry/vfs/guest_mounts.h"

void target_release(struct target *target)
{
    target->dentry = dentry_put(target->dentry);
    if (target->object.fd >= 0)
        object_release(&target->object);
    target->object.fd = -1;
}

void cleanup_lookup(struct lookup *lookup)
{
    lookup_release(lookup);
}

void cleanup_object(struct object *object)
{
    if (object->fd >= 0)
        object_release(object);
}

void cleanup_dentry(struct dentry **dentry)
{
    (void)dentry_put(*dentry);
}

ssize_t path_read(struct call *call, uint64_t address, char buffer[VFS_PATH_MAX])
{
    return guest_read_string(call, address, buffer, VFS_PATH_MAX);
}

int path_lookup(struct call *call, const struct vfs_who *who, int dirfd, const char *path, unsigned int flags,
                struct lookup *ret_lookup)
{
    if (path[0] == '\0')
        return -ENOENT;

    auto_object struct object base = {.fd = -1};
    bool scoped = (flags & (LOOKUP_BENEATH | LOOKUP_IN_ROOT)) != 0;
    if (dirfd != AT_FDCWD && (path[0] != '/' || scoped)) {
        int error = object_from_fd(call, dirfd, &base);
        if (error < 0)
            return error;
        if (base.dentry == NULL || !S_ISDIR(base.attributes.stx_mode))
            return -ENOTDIR;
    }
    return vfs_lookup(who, base.dentry, path, flags, ret_lookup);
}

int path_lookup_at(struct call *call, const struct vfs_who *who, int dirfd, uint64_t address, unsigned int flags,
                   struct lookup *ret_lookup)
{
    char path[VFS_PATH_MAX];
    ssize_t length = path_read(call, address, path);
    if (length < 0)
        return (int)length;
    return path_lookup(call, who, dirfd, path, flags, ret_lookup);
}

int refuse_path_descriptor(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_PATH) != 0 ? -EBADF : 0;
}

int target_fd(struct call *call, int fd, bool path_descriptors, struct target *ret_target)
{
    auto_object struct object object = {.fd = -1};
    int error = object_from_fd(call, fd, &object);
    if (error < 0)
        return error;
    if (!path_descriptors) {
        error = refuse_path_descriptor(object.fd);
        if (error < 0)
            return error;
    }
    *ret_target = (struct target){.object = object};
    object.fd = -1;
    return 0;
}

/* "" with AT_EMPTY_PATH. */
static int target_of_dirfd(struct call *call, const struct vfs_who *who, int dirfd, struct target *ret_target)
{
    if (dirfd != AT_FDCWD)
        return target_fd(call, dirfd, true, ret_target);
    *ret_target = (struct target){.dentry = dentry_get(who->cwd), .object = {.fd = -1}};
    return 0;
}

int target_from_path(struct call *call, const struct vfs_who *who, int dirfd, const char *path, int at_flags,
                     unsigned int lookup_flags, struct target *ret_target)
{
    if (path[0] == '\0' && (at_flags & AT_EMPTY_PATH) != 0)
        return target_of_dirfd(call, who, dirfd, ret_target);

    struct lookup lookup;
    int error = path_lookup(call, who, dirfd, path, lookup_flags, &lookup);
    if (error < 0)
        return error;

    struct target target = TARGET_NONE;
    if (lookup.fd >= 0) {
        error = object_from_own_fd(call, lookup.fd, &target.object);
        lookup.fd = -1;
    } else {
        target.dentry = lookup.dentry;
        lookup.dentry = NULL;
    }
    lookup_release(&lookup);
    if (error < 0)
        return error;
    *ret_target = target;
    return 0;
}

int target_at(struct call *call, const struct vfs_who *who, int dirfd, uint64_t address, int at_flags,
              unsigned int lookup_flags, struct target *ret_target)
{
    char path[VFS_PATH_MAX];
    ssize_t length = path_read(call, address, path);
    if (length < 0)
        return (int)length;
    return target_from_path(call, who, dirfd, path, at_flags, lookup_flags, ret_target);
}

struct dentry *target_dentry(struct call *call, struct target *target)
{
    if (target->dentry != NULL)
        return target->dentry;
    if (target->object.dentry == NULL && target->object.kind != OBJECT_ANONYMOUS)
        (void)object_dentry(call, &target->object);
    return target->object.dentry;
}

int target_attributes(const struct vfs_who *who, struct target *target, struct statx *ret_attributes)
{
    if (target->dentry == NULL) {
        *ret_attributes = target->object.attributes;
        return 0;
    }
    int error = vfs_getattr(who->sentry->vfs, target->dentry);
    if (error == 0 && target->dentry->filesystem->hides != NULL)
        error = target->dentry->filesystem->hides(target->dentry, who, true);
    if (error < 0)
        return error;
    *ret_attributes = target->dentry->inode->attributes;
    if (target->dentry->guest != NULL)
        vfs_show_mount(target->dentry, ret_attributes);
    return 0;
}

int target_permission(const struct vfs_who *who, struct target *target, int mask)
{
    if (target->dentry != NULL)
        return vfs_permission(who, target->dentry, mask);
    return object_permission(who, &target->object, mask);
}

/* By name, so that the filesystem keeps its caches right. */
static int set_by_dentry(const struct vfs_who *who, struct dentry *dentry, struct setattr *set)
{
    struct vfs *vfs = who->sentry->vfs;
    int error = vfs_want_write(vfs, dentry);
    if (error == 0)
        error = vfs_get_owner(vfs, dentry);
    if (error == 0)
        error = attributes_may_change(who->cred, &dentry->inode->attributes, set);
    if (error == SETATTR_IF_WRITABLE)
        error = vfs_permission(who, dentry, MAY_WRITE);
    if (error < 0)
        return error;
    if (dentry->filesystem->setattr == NULL)
        return -EPERM;
    return dentry->filesystem->setattr(vfs, dentry, who, set);
}

/* Those who say what may be executed in a memory file have sealed it. */
static bool seal_forbids(const struct object *object, const struct setattr *set)
{
    enum { SEAL_EXEC = 0x20 };
    if ((set->valid & SETATTR_MODE) == 0 || !S_ISREG(object->attributes.stx_mode))
        return false;
    const int seals = fcntl(object->fd, F_GET_SEALS);
    return seals >= 0 && (seals & SEAL_EXEC) != 0 && ((object->attributes.stx_mode ^ set->mode) & 0111) != 0;
}

/* Owner and mode are what the guest sees. A file, folder or disk from outside has others who see it: they are not changed in silence. */
static int set_anonymous(const struct vfs_who *who, const struct object *object, const struct setattr *set)
{
    const struct setattr times = {.valid = set->valid & SETATTR_TIMES, .atime = set->atime, .mtime = set->mtime};
    if ((object->attributes.stx_mode & S_IFMT) == 0)
        return -EOPNOTSUPP; /* one inode of the kernel's for all eventfds and their like */
    if (!object->of_guest && !S_ISFIFO(object->attributes.stx_mode) && !S_ISSOCK(object->attributes.stx_mode) &&
        !S_ISCHR(object->attributes.stx_mode))
        return -EPERM;
    if (seal_forbids(object, set))
        return -EPERM;
    int error = (set->valid & (SETATTR_OWNER | SETATTR_MODE)) == 0 ? 0 : object_set_nameless(who->sentry->vfs, who->cred, object, set);
    if (error == 0 && times.valid != 0)
        error = gofer_setattr(who->sentry->gofer, (struct gofer_place){.fd = object->fd}, &times, NULL);
    return error;
}

int target_set(struct call *call, const struct vfs_who *who, struct target *target, struct setattr *set)
{
    struct dentry *dentry = target_dentry(call, target);
    if (dentry != NULL)
        return set_by_dentry(who, dentry, set);

    int error = attributes_may_change(who->cred, &target->object.attributes, set);
    if (error == SETATTR_IF_WRITABLE)
        error = object_permission(who, &target->object, MAY_WRITE);
    if (error < 0)
        return error;
    if (target->object.kind == OBJECT_ANONYMOUS)
        return set_anonymous(who, &target->object, set);
    if (target->object.kind == OBJECT_SYNTHETIC)
        return -EPERM; /* of a process that is gone, or ours, as what programs start from is */
    error = object_want_write(who->sentry->vfs, &target->object);
    if (error < 0)
        return error;
    return object_set(who->sentry->vfs, &target->object, set);
}

bool names_are_fixed(const struct dentry *directory)
{
    return strcmp(dentry_real(directory)->filesystem->name, "proc") == 0;
}

int create_prepare(struct call *call, const struct vfs_who *who, int dirfd, uint64_t address, unsigned int what,
                   struct lookup *ret_lookup)
{
    struct vfs *vfs = who->sentry->vfs;
    auto_lookup struct lookup lookup = {.fd = -1};
    const unsigned int flags = LOOKUP_PARENT | LOOKUP_LAST | ((what & CREATE_TELLS) != 0 ? LOOKUP_NEW : 0);
    int error = path_lookup_at(call, who, dirfd, address, flags, &lookup);
    if (error < 0)
        return error;
    if (lookup.last_dot != 0 || lookup.dentry == NULL)
        return -EEXIST;
    if (lookup.last != NULL && lookup.last->inode != NULL)
        return -EEXIST;
    if ((lookup.trailing_slash && (what & CREATE_DIRECTORY) == 0) || names_are_fixed(lookup.dentry))
        return -ENOENT;
    error = vfs_want_write(vfs, lookup.dentry);
    if (error < 0)
        return error;
    error = vfs_gone(lookup.dentry);
    if (error == 0)
        error = vfs_permission(who, lookup.dentry, MAY_WRITE | MAY_EXEC);
    if (error < 0)
        return error;

    *ret_lookup = lookup;
    lookup = (struct lookup){.fd = -1};
    return 0;
}

mode_t creation_mode(const struct vfs_who *who, const struct dentry *parent, mode_t mode)
{
    const struct statx *attributes = &parent->inode->attributes;
    if ((mode & (S_ISGID | S_IXGRP)) != (S_ISGID | S_IXGRP) || (attributes->stx_mode & S_ISGID) == 0)
        return mode;
    bool member = cred_in_group(who->cred, attributes->stx_gid) || cred_capable(who->cred, CAP_FSETID);
    return member ? mode : mode & ~(mode_t)S_ISGID;
}

int gofer_path(const struct dentry *parent, const char *name, char *buffer, size_t size)
{
    ssize_t length = dentry_relative_path(parent, buffer, size);
    if (length < 0)
        return (int)length;
    size_t used = (size_t)length, name_length = strlen(name);
    size_t slash = used > 0 ? 1 : 0;
    if (used + slash + name_length + 1 > size)
        return -ENAMETOOLONG;
    if (slash != 0)
        buffer[used] = '/';
    memcpy(buffer + used + slash, name, name_length + 1);
    return 0;
}
