/* SPDX-License-Identifier: Apache-2.0 */
/*
 * getrlimit(2), setrlimit(2), prlimit(2), where they do not run natively: limits that are emulated (postern/limits.h), and those of
 * another process.
 */
#include <errno.h>
#include <sys/resource.h>

#include "sentry/platform/platform.h"
#include "sentry/syscalls/handlers.h"
#include "sentry/syscalls/subject.h"

static bool may_limit(const struct call *call, const struct task *target)
{
    const struct cred *cred = caller_cred(call), *other = task_cred(target);
    if (is_own_process(call, target) || cred_capable(cred, CAP_SYS_RESOURCE))
        return true;
    return cred->ruid == other->euid && cred->ruid == other->suid && cred->ruid == other->ruid &&
           cred->rgid == other->egid && cred->rgid == other->sgid && cred->rgid == other->rgid;
}

static int exchange_limit(struct call *call, struct process *process, unsigned int resource, const struct rlimit *limit,
                          struct rlimit *old)
{
    if (resource >= RLIM_NLIMITS || (limit != NULL && limit->rlim_cur > limit->rlim_max))
        return -EINVAL;
    int result = limits_get(process, resource, old);
    if (result < 0 || limit == NULL)
        return result;
    return limits_set(call->sentry->processes, process, resource, limit, caller_capable(call, CAP_SYS_RESOURCE));
}

/* Not while a program is being started in it: its limits are settled by then. NULL: there is none. */
static struct task *find_settled(struct call *call, pid_t vtid)
{
    for (;;) {
        struct task *target = subject_find(call, vtid);
        if (target == NULL || target->process->executing == NULL)
            return target;
        process_wait_for_exec(target->process);
        if (!platform_is_asking(call->sentry, call->listener, call->id))
            return NULL; /* it was the caller's process, and the caller is no more */
    }
}

/* The new limit is copied in before anything is judged: whoever is looked up stays who it is until it is set. */
static int64_t exchange(struct call *call, pid_t vtid, unsigned int resource, uint64_t new_address, uint64_t old_address)
{
    struct rlimit limit, old;
    int result = new_address != 0 ? guest_read(call, new_address, &limit, sizeof(limit)) : 0;
    if (result < 0)
        return result;
    struct task *target = find_settled(call, vtid);
    if (target == NULL)
        return -ESRCH;
    if (!may_limit(call, target))
        return -EPERM;
    result = exchange_limit(call, target->process, resource, new_address != 0 ? &limit : NULL, &old);
    if (result < 0 || old_address == 0)
        return result;
    return guest_write(call, old_address, &old, sizeof(old));
}

int64_t sys_getrlimit(struct call *call)
{
    if (call->args[1] == 0)
        return -EFAULT;
    return exchange(call, 0, arg_uint(call, 0), 0, call->args[1]);
}

int64_t sys_setrlimit(struct call *call)
{
    if (call->args[1] == 0)
        return -EFAULT;
    return exchange(call, 0, arg_uint(call, 0), call->args[1], 0);
}

int64_t sys_prlimit64(struct call *call)
{
    return exchange(call, arg_int(call, 0), arg_uint(call, 1), call->args[2], call->args[3]);
}
