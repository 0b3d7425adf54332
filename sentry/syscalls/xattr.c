/* SPDX-License-Identifier: Apache-2.0 */
/* Extended attributes (xattr(7)): get, set, list and remove, by path, by link, by descriptor. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/limits.h>
#include <linux/magic.h>
#include <linux/posix_acl_xattr.h>
#include <linux/xattr.h>
#include <stdlib.h>
#include <string.h>

#include "postern/cleanup.h"
#include "sentry/fs/gofer_client.h"
#include "sentry/kernel/cred.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/file.h"
#include "sentry/syscalls/handlers.h"

enum { NAME_SIZE = XATTR_NAME_MAX + 1 };

/* Which of the three forms a call is. */
enum by { BY_PATH, BY_LINK, BY_FD };

static int find(struct call *call, const struct vfs_who *who, enum by by, struct target *ret_target)
{
    if (by == BY_FD)
        return target_fd(call, arg_int(call, 0), false, ret_target);
    return target_at(call, who, AT_FDCWD, call->args[0], 0, by == BY_PATH ? LOOKUP_FOLLOW : 0, ret_target);
}

static int read_name(struct call *call, uint64_t address, char name[NAME_SIZE])
{
    ssize_t length = guest_read_string(call, address, name, NAME_SIZE);
    if (length == 0 || length == -ENAMETOOLONG)
        return -ERANGE;
    return length < 0 ? (int)length : 0;
}

static bool has_prefix(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

static int check_user(const struct vfs_who *who, struct target *target, const struct statx *attributes, bool change)
{
    bool directory = S_ISDIR(attributes->stx_mode);
    if (!S_ISREG(attributes->stx_mode) && !directory)
        return change ? -EPERM : -ENODATA;
    bool owner = who->cred->fsuid == attributes->stx_uid || cred_capable(who->cred, CAP_FOWNER);
    if (change && directory && (attributes->stx_mode & S_ISVTX) != 0 && !owner)
        return -EPERM;
    return target_permission(who, target, change ? MAY_WRITE : MAY_READ);
}

static int check_trusted(const struct vfs_who *who, bool change)
{
    if (cred_capable(who->cred, CAP_SYS_ADMIN))
        return 0;
    return change ? -EPERM : -ENODATA;
}

static int check_security(const struct vfs_who *who, const char *name, bool change)
{
    bool file_caps = strcmp(name, XATTR_NAME_CAPS) == 0;
    if (!file_caps) /* what the host's security modules keep there is not the container's */
        return change ? (cred_capable(who->cred, CAP_SYS_ADMIN) ? -EOPNOTSUPP : -EPERM) : -ENODATA;
    return change && !cred_capable(who->cred, CAP_SETFCAP) ? -EPERM : 0;
}

static int check_acl(const struct vfs_who *who, const char *name, const struct statx *attributes, bool change)
{
    if (strcmp(name, XATTR_NAME_POSIX_ACL_ACCESS) != 0 && strcmp(name, XATTR_NAME_POSIX_ACL_DEFAULT) != 0)
        return -EOPNOTSUPP;
    if (S_ISLNK(attributes->stx_mode))
        return -EOPNOTSUPP;
    bool owner = who->cred->fsuid == attributes->stx_uid || cred_capable(who->cred, CAP_FOWNER);
    return change && !owner ? -EPERM : 0;
}

/* xattr_permission of Linux. */
static int check(const struct vfs_who *who, struct target *target, const char *name, bool change)
{
    struct statx attributes;
    int error = target_attributes(who, target, &attributes);
    if (error < 0)
        return error;
    if (change)
        error = target->dentry != NULL ? vfs_want_write(who->sentry->vfs, target->dentry)
                                       : object_want_write(who->sentry->vfs, &target->object);
    if (error < 0)
        return error;
    if (has_prefix(name, XATTR_USER_PREFIX))
        return name[XATTR_USER_PREFIX_LEN] == '\0' ? -EINVAL : check_user(who, target, &attributes, change);
    if (has_prefix(name, XATTR_TRUSTED_PREFIX))
        return check_trusted(who, change);
    if (has_prefix(name, XATTR_SECURITY_PREFIX))
        return check_security(who, name, change);
    return check_acl(who, name, &attributes, change);
}

/* A memory file's are ours to keep; nothing else without a name can have any. */
static bool keeps_own(const struct object *object, const char *name)
{
    return object->of_guest && S_ISREG(object->attributes.stx_mode) &&
           (has_prefix(name, XATTR_USER_PREFIX) || has_prefix(name, XATTR_TRUSTED_PREFIX));
}

static ssize_t get(struct call *call, const struct vfs_who *who, struct target *target, const char *name, void *value,
                   size_t size)
{
    struct dentry *dentry = target_dentry(call, target);
    if (dentry != NULL) {
        const struct filesystem *filesystem = dentry->filesystem;
        return filesystem->getxattr == NULL ? -EOPNOTSUPP
                                            : filesystem->getxattr(who->sentry->vfs, dentry, name, value, size);
    }
    if (target->object.kind != OBJECT_FILE)
        return keeps_own(&target->object, name)
                   ? object_getxattr_nameless(who->sentry->vfs, &target->object, name, value, size)
                   : -EOPNOTSUPP;
    return gofer_getxattr(who->sentry->gofer, (struct gofer_place){.fd = target->object.fd}, name, value, size);
}

static int64_t get_common(struct call *call, enum by by)
{
    struct vfs_who who;
    vfs_who_from_call(call, &who);
    char name[NAME_SIZE];
    auto_target struct target target = TARGET_NONE;
    int error = find(call, &who, by, &target);
    if (error == 0)
        error = read_name(call, call->args[1], name);
    if (error == 0)
        error = check(&who, &target, name, false);
    if (error < 0)
        return error;

    size_t size = call->args[3] < XATTR_SIZE_MAX ? (size_t)call->args[3] : XATTR_SIZE_MAX;
    auto_free char *value = malloc(size + 1);
    if (value == NULL)
        return -ENOMEM;
    ssize_t length = get(call, &who, &target, name, value, size);
    if (length < 0)
        return length;
    if (size == 0)
        return length;
    if ((size_t)length > size)
        return -ERANGE;
    error = guest_write(call, call->args[2], value, (size_t)length);
    return error < 0 ? error : length;
}

static int set(struct call *call, const struct vfs_who *who, struct target *target, const char *name, const void *value,
               size_t size, int flags)
{
    struct dentry *dentry = target_dentry(call, target);
    if (dentry != NULL) {
        const struct filesystem *filesystem = dentry->filesystem;
        return filesystem->setxattr == NULL ? -EOPNOTSUPP
                                            : filesystem->setxattr(who->sentry->vfs, dentry, who, name, value, size, flags);
    }
    if (target->object.kind != OBJECT_FILE)
        return keeps_own(&target->object, name)
                   ? object_setxattr_nameless(who->sentry->vfs, who->cred, &target->object, name, value, size, flags)
                   : -EOPNOTSUPP;
    struct gofer_place place = {.fd = target->object.fd};
    const struct actor actor = actor_of(who->cred, target->object.attributes.stx_gid);
    int error = gofer_setxattr(who->sentry->gofer, place, &actor, name, value, size, flags);
    object_changed(who->sentry->vfs, &target->object);
    return error;
}

/* Overlay and tmpfs do for no list what they do for a list; others take a list away and leave the mode. */
static bool removal_counts(struct call *call, const struct vfs_who *who, struct target *target)
{
    struct statfs figures;
    struct dentry *dentry = target_dentry(call, target);
    int error = dentry != NULL                          ? vfs_statfs(who->sentry->vfs, dentry, &figures)
                : target->object.kind == OBJECT_FILE ? gofer_statfs(who->sentry->gofer, (struct gofer_place){.fd = target->object.fd}, &figures)
                                                        : -ENOSYS;
    return error == 0 && (figures.f_type == OVERLAYFS_SUPER_MAGIC || figures.f_type == TMPFS_MAGIC);
}

/* Whoever gives a file of a strange group an ACL loses its set-group-id bit, as with chmod (posix_acl_update_mode of Linux). */
static void drop_setgid(struct call *call, const struct vfs_who *who, struct target *target, bool removes)
{
    struct statx attributes;
    if (cred_capable(who->cred, CAP_FSETID) || target_attributes(who, target, &attributes) < 0 ||
        (attributes.stx_mode & S_ISGID) == 0 || (removes && !removal_counts(call, who, target)))
        return;
    struct setattr keep = {.valid = SETATTR_MODE, .mode = attributes.stx_mode & 07777}; /* drops it where it must go */
    (void)target_set(call, who, target, &keep);
}

static int64_t set_common(struct call *call, enum by by)
{
    int flags = arg_int(call, 4);
    uint64_t size = call->args[3];
    if ((flags & ~(XATTR_CREATE | XATTR_REPLACE)) != 0)
        return -EINVAL;
    char name[NAME_SIZE];
    int error = read_name(call, call->args[1], name);
    if (error < 0)
        return error;
    if (size > XATTR_SIZE_MAX)
        return -E2BIG;
    auto_free char *value = malloc((size_t)size + 1);
    if (value == NULL)
        return -ENOMEM;
    error = guest_read(call, call->args[2], value, (size_t)size);
    if (error < 0)
        return error;

    struct vfs_who who;
    vfs_who_from_call(call, &who);
    auto_target struct target target = TARGET_NONE;
    error = find(call, &who, by, &target);
    if (error == 0)
        error = check(&who, &target, name, true);
    if (error == 0)
        error = set(call, &who, &target, name, value, (size_t)size, flags);
    if (error == 0 && strcmp(name, XATTR_NAME_POSIX_ACL_ACCESS) == 0)
        drop_setgid(call, &who, &target, size <= sizeof(struct posix_acl_xattr_header));
    return error;
}

/* Leaves out what the caller may not see. Returns the new length. */
static size_t filter_list(const struct vfs_who *who, char *list, size_t length)
{
    bool trusted = cred_capable(who->cred, CAP_SYS_ADMIN);
    size_t kept = 0;
    for (size_t at = 0; at < length;) {
        size_t size = strnlen(list + at, length - at) + 1;
        if (size > length - at)
            break;
        const char *name = list + at;
        bool shown = has_prefix(name, XATTR_SECURITY_PREFIX) ? strcmp(name, XATTR_NAME_CAPS) == 0
                                                             : trusted || !has_prefix(name, XATTR_TRUSTED_PREFIX);
        if (shown) {
            memmove(list + kept, name, size);
            kept += size;
        }
        at += size;
    }
    return kept;
}

static ssize_t list_names(struct call *call, const struct vfs_who *who, struct target *target, char *list, size_t size)
{
    struct dentry *dentry = target_dentry(call, target);
    if (dentry != NULL) {
        const struct filesystem *filesystem = dentry->filesystem;
        return filesystem->listxattr == NULL ? 0 : filesystem->listxattr(who->sentry->vfs, dentry, list, size);
    }
    if (target->object.kind != OBJECT_FILE)
        return object_listxattr_nameless(who->sentry->vfs, &target->object, list, size);
    return gofer_listxattr(who->sentry->gofer, (struct gofer_place){.fd = target->object.fd}, list, size);
}

static int64_t list_common(struct call *call, enum by by)
{
    struct vfs_who who;
    vfs_who_from_call(call, &who);
    auto_target struct target target = TARGET_NONE;
    int error = find(call, &who, by, &target);
    if (error < 0)
        return error;
    /* Always the whole list: what is left out changes the length that is asked for. */
    auto_free char *names = malloc(XATTR_LIST_MAX);
    if (names == NULL)
        return -ENOMEM;
    ssize_t got = list_names(call, &who, &target, names, XATTR_LIST_MAX);
    if (got < 0 || got > XATTR_LIST_MAX)
        return got < 0 ? got : -E2BIG;
    size_t length = filter_list(&who, names, (size_t)got);
    if (call->args[2] == 0)
        return (int64_t)length;
    if (length > call->args[2])
        return -ERANGE;
    error = guest_write(call, call->args[1], names, length);
    return error < 0 ? error : (int64_t)length;
}

static int take_away(struct call *call, const struct vfs_who *who, struct target *target, const char *name)
{
    struct dentry *dentry = target_dentry(call, target);
    if (dentry != NULL) {
        const struct filesystem *filesystem = dentry->filesystem;
        return filesystem->removexattr == NULL ? -EOPNOTSUPP : filesystem->removexattr(who->sentry->vfs, dentry, who, name);
    }
    if (target->object.kind != OBJECT_FILE)
        return keeps_own(&target->object, name) ? object_removexattr_nameless(who->sentry->vfs, &target->object, name) : -EOPNOTSUPP;
    const struct actor actor = actor_of(who->cred, target->object.attributes.stx_gid);
    int error = gofer_removexattr(who->sentry->gofer, (struct gofer_place){.fd = target->object.fd}, &actor, name);
    object_changed(who->sentry->vfs, &target->object);
    return error;
}

static int64_t remove_common(struct call *call, enum by by)
{
    struct vfs_who who;
    vfs_who_from_call(call, &who);
    char name[NAME_SIZE];
    auto_target struct target target = TARGET_NONE;
    int error = read_name(call, call->args[1], name);
    if (error == 0)
        error = find(call, &who, by, &target);
    if (error == 0)
        error = check(&who, &target, name, true);
    if (error == 0)
        error = take_away(call, &who, &target, name);
    if (error == 0 && strcmp(name, XATTR_NAME_POSIX_ACL_ACCESS) == 0)
        drop_setgid(call, &who, &target, true);
    return error;
}

#define XATTR_CALLS(verb)                                                                                              \
    int64_t sys_##verb##xattr(struct call *call)                                                                       \
    {                                                                                                                  \
        return verb##_common(call, BY_PATH);                                                                           \
    }                                                                                                                  \
    int64_t sys_l##verb##xattr(struct call *call)                                                                      \
    {                                                                                                                  \
        return verb##_common(call, BY_LINK);                                                                           \
    }                                                                                                                  \
    int64_t sys_f##verb##xattr(struct call *call)                                                                      \
    {                                                                                                                  \
        return verb##_common(call, BY_FD);                                                                             \
    }

XATTR_CALLS(get)
XATTR_CALLS(set)
XATTR_CALLS(list)
XATTR_CALLS(remove)
