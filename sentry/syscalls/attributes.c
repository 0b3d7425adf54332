/* SPDX-License-Identifier: Apache-2.0 */
/* chmod(2), chown(2), truncate(2), umask(2). */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/confine.h"
#include "sentry/kernel/cred.h"
#include "sentry/kernel/process.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/busy.h"
#include "sentry/syscalls/file.h"
#include "sentry/syscalls/handlers.h"

CONFINE_ALLOW(prlimit64, "how large a guest's files may be");
CONFINE_ALLOW(tgkill, "SIGXFSZ, for whoever would make one larger");

enum { MODE_BITS = 07777 };

static int64_t chmod_at(struct call *call, int dirfd, uint64_t address, unsigned int mode, int flags)
{
    if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0)
        return -EINVAL;
    struct vfs_who who;
    vfs_who_from_call(call, &who);
    auto_target struct target target = TARGET_NONE;
    unsigned int lookup = (flags & AT_SYMLINK_NOFOLLOW) != 0 ? 0 : LOOKUP_FOLLOW;
    int error = target_at(call, &who, dirfd, address, flags, lookup, &target);
    if (error < 0)
        return error;
    struct statx attributes;
    error = target_attributes(&who, &target, &attributes);
    if (error < 0)
        return error;
    if (S_ISLNK(attributes.stx_mode))
        return -EOPNOTSUPP;
    struct setattr set = {.valid = SETATTR_MODE, .mode = mode & MODE_BITS};
    return target_set(call, &who, &target, &set);
}

int64_t sys_chmod(struct call *call)
{
    return chmod_at(call, AT_FDCWD, call->args[0], arg_uint(call, 1), 0);
}

int64_t sys_fchmodat(struct call *call)
{
    return chmod_at(call, arg_int(call, 0), call->args[1], arg_uint(call, 2), 0);
}

int64_t sys_fchmodat2(struct call *call)
{
    return chmod_at(call, arg_int(call, 0), call->args[1], arg_uint(call, 2), arg_int(call, 3));
}

int64_t sys_fchmod(struct call *call)
{
    struct vfs_who who;
    vfs_who_from_call(call, &who);
    auto_target struct target target = TARGET_NONE;
    int error = target_fd(call, arg_int(call, 0), false, &target);
    if (error < 0)
        return error;
    struct setattr set = {.valid = SETATTR_MODE, .mode = arg_uint(call, 1) & MODE_BITS};
    return target_set(call, &who, &target, &set);
}

/* -1 leaves an id as it is; what else the container's user namespace does not have, no file there can have (chown(2): EINVAL). */
static bool can_own(const struct call *call, uid_t uid, gid_t gid)
{
    const struct boot_config *boot = call->sentry->boot;
    return (uid == (uid_t)-1 || boot_id_exists(&boot->uids, uid)) && (gid == (gid_t)-1 || boot_id_exists(&boot->gids, gid));
}

static int64_t chown_at(struct call *call, int dirfd, uint64_t address, uid_t uid, gid_t gid, int flags)
{
    if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0)
        return -EINVAL;
    struct vfs_who who;
    vfs_who_from_call(call, &who);
    auto_target struct target target = TARGET_NONE;
    unsigned int lookup = (flags & AT_SYMLINK_NOFOLLOW) != 0 ? 0 : LOOKUP_FOLLOW;
    int error = target_at(call, &who, dirfd, address, flags, lookup, &target);
    if (error < 0)
        return error;
    if (!can_own(call, uid, gid))
        return -EINVAL;
    struct setattr set = {.valid = SETATTR_OWNER, .uid = uid, .gid = gid};
    return target_set(call, &who, &target, &set);
}

int64_t sys_chown(struct call *call)
{
    return chown_at(call, AT_FDCWD, call->args[0], arg_uint(call, 1), arg_uint(call, 2), 0);
}

int64_t sys_lchown(struct call *call)
{
    return chown_at(call, AT_FDCWD, call->args[0], arg_uint(call, 1), arg_uint(call, 2), AT_SYMLINK_NOFOLLOW);
}

int64_t sys_fchownat(struct call *call)
{
    return chown_at(call, arg_int(call, 0), call->args[1], arg_uint(call, 2), arg_uint(call, 3), arg_int(call, 4));
}

int64_t sys_fchown(struct call *call)
{
    struct vfs_who who;
    vfs_who_from_call(call, &who);
    auto_target struct target target = TARGET_NONE;
    int error = target_fd(call, arg_int(call, 0), false, &target);
    if (error < 0)
        return error;
    struct setattr set = {.valid = SETATTR_OWNER, .uid = arg_uint(call, 1), .gid = arg_uint(call, 2)};
    if (!can_own(call, set.uid, set.gid))
        return -EINVAL;
    return target_set(call, &who, &target, &set);
}

/* vfs_truncate of Linux, in its order. */
static int may_truncate(struct call *call, const struct vfs_who *who, struct target *target)
{
    struct statx attributes;
    int error = target_attributes(who, target, &attributes);
    if (error < 0)
        return error;
    if (S_ISDIR(attributes.stx_mode))
        return -EISDIR;
    if (!S_ISREG(attributes.stx_mode))
        return -EINVAL;
    if (target->dentry != NULL) {
        error = vfs_want_write(who->sentry->vfs, target->dentry);
        if (error < 0)
            return error;
    }
    error = target_permission(who, target, MAY_WRITE);
    if (error < 0)
        return error;
    return program_running(call, &attributes) ? -ETXTBSY : 0;
}

/* inode_newsize_ok of Linux: what the gofer does it does without the caller's limit. */
static int check_size_limit(struct call *call, const struct vfs_who *who, struct target *target, uint64_t size)
{
    struct statx attributes;
    struct rlimit limit;
    const struct task *task = call->task;
    if (prlimit(task->process->pid, RLIMIT_FSIZE, NULL, &limit) < 0)
        return -errno;
    if (limit.rlim_cur == RLIM_INFINITY || size <= limit.rlim_cur)
        return 0;
    int error = target_attributes(who, target, &attributes);
    if (error < 0 || size <= attributes.stx_size)
        return error;
    (void)syscall(SYS_tgkill, task->process->pid, task->tid, SIGXFSZ);
    return -EFBIG;
}

int64_t sys_truncate(struct call *call)
{
    int64_t size = (int64_t)call->args[1];
    if (size < 0)
        return -EINVAL;
    struct vfs_who who;
    vfs_who_from_call(call, &who);
    auto_target struct target target = TARGET_NONE;
    int error = target_at(call, &who, AT_FDCWD, call->args[0], 0, LOOKUP_FOLLOW, &target);
    if (error == 0)
        error = may_truncate(call, &who, &target);
    if (error == 0)
        error = check_size_limit(call, &who, &target, (uint64_t)size);
    if (error < 0)
        return error;

    const struct dentry *dentry = target_dentry(call, &target);
    const struct statx before = dentry != NULL ? dentry->inode->attributes : (struct statx){0};
    struct setattr set = {.valid = SETATTR_SIZE, .size = size};
    error = target_set(call, &who, &target, &set);
    if (error == 0 && dentry != NULL)
        keep_set_id(&who, target_dentry(call, &target), &before);
    return error;
}

int64_t sys_umask(struct call *call)
{
    struct process *process = call->task->process;
    struct fs fs = task_fs(call->task);
    mode_t before = fs.umask;
    fs.umask = arg_uint(call, 0) & 0777;
    if (fs.umask == before)
        return before;
    struct context *context = task_edit(call->task);
    if (context == NULL)
        return -ENOMEM;
    context_set_fs(context, call->task, &fs);
    int error = process_commit(call->sentry->processes, process, context);
    return error < 0 ? error : (int64_t)before;
}
