/* SPDX-License-Identifier: Apache-2.0 */
/* prctl(2): what concerns credentials is emulated; what is the thread's own affair the host does; the rest does not exist. */
#include <errno.h>
#include <linux/prctl.h>

#include "sentry/syscalls/handlers.h"
#include "sentry/syscalls/seccomp.h"
#include "sentry/syscalls/subject.h"

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_GET_MDWE 66
#endif
#ifndef PR_GET_AUXV
#define PR_GET_AUXV 0x41555856
#endif

static bool any_of(const struct call *call, int first, int last)
{
    for (int i = first; i <= last; i++)
        if (call->args[i] != 0)
            return true;
    return false;
}

static int64_t run_natively(struct call *call)
{
    (void)call;
    return CALL_CONTINUE;
}

static int64_t get_dumpable(struct call *call)
{
    return call->task->process->context->dumpable;
}

static int64_t set_dumpable(struct call *call)
{
    if (call->args[1] > 1)
        return -EINVAL;
    bool dumpable = call->args[1] == 1;
    struct process *process = call->task->process;
    if (process->context->dumpable == dumpable)
        return 0;
    struct context *context = task_edit(call->task);
    if (context == NULL)
        return -ENOMEM;
    context->dumpable = dumpable;
    return process_commit(call->sentry->processes, process, context);
}

static int64_t get_no_new_privs(struct call *call)
{
    return any_of(call, 1, 4) ? -EINVAL : task_no_new_privs(call->task);
}

static int64_t set_no_new_privs(struct call *call)
{
    if (call->args[1] != 1 || any_of(call, 2, 4))
        return -EINVAL;
    struct cred *cred = caller_cred_edit(call);
    if (cred == NULL)
        return -ENOMEM;
    cred->no_new_privs = true;
    return caller_cred_finish(call, cred, 0);
}

static int64_t read_bounding(struct call *call)
{
    if (call->args[1] > CRED_CAP_LAST)
        return -EINVAL;
    return (int64_t)(caller_cred(call)->cap_bounding >> call->args[1] & 1);
}

static int64_t drop_bounding(struct call *call)
{
    struct cred *cred = caller_cred_edit(call);
    return cred == NULL ? -ENOMEM : caller_cred_finish(call, cred, cred_drop_bounding(cred, call->args[1]));
}

static int64_t get_securebits(struct call *call)
{
    return cred_securebits(caller_cred(call));
}

static int64_t set_securebits(struct call *call)
{
    struct cred *cred = caller_cred_edit(call);
    return cred == NULL ? -ENOMEM : caller_cred_finish(call, cred, cred_set_securebits(cred, call->args[1]));
}

static int64_t get_keep_caps(struct call *call)
{
    return caller_cred(call)->keep_caps;
}

static int64_t set_keep_caps(struct call *call)
{
    struct cred *cred = caller_cred_edit(call);
    return cred == NULL ? -ENOMEM : caller_cred_finish(call, cred, cred_set_keep_caps(cred, call->args[1]));
}

static int64_t ambient(struct call *call)
{
    uint64_t operation = call->args[1], capability = call->args[2];
    bool clear = operation == PR_CAP_AMBIENT_CLEAR_ALL;
    if (any_of(call, clear ? 2 : 3, 4) || capability > CRED_CAP_LAST)
        return -EINVAL;
    if (operation == PR_CAP_AMBIENT_IS_SET)
        return (int64_t)(caller_cred(call)->cap_ambient >> capability & 1);
    if (!clear && operation != PR_CAP_AMBIENT_RAISE && operation != PR_CAP_AMBIENT_LOWER)
        return -EINVAL;
    struct cred *cred = caller_cred_edit(call);
    if (cred == NULL)
        return -ENOMEM;
    int result = 0;
    if (clear)
        cred->cap_ambient = 0;
    else if (operation == PR_CAP_AMBIENT_RAISE)
        result = cred_raise_ambient(cred, capability);
    else
        result = cred_lower_ambient(cred, capability);
    return caller_cred_finish(call, cred, result);
}

/* Native, but whoever takes privileges on loses it again (secureexec.c). */
static int64_t set_death_signal(struct call *call)
{
    if (call->args[1] != 0)
        call->task->death_signal = true;
    return CALL_CONTINUE;
}

/* The host's carries our tags (sentry/kernel/slack.c). */
static int64_t get_timer_slack(struct call *call)
{
    uint64_t slack;
    int result = thread_get_slack(call->sentry->processes, call->task->tid, &slack);
    return result < 0 ? result : (int64_t)(slack < INT64_MAX ? slack : INT64_MAX);
}

static int64_t set_timer_slack(struct call *call)
{
    int result = thread_set_slack(call->sentry->processes, call->task, call->args[1]);
    return result == -EAGAIN ? 0 : result;
}

/* What takes one field would need CAP_SYS_RESOURCE, which no guest holds. */
static int64_t set_mm(struct call *call)
{
    return call->args[1] == PR_SET_MM_MAP || call->args[1] == PR_SET_MM_MAP_SIZE ? CALL_CONTINUE : -EPERM;
}

static int64_t set_ptracer(struct call *call)
{
    (void)call;
    return 0;
}

static const struct {
    int option;
    call_handler handler;
} options[] = {
    {PR_SET_DUMPABLE, set_dumpable},
    {PR_GET_DUMPABLE, get_dumpable},
    {PR_SET_NO_NEW_PRIVS, set_no_new_privs},
    {PR_GET_NO_NEW_PRIVS, get_no_new_privs},
    {PR_CAPBSET_READ, read_bounding},
    {PR_CAPBSET_DROP, drop_bounding},
    {PR_SET_SECUREBITS, set_securebits},
    {PR_GET_SECUREBITS, get_securebits},
    {PR_SET_KEEPCAPS, set_keep_caps},
    {PR_GET_KEEPCAPS, get_keep_caps},
    {PR_CAP_AMBIENT, ambient},
    {PR_SET_SECCOMP, prctl_set_seccomp},
    {PR_GET_SECCOMP, prctl_get_seccomp},
    {PR_SET_MM, set_mm},
    {PR_SET_PTRACER, set_ptracer},
    {PR_SET_PDEATHSIG, set_death_signal},
    {PR_SET_TIMERSLACK, set_timer_slack},
    {PR_GET_TIMERSLACK, get_timer_slack},
    /* The thread's or process's own state, without privilege. Each is a number the kernel keeps, unless it says more. */
    {PR_SET_NAME, run_natively},
    {PR_GET_NAME, run_natively},
    {PR_GET_PDEATHSIG, run_natively},
    {PR_SET_CHILD_SUBREAPER, run_natively}, /* init systems, supervisors; among the sandbox's own processes */
    {PR_GET_CHILD_SUBREAPER, run_natively},
    {PR_SET_TIMING, run_natively}, /* accepts what is the case */
    {PR_GET_TIMING, run_natively},
    {PR_SET_TSC, run_natively}, /* rr, and whoever must not read the clock: takes an instruction away */
    {PR_GET_TSC, run_natively},
    {PR_SET_THP_DISABLE, run_natively}, /* redis, JVMs */
    {PR_GET_THP_DISABLE, run_natively},
    {PR_SET_VMA, run_natively},          /* libc and bionic name their memory */
    {PR_GET_TID_ADDRESS, run_natively},  /* checkpoint tools; an address in the caller's own memory */
    {PR_GET_AUXV, run_natively},         /* libc without /proc */
    {PR_GET_SPECULATION_CTRL, run_natively}, /* browsers, JVMs: protection against reading one's own secrets */
    {PR_SET_SPECULATION_CTRL, run_natively},
    {PR_SET_MDWE, run_natively}, /* gives up memory that is writable and executable */
    {PR_GET_MDWE, run_natively},
};

int64_t sys_prctl(struct call *call)
{
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        if (options[i].option == arg_int(call, 0))
            return options[i].handler(call);
    return -EINVAL;
}
