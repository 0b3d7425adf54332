/* SPDX-License-Identifier: Apache-2.0 */
/* User and group ids: getuid(2), setuid(2), setreuid(2), setresuid(2), setfsuid(2) and their gid halves. */
#include <errno.h>

#include "sentry/syscalls/handlers.h"
#include "sentry/syscalls/subject.h"

int64_t sys_getuid(struct call *call)
{
    return caller_cred(call)->ruid;
}

int64_t sys_geteuid(struct call *call)
{
    return caller_cred(call)->euid;
}

int64_t sys_getgid(struct call *call)
{
    return caller_cred(call)->rgid;
}

int64_t sys_getegid(struct call *call)
{
    return caller_cred(call)->egid;
}

static int64_t write_ids(struct call *call, const uint32_t ids[3])
{
    for (int i = 0; i < 3; i++) {
        int result = guest_write(call, call->args[i], &ids[i], sizeof(ids[i]));
        if (result < 0)
            return result;
    }
    return 0;
}

int64_t sys_getresuid(struct call *call)
{
    const struct cred *cred = caller_cred(call);
    return write_ids(call, (const uint32_t[3]){cred->ruid, cred->euid, cred->suid});
}

int64_t sys_getresgid(struct call *call)
{
    const struct cred *cred = caller_cred(call);
    return write_ids(call, (const uint32_t[3]){cred->rgid, cred->egid, cred->sgid});
}

/* Is each of the first `count` arguments an id of the container's user namespace, or -1, of which the calls say themselves what
 * it means? */
static bool are_uids(const struct call *call, int count)
{
    for (int i = 0; i < count; i++)
        if (arg_uint(call, i) != UINT32_MAX && !boot_id_exists(&call->sentry->boot->uids, arg_uint(call, i)))
            return false;
    return true;
}

static bool are_gids(const struct call *call, int count)
{
    for (int i = 0; i < count; i++)
        if (arg_uint(call, i) != UINT32_MAX && !boot_id_exists(&call->sentry->boot->gids, arg_uint(call, i)))
            return false;
    return true;
}

int64_t sys_setuid(struct call *call)
{
    if (!are_uids(call, 1))
        return -EINVAL;
    struct cred *cred = caller_cred_edit(call);
    if (cred == NULL)
        return -ENOMEM;
    return caller_cred_finish(call, cred, cred_setuid(cred, arg_uint(call, 0)));
}

int64_t sys_setreuid(struct call *call)
{
    if (!are_uids(call, 2))
        return -EINVAL;
    struct cred *cred = caller_cred_edit(call);
    if (cred == NULL)
        return -ENOMEM;
    return caller_cred_finish(call, cred, cred_setreuid(cred, arg_uint(call, 0), arg_uint(call, 1)));
}

int64_t sys_setresuid(struct call *call)
{
    if (!are_uids(call, 3))
        return -EINVAL;
    struct cred *cred = caller_cred_edit(call);
    if (cred == NULL)
        return -ENOMEM;
    int result = cred_setresuid(cred, arg_uint(call, 0), arg_uint(call, 1), arg_uint(call, 2));
    return caller_cred_finish(call, cred, result);
}

int64_t sys_setgid(struct call *call)
{
    if (!are_gids(call, 1))
        return -EINVAL;
    struct cred *cred = caller_cred_edit(call);
    if (cred == NULL)
        return -ENOMEM;
    return caller_cred_finish(call, cred, cred_setgid(cred, arg_uint(call, 0)));
}

int64_t sys_setregid(struct call *call)
{
    if (!are_gids(call, 2))
        return -EINVAL;
    struct cred *cred = caller_cred_edit(call);
    if (cred == NULL)
        return -ENOMEM;
    return caller_cred_finish(call, cred, cred_setregid(cred, arg_uint(call, 0), arg_uint(call, 1)));
}

int64_t sys_setresgid(struct call *call)
{
    if (!are_gids(call, 3))
        return -EINVAL;
    struct cred *cred = caller_cred_edit(call);
    if (cred == NULL)
        return -ENOMEM;
    int result = cred_setresgid(cred, arg_uint(call, 0), arg_uint(call, 1), arg_uint(call, 2));
    return caller_cred_finish(call, cred, result);
}

/* setfsuid(2) and setfsgid(2) never fail: they return what was before. */
int64_t sys_setfsuid(struct call *call)
{
    uid_t before = caller_cred(call)->fsuid;
    if (!are_uids(call, 1))
        return before;
    struct cred *cred = caller_cred_edit(call);
    return cred == NULL ? before : caller_cred_finish_with(call, cred, cred_setfsuid(cred, arg_uint(call, 0)), before);
}

int64_t sys_setfsgid(struct call *call)
{
    gid_t before = caller_cred(call)->fsgid;
    if (!are_gids(call, 1))
        return before;
    struct cred *cred = caller_cred_edit(call);
    return cred == NULL ? before : caller_cred_finish_with(call, cred, cred_setfsgid(cred, arg_uint(call, 0)), before);
}
