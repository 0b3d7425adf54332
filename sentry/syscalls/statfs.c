/* SPDX-License-Identifier: Apache-2.0 */
/* statfs(2), sync(2). */
#include <errno.h>
#include <sys/vfs.h>

#include "postern/confine.h"
#include "sentry/fs/gofer_client.h"
#include "sentry/platform/unlocked.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/file.h"
#include "sentry/syscalls/handlers.h"

static int statfs_target(struct call *call, const struct vfs_who *who, struct target *target, struct statfs *ret_statfs)
{
    struct dentry *dentry = target_dentry(call, target);
    if (dentry != NULL)
        return vfs_statfs(who->sentry->vfs, dentry, ret_statfs);
    if (target->object.kind == OBJECT_ANONYMOUS)
        return unlocked_statfs(target->object.fd, ret_statfs);
    return gofer_statfs(who->sentry->gofer, (struct gofer_place){.fd = target->object.fd}, ret_statfs);
}

static int64_t answer(struct call *call, const struct vfs_who *who, struct target *target)
{
    struct statfs result = {0};
    int error = statfs_target(call, who, target, &result);
    return error < 0 ? error : guest_write(call, call->args[1], &result, sizeof(result));
}

int64_t sys_statfs(struct call *call)
{
    struct vfs_who who;
    vfs_who_from_call(call, &who);
    auto_target struct target target = TARGET_NONE;
    int error = target_at(call, &who, AT_FDCWD, call->args[0], 0, LOOKUP_FOLLOW, &target);
    return error < 0 ? error : answer(call, &who, &target);
}

int64_t sys_fstatfs(struct call *call)
{
    struct vfs_who who;
    vfs_who_from_call(call, &who);
    auto_target struct target target = TARGET_NONE;
    int error = target_fd(call, arg_int(call, 0), true, &target);
    return error < 0 ? error : answer(call, &who, &target);
}

int64_t sys_sync(struct call *call)
{
    (void)gofer_sync(call->sentry->gofer);
    return 0;
}
