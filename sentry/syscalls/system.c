/* SPDX-License-Identifier: Apache-2.0 */
/* The machine and what only its owner may do: sysinfo(2), syslog(2), personality(2), namespaces, mounts. */
#include <errno.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/sysinfo.h>

#include "postern/cleanup.h"
#include "sentry/fs/procfs.h"
#include "sentry/kernel/process.h"
#include "sentry/syscalls/handlers.h"
#include "sentry/syscalls/subject.h"

/* What /proc/uptime, loadavg and meminfo say. */
int64_t sys_sysinfo(struct call *call)
{
    struct proc_memory memory;
    proc_memory_read(call->sentry, &memory);
    unsigned int count = process_count(call->sentry->processes);
    struct sysinfo info = {
        .uptime = (long)(proc_uptime_ns(call->sentry) / UINT64_C(1000000000)),
        .totalram = memory.total,
        .freeram = memory.free,
        .mem_unit = 1,
        .procs = count < UINT16_MAX ? (unsigned short)count : UINT16_MAX,
    };
    proc_load_average(call->sentry, info.loads);
    return guest_write(call, call->args[0], &info, sizeof(info));
}

int64_t sys_syslog(struct call *call)
{
    return caller_capable(call, CAP_SYSLOG) ? 0 : -EPERM;
}

int64_t sys_personality(struct call *call)
{
    const unsigned int harmless = ADDR_NO_RANDOMIZE | UNAME26 | PER_LINUX32;
    unsigned int personality = arg_uint(call, 0);
    return personality == UINT32_MAX || (personality & ~harmless) == 0 ? CALL_CONTINUE : -EINVAL;
}

int64_t sys_unshare(struct call *call)
{
    const uint64_t own = CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM;
    return (call->args[0] & ~own) == 0 ? CALL_CONTINUE : -EPERM;
}

static int64_t not_for_guests(struct call *call)
{
    (void)call;
    return -EPERM;
}

/*
 * What asks for a namespace, or to be somebody else's child, comes here; and a process that is to share its working directory,
 * root and umask with its parent: whoever changes them must know that somebody may share them.
 */
int64_t sys_clone(struct call *call)
{
    const uint64_t refused = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
                             CLONE_NEWNET | CLONE_PTRACE | CLONE_UNTRACED | CLONE_PARENT;
    struct process *process = call->task->process;
    if ((call->args[0] & refused) != 0)
        return -EPERM;
    if ((call->args[0] & CLONE_FS) == 0 || (call->args[0] & CLONE_THREAD) != 0 || process->context->fs_shared)
        return CALL_CONTINUE;
    struct context *context = process_edit(process);
    if (context == NULL)
        return -ENOMEM;
    context->fs_shared = true;
    int result = process_commit(call->sentry->processes, process, context);
    return result < 0 ? result : CALL_CONTINUE;
}

int64_t sys_setns(struct call *call)
{
    auto_close int fd = call_get_fd(call, arg_int(call, 0));
    return fd < 0 ? fd : not_for_guests(call);
}

int64_t sys_mount(struct call *call)
{
    return not_for_guests(call);
}

int64_t sys_umount2(struct call *call)
{
    return not_for_guests(call);
}

int64_t sys_pivot_root(struct call *call)
{
    return not_for_guests(call);
}
