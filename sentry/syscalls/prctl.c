/* SPDX-License-Identifier: Apache-2.0 */
/* prctl(2): what concerns credentials is emulated; what is the thread's own affair the host does; the rest does not exist. */
#include <errno.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>

#include "sentry/syscalls/handlers.h"
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
    struct context *context = process_edit(process);
    if (context == NULL)
        return -ENOMEM;
    context->dumpable = dumpable;
    return process_commit(call->sentry->processes, process, context);
}

static int64_t get_no_new_privs(struct call *call)
{
    return any_of(call, 1, 4) ? -EINVAL : caller_cred(call)->no_new_privs;
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

/* Our own filter is there, but it is not the guest's to see. */
static int64_t get_seccomp(struct call *call)
{
    (void)call;
    return 0;
}

static int64_t set_seccomp(struct call *call)
{
    if (call->args[1] == SECCOMP_MODE_FILTER && !caller_cred(call)->no_new_privs && !caller_capable(call, CAP_SYS_ADMIN))
        return -EACCES;
    return CALL_CONTINUE;
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
    {PR_SET_SECCOMP, set_seccomp},
    {PR_GET_SECCOMP, get_seccomp},
    {PR_SET_MM, set_mm},
    {PR_SET_PTRACER, set_ptracer},
    /* the thread's or process's own state, without privilege */
    {PR_SET_NAME, run_natively},
    {PR_GET_NAME, run_natively},
    {PR_SET_PDEATHSIG, run_natively},
    {PR_GET_PDEATHSIG, run_natively},
    {PR_SET_CHILD_SUBREAPER, run_natively},
    {PR_GET_CHILD_SUBREAPER, run_natively},
    {PR_SET_TIMERSLACK, run_natively},
    {PR_GET_TIMERSLACK, run_natively},
    {PR_SET_TIMING, run_natively},
    {PR_GET_TIMING, run_natively},
    {PR_SET_TSC, run_natively},
    {PR_GET_TSC, run_natively},
    {PR_SET_THP_DISABLE, run_natively},
    {PR_GET_THP_DISABLE, run_natively},
    {PR_SET_VMA, run_natively},
    {PR_GET_TID_ADDRESS, run_natively},
    {PR_GET_AUXV, run_natively},
    {PR_GET_SPECULATION_CTRL, run_natively},
    {PR_SET_SPECULATION_CTRL, run_natively},
    {PR_SET_MDWE, run_natively},
    {PR_GET_MDWE, run_natively},
    {PR_SET_SYSCALL_USER_DISPATCH, run_natively},
    {PR_TASK_PERF_EVENTS_DISABLE, run_natively},
    {PR_TASK_PERF_EVENTS_ENABLE, run_natively},
};

int64_t sys_prctl(struct call *call)
{
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        if (options[i].option == arg_int(call, 0))
            return options[i].handler(call);
    return -EINVAL;
}

/* Still the runtime's code, on its way to its first program: it loads the filter of config.json. */
static bool is_before_its_program(const struct call *call)
{
    return call->task->process->context->exe == NULL;
}

/* seccomp(2): a guest may confine itself further. A listener it cannot have: there is one a chain, and that is ours. */
int64_t sys_seccomp(struct call *call)
{
    const uint64_t known = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW |
                           SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
    if (arg_uint(call, 0) != SECCOMP_SET_MODE_FILTER)
        return CALL_CONTINUE;
    uint32_t flags = arg_uint(call, 1);
    if (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)
        return -EBUSY;
    if (flags & ~known)
        return -EINVAL;
    if (!is_before_its_program(call) && !caller_cred(call)->no_new_privs && !caller_capable(call, CAP_SYS_ADMIN))
        return -EACCES;
    return CALL_CONTINUE;
}
