/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/syscalls/secureexec.h"

#include <errno.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "postern/confine.h"
#include "sentry/kernel/process.h"
#include "sentry/kernel/status.h"
#include "sentry/platform/call.h"
#include "sentry/platform/transient.h"
#include "sentry/sentry.h"

CONFINE_ALLOW(prlimit64, "the stack limit of a program with privileges");

#define STACK_LIMIT UINT64_C(8388608) /* _STK_LIM */
#define CLEARED_ON_SETID (READ_IMPLIES_EXEC | ADDR_NO_RANDOMIZE | ADDR_COMPAT_LAYOUT | MMAP_PAGE_ZERO)

/* A larger soft limit becomes the usual one; says whether it was larger. */
static bool lower_stack(pid_t pid, struct rlimit *before)
{
    if (prlimit(pid, RLIMIT_STACK, NULL, before) < 0 || before->rlim_cur <= STACK_LIMIT)
        return false;
    const struct rlimit lower = {.rlim_cur = STACK_LIMIT, .rlim_max = before->rlim_max};
    return prlimit(pid, RLIMIT_STACK, &lower, NULL) == 0;
}

static int set_personality(struct tracee *tracee, unsigned int personality)
{
    const uint64_t arguments[6] = {personality};
    int64_t result;
    if (transient_trapped_call(tracee, SYS_personality, arguments, &result) < 0)
        return -ESRCH;
    if (result >= 0)
        return 0;
    transient_abandon(tracee); /* a filter of the guest's stands against it: no program starts with a layout that is known */
    return -ESRCH;
}

int secureexec_begin(struct secureexec *exec, struct tracee *tracee)
{
    const struct call *call = tracee->call;
    unsigned int personality = 0;
    if (exec->limits_stack)
        exec->stack_was_larger = lower_stack(call->task->process->pid, &exec->stack);
    if (!exec->resets_personality || thread_personality(call->sentry, call->task->tid, &personality) < 0 ||
        (personality & CLEARED_ON_SETID) == 0)
        return 0;
    exec->personality_was_odd = true;
    exec->personality = personality;
    return set_personality(tracee, personality & ~(unsigned int)CLEARED_ON_SETID);
}

int secureexec_undo(const struct secureexec *exec, struct tracee *tracee)
{
    if (exec->stack_was_larger)
        (void)prlimit(tracee->call->task->process->pid, RLIMIT_STACK, &exec->stack, NULL);
    return exec->personality_was_odd ? set_personality(tracee, exec->personality) : 0;
}

void secureexec_finish(const struct secureexec *exec, const struct call *call)
{
    struct rlimit before;
    if (exec->limits_stack)
        (void)lower_stack(call->task->process->pid, &before);
}

int64_t secureexec_forget_parent(struct call *call, int64_t value)
{
    const uint64_t none[6] = {PR_SET_PDEATHSIG, 0};
    auto_tracee struct tracee tracee = {.held = false};
    int64_t ignored;
    if (transient_seize(call, &tracee) < 0)
        return value;
    if (transient_stop(&tracee) < 0 || transient_call(&tracee, SYS_prctl, none, &ignored) < 0)
        return CALL_ANSWERED;
    call->task->death_signal = false;
    call->installed = value;
    transient_return(&tracee, value);
    transient_let_go(&tracee);
    return CALL_ANSWERED;
}
