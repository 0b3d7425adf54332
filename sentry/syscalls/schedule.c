/* SPDX-License-Identifier: Apache-2.0 */
/* Priorities and scheduling of other processes: setpriority(2), sched_setscheduler(2), ioprio_set(2). Judged here, done by the host. */
#include <errno.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/confine.h"
#include "sentry/kernel/newcomers.h"
#include "sentry/syscalls/handlers.h"
#include "sentry/syscalls/subject.h"

CONFINE_ALLOW(getpriority, "priorities of all processes of a guest's user");
CONFINE_ALLOW(setpriority, "priorities of all processes of a guest's user, judged");

enum { IOPRIO_WHO_PROCESS = 1, IOPRIO_WHO_PGRP = 2, IOPRIO_WHO_USER = 3 };

/* The three families agree on this but for which ids of whom count. */
static bool owns(const struct call *call, const struct task *target)
{
    const struct cred *cred = caller_cred(call), *other = task_cred(target);
    return is_own_process(call, target) || cred->euid == other->euid || cred->euid == other->ruid ||
           cred_capable(cred, CAP_SYS_NICE);
}

static int64_t judge_task(struct call *call, pid_t vtid)
{
    if (vtid == 0 || vtid == call->task->vtid || vtid < 0)
        return CALL_CONTINUE;
    const struct task *target = subject_find(call, vtid);
    if (target == NULL)
        return -ESRCH;
    return owns(call, target) ? CALL_CONTINUE : -EPERM;
}

int64_t sys_sched_setscheduler(struct call *call)
{
    return judge_task(call, arg_int(call, 0));
}

int64_t sys_sched_setparam(struct call *call)
{
    return judge_task(call, arg_int(call, 0));
}

int64_t sys_sched_setattr(struct call *call)
{
    return judge_task(call, arg_int(call, 0));
}

int64_t sys_sched_setaffinity(struct call *call)
{
    return judge_task(call, arg_int(call, 0));
}

struct group_check {
    struct call *call;
    struct group group;
};

static int refuse_foreign(struct process *process, void *data)
{
    const struct group_check *check = data;
    const struct task target = {.tid = process->pid, .vtid = process->vpid, .process = process, .cred = process_cred(process)};
    return !group_has(check->call, &check->group, process) || owns(check->call, &target) ? 0 : -EPERM;
}

static int64_t judge_group(struct call *call, pid_t vpgid)
{
    if (vpgid > 0 && newcomer_has_id(call->sentry->processes, vpgid)) /* it leads a group of its own */
        return -ESRCH;
    if (caller_capable(call, CAP_SYS_NICE))
        return CALL_CONTINUE;
    struct group_check check = {.call = call};
    group_find(call, vpgid, &check.group);
    int result = process_for_each(call->sentry->processes, refuse_foreign, &check);
    return result < 0 ? result : CALL_CONTINUE;
}

/* --- of all processes of a user: the host knows one user only --- */

struct user_visit {
    struct call *call;
    uid_t uid;
    int priority;
    bool set;
    int64_t result; /* -ESRCH while none was found */
};

static int visit_user(struct process *process, void *data)
{
    struct user_visit *visit = data;
    const struct task target = {.tid = process->pid, .vtid = process->vpid, .process = process, .cred = process_cred(process)};
    if (task_cred(&target)->ruid != visit->uid)
        return 0;
    if (!visit->set) {
        long priority = syscall(SYS_getpriority, PRIO_PROCESS, process->pid);
        if (priority > visit->result)
            visit->result = priority;
        return 0;
    }
    if (!owns(visit->call, &target))
        visit->result = -EPERM;
    else if (setpriority(PRIO_PROCESS, (id_t)process->pid, visit->priority) < 0)
        visit->result = errno == ESRCH ? visit->result : -errno;
    else if (visit->result == -ESRCH)
        visit->result = 0;
    return 0;
}

static int64_t user_priority(struct call *call, bool set)
{
    uid_t who = arg_uint(call, 1);
    struct user_visit visit = {.call = call, .uid = who == 0 ? caller_cred(call)->ruid : who, .set = set,
                               .priority = set ? arg_int(call, 2) : 0, .result = -ESRCH};
    int result = process_for_each(call->sentry->processes, visit_user, &visit);
    return result < 0 ? result : visit.result;
}

int64_t sys_getpriority(struct call *call)
{
    if (arg_int(call, 0) == PRIO_USER)
        return user_priority(call, false);
    const pid_t vtid = arg_int(call, 1);
    return vtid > 0 && newcomer_has_id(call->sentry->processes, vtid) ? -ESRCH : CALL_CONTINUE;
}

int64_t sys_setpriority(struct call *call)
{
    switch (arg_int(call, 0)) {
    case PRIO_PROCESS:
        return judge_task(call, arg_int(call, 1));
    case PRIO_PGRP:
        return judge_group(call, arg_int(call, 1));
    case PRIO_USER:
        return user_priority(call, true);
    default:
        return -EINVAL;
    }
}

int64_t sys_ioprio_set(struct call *call)
{
    switch (arg_int(call, 0)) {
    case IOPRIO_WHO_PROCESS:
        return judge_task(call, arg_int(call, 1));
    case IOPRIO_WHO_PGRP:
        return judge_group(call, arg_int(call, 1));
    case IOPRIO_WHO_USER:
        return -EPERM;
    default:
        return -EINVAL;
    }
}
