/* SPDX-License-Identifier: Apache-2.0 */
/* mkdir(2), and where a process is: chdir(2), chroot(2), getcwd(2). */
#include <errno.h>
#include <linux/capability.h>

#include "sentry/kernel/cred.h"
#include "sentry/kernel/process.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/file.h"
#include "sentry/syscalls/handlers.h"

static int64_t mkdir_at(struct call *call, int dirfd, uint64_t address, unsigned int mode)
{
    struct vfs_who who;
    vfs_who_from_call(call, &who);
    auto_lookup struct lookup lookup = {.fd = -1};
    int error = create_prepare(call, &who, dirfd, address, CREATE_DIRECTORY | CREATE_TELLS, &lookup);
    if (error < 0)
        return error;
    const struct filesystem *filesystem = lookup.dentry->filesystem;
    if (filesystem->mkdir == NULL)
        return -EPERM;
    return filesystem->mkdir(who.sentry->vfs, lookup.dentry, lookup.name, mode & 01777, &who);
}

int64_t sys_mkdir(struct call *call)
{
    return mkdir_at(call, AT_FDCWD, call->args[0], arg_uint(call, 1));
}

int64_t sys_mkdirat(struct call *call)
{
    return mkdir_at(call, arg_int(call, 0), call->args[1], arg_uint(call, 2));
}

/* Makes a directory the caller's working directory or, with new_root, its root. */
static int64_t move_to(struct call *call, struct dentry *dentry, bool new_root)
{
    struct process *process = call->task->process;
    struct context *context = task_edit(call->task);
    if (context == NULL)
        return -ENOMEM;
    struct fs fs = task_fs(call->task);
    *(new_root ? &fs.root : &fs.cwd) = dentry;
    context_set_fs(context, call->task, &fs);
    return process_commit(call->sentry->processes, process, context);
}

static int64_t go_to_path(struct call *call, bool new_root)
{
    struct vfs_who who;
    vfs_who_from_call(call, &who);
    auto_lookup struct lookup lookup = {.fd = -1};
    int error = path_lookup_at(call, &who, AT_FDCWD, call->args[0], LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &lookup);
    if (error < 0)
        return error;
    if (lookup.dentry == NULL)
        return -ENOTDIR;
    error = vfs_permission(&who, lookup.dentry, MAY_EXEC);
    if (error < 0)
        return error;
    if (new_root && !cred_capable(who.cred, CAP_SYS_CHROOT))
        return -EPERM;
    return move_to(call, lookup.dentry, new_root);
}

int64_t sys_chdir(struct call *call)
{
    return go_to_path(call, false);
}

int64_t sys_chroot(struct call *call)
{
    return go_to_path(call, true);
}

int64_t sys_fchdir(struct call *call)
{
    struct vfs_who who;
    vfs_who_from_call(call, &who);
    auto_object struct object object = {.fd = -1};
    int error = object_from_fd(call, arg_int(call, 0), &object);
    if (error < 0)
        return error;
    if (!S_ISDIR(object.attributes.stx_mode) || object.dentry == NULL)
        return -ENOTDIR;
    error = vfs_permission(&who, object.dentry, MAY_EXEC);
    return error < 0 ? error : move_to(call, object.dentry, false);
}

int64_t sys_getcwd(struct call *call)
{
    const struct fs fs = task_fs(call->task);
    if (dentry_real(fs.cwd)->deleted)
        return -ENOENT;
    char path[VFS_PATH_MAX + 32];
    ssize_t length = dentry_path(fs.cwd, fs.root, path, sizeof(path));
    if (length < 0)
        return length;
    size_t size = (size_t)length + 1;
    if (size > VFS_PATH_MAX)
        return -ENAMETOOLONG;
    if (call->args[1] < size)
        return -ERANGE;
    int error = guest_write(call, call->args[0], path, size);
    return error < 0 ? error : (int64_t)size;
}
