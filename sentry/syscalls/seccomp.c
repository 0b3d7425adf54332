/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp(2), and prctl(2)'s two options for it. A guest may confine itself further; the host does it. What is kept here is that a
 * set-id program never runs under a filter of somebody who could not have had its privileges: Linux sees to that by
 * no_new_privs, which natively says nothing, because every guest has it.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "sentry/kernel/status.h"
#include "sentry/syscalls/handlers.h"
#include "sentry/syscalls/seccomp.h"
#include "sentry/syscalls/subject.h"

/* Whoever has CAP_SYS_ADMIN may put a set-id program under a filter. Of one that did so while it had other threads it
 * could not be told later which of them has how many. */
static void vouch(const struct call *call, struct context *context)
{
    unsigned int count;
    if (thread_filters(call->sentry, call->task->tid, &count) == 0 && count <= context->vouched_filters &&
        process_threads(call->sentry->processes, call->task->process) == 1)
        context->vouched_filters = count + 1;
}

/*
 * Before the host is asked: what it does then cannot be taken back, and we do not hear of it. If it refuses, the process has lost
 * privileges it might have got by an exec, and nothing else.
 */
static int note_filter(struct call *call, uint32_t flags)
{
    struct process *process = call->task->process;
    bool everybody = (flags & SECCOMP_FILTER_FLAG_TSYNC) != 0 && task_no_new_privs(call->task);
    bool admin = caller_capable(call, CAP_SYS_ADMIN);
    if (process->context->before_program || (!admin && process->context->filtered && !everybody))
        return 0;
    struct context *context = task_edit(call->task);
    if (context == NULL)
        return -ENOMEM;
    if (admin)
        vouch(call, context);
    context->filtered = context->filtered || !admin;
    context->no_new_privs = context->no_new_privs || everybody;
    return process_commit(call->sentry->processes, process, context);
}

/* In the order in which Linux finds fault. */
static int64_t install(struct call *call, uint32_t flags, uint64_t address)
{
    const uint32_t known = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW |
                           SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC_ESRCH |
                           SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    const uint32_t either = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_NEW_LISTENER;
    bool listens = (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0;
    if ((flags & ~known) != 0 || (!listens && (flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) != 0) ||
        ((flags & either) == either && (flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH) == 0))
        return -EINVAL;
    struct sock_fprog program;
    int result = guest_read(call, address, &program, sizeof(program));
    if (result < 0)
        return result;
    if (program.len == 0 || program.len > BPF_MAXINSNS)
        return -EINVAL;
    if (!call->task->process->context->before_program && !task_no_new_privs(call->task) && !caller_capable(call, CAP_SYS_ADMIN))
        return -EACCES;
    if (listens)
        return -EBUSY; /* there is one a chain, and that is ours */
    result = note_filter(call, flags);
    return result < 0 ? result : CALL_CONTINUE;
}

/* There is a filter, ours, and with one the kernel takes no strict mode any more. */
static int64_t set_strict(void)
{
    return -EINVAL;
}

int64_t sys_seccomp(struct call *call)
{
    switch (arg_uint(call, 0)) {
    case SECCOMP_SET_MODE_STRICT:
        return set_strict();
    case SECCOMP_SET_MODE_FILTER:
        return install(call, arg_uint(call, 1), call->args[2]);
    default:
        return CALL_CONTINUE; /* questions */
    }
}

int64_t prctl_set_seccomp(struct call *call)
{
    switch (call->args[1]) {
    case SECCOMP_MODE_STRICT:
        return set_strict();
    case SECCOMP_MODE_FILTER:
        return install(call, 0, call->args[2]);
    default:
        return -EINVAL;
    }
}

int64_t prctl_get_seccomp(struct call *call)
{
    unsigned int count;
    int result = thread_filters(call->sentry, call->task->tid, &count);
    if (result < 0)
        return result;
    return count > call->task->process->context->host_filters ? SECCOMP_MODE_FILTER : SECCOMP_MODE_DISABLED;
}

bool caller_has_foreign_filter(const struct call *call)
{
    unsigned int count;
    const struct context *context = call->task->process->context;
    return context->filtered || thread_filters(call->sentry, call->task->tid, &count) < 0 || count > context->vouched_filters;
}
