/* SPDX-License-Identifier: Apache-2.0 */
/* access(2): judged by the real ids. */
#include <errno.h>
#include <linux/securebits.h>
#include <sys/mount.h>
#include <unistd.h>

#include "sentry/kernel/cred.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/file.h"
#include "sentry/syscalls/handlers.h"

static void cleanup_cred(struct cred **cred)
{
    (void)cred_put(*cred);
}

/* The credentials access(2) asks with: real ids, and the capabilities a process of that real user would have. */
static struct cred *real_cred(const struct cred *cred)
{
    struct cred *real = cred_copy(cred);
    if (real == NULL)
        return NULL;
    real->fsuid = real->ruid;
    real->fsgid = real->rgid;
    if ((real->securebits & SECBIT_NO_SETUID_FIXUP) == 0)
        real->cap_effective = real->ruid == 0 ? real->cap_permitted : 0;
    return real;
}

static int check(const struct vfs_who *who, struct target *target, int mode)
{
    int mask = ((mode & R_OK) != 0 ? MAY_READ : 0) | ((mode & W_OK) != 0 ? MAY_WRITE : 0) |
               ((mode & X_OK) != 0 ? MAY_EXEC : 0);
    if (mask == 0)
        return 0;

    struct statx attributes;
    int error = target_attributes(who, target, &attributes);
    if (error < 0)
        return error;
    struct vfs *vfs = who->sentry->vfs;
    unsigned int type = attributes.stx_mode & S_IFMT;
    if ((mode & X_OK) != 0 && type == S_IFREG && target->dentry != NULL &&
        (vfs_mount_flags(vfs, target->dentry) & MS_NOEXEC) != 0)
        return -EACCES;
    error = target_permission(who, target, mask);
    if (error < 0)
        return error;
    bool special = type == S_IFCHR || type == S_IFBLK || type == S_IFIFO || type == S_IFSOCK;
    if ((mode & W_OK) != 0 && !special && target->dentry != NULL)
        return vfs_want_write(vfs, target->dentry);
    return 0;
}

static int64_t access_at(struct call *call, int dirfd, uint64_t address, int mode, int flags)
{
    if ((mode & ~(R_OK | W_OK | X_OK)) != 0)
        return -EINVAL;
    if ((flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0)
        return -EINVAL;

    struct vfs_who who;
    vfs_who_from_call(call, &who);
    __attribute__((cleanup(cleanup_cred))) struct cred *real = NULL;
    if ((flags & AT_EACCESS) == 0) {
        real = real_cred(who.cred);
        if (real == NULL)
            return -ENOMEM;
        who.cred = real;
    }
    auto_target struct target target = TARGET_NONE;
    unsigned int lookup = (flags & AT_SYMLINK_NOFOLLOW) != 0 ? 0 : LOOKUP_FOLLOW;
    int error = target_at(call, &who, dirfd, address, flags, lookup, &target);
    if (error < 0)
        return error;
    return check(&who, &target, mode);
}

int64_t sys_access(struct call *call)
{
    return access_at(call, AT_FDCWD, call->args[0], arg_int(call, 1), 0);
}

int64_t sys_faccessat(struct call *call)
{
    return access_at(call, arg_int(call, 0), call->args[1], arg_int(call, 2), 0);
}

int64_t sys_faccessat2(struct call *call)
{
    return access_at(call, arg_int(call, 0), call->args[1], arg_int(call, 2), arg_int(call, 3));
}
