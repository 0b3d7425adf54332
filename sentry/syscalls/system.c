/* SPDX-License-Identifier: Apache-2.0 */
/* The machine and what only its owner may do: sysinfo(2), syslog(2), personality(2), namespaces. */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/sysinfo.h>

#include "postern/cleanup.h"
#include "sentry/fs/procfs.h"
#include "sentry/kernel/process.h"
#include "sentry/platform/worker.h"
#include "sentry/syscalls/handlers.h"
#include "sentry/syscalls/namespace.h"
#include "sentry/syscalls/subject.h"

/* What /proc/uptime, loadavg and meminfo say. */
int64_t sys_sysinfo(struct call *call)
{
    struct proc_memory memory;
    unsigned long loads[3];
    bool paused = state_pause(); /* there may be thousands of processes to look at */
    proc_memory_read(call->sentry, &memory);
    unsigned int count = process_count(call->sentry->processes);
    proc_load_average(call->sentry, loads);
    state_resume(paused);
    struct sysinfo info = {
        .uptime = (long)(proc_uptime_ns(call->sentry) / UINT64_C(1000000000)),
        .totalram = memory.total,
        .freeram = memory.free,
        .mem_unit = 1,
        .procs = count < UINT16_MAX ? (unsigned short)count : UINT16_MAX,
    };
    memcpy(info.loads, loads, sizeof(loads));
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

/* From now on a thread's descriptor table may be another than its process's: descriptors are asked of the thread. */
static int note_files_differ(struct call *call)
{
    struct process *process = call->task->process;
    if (process->context->files_differ)
        return 0;
    if (!call_threads_have_files(call))
        return -ENOMEM;
    struct context *context = task_edit(call->task);
    if (context == NULL)
        return -ENOMEM;
    context->files_differ = true;
    return process_commit(call->sentry->processes, process, context);
}

int call_note_own_files(struct call *call)
{
    bool alone = process_threads(call->sentry->processes, call->task->process) <= 1;
    return alone ? 0 : note_files_differ(call);
}

/* The host does it too, where it means nothing (its folders are empty) or is the whole of it (descriptors). */
int64_t sys_unshare(struct call *call)
{
    const uint64_t alone = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM; /* refused to a process with other threads */
    const uint64_t own = CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | alone;
    const uint64_t namespaces = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWCGROUP |
                                CLONE_NEWTIME;
    if ((call->args[0] & ~(own | namespaces)) != 0)
        return -EINVAL;
    if ((call->args[0] & namespaces) == CLONE_NEWNS && (call->args[0] & ~(uint64_t)(CLONE_NEWNS | CLONE_FS)) == 0)
        return unshare_mounts(call); /* all of it is ours */
    if ((call->args[0] & namespaces) != 0)
        return -EPERM;
    int result = 0;
    if ((call->args[0] & CLONE_FS) != 0 && (call->args[0] & alone) == 0)
        result = task_unshare_fs(call->sentry->processes, call->task);
    if (result == 0 && (call->args[0] & CLONE_FILES) != 0)
        result = call_note_own_files(call);
    return result < 0 ? (result == -EAGAIN ? -ENOMEM : result) : CALL_CONTINUE;
}

/* close_range(2) that unshares the descriptor table first. */
int64_t sys_close_range(struct call *call)
{
    int result = call_note_own_files(call);
    return result < 0 ? result : CALL_CONTINUE;
}

static int64_t not_for_guests(struct call *call)
{
    (void)call;
    return -EPERM;
}

/* Whoever changes its working directory, root or umask must know that somebody may share them. */
static int note_shared_fs(struct call *call)
{
    struct process *process = call->task->process;
    if (process->executing != NULL)
        return -EAGAIN; /* as Linux has it (fs->in_exec): the program may be one that must not share */
    if (process->context->fs_shared)
        return 0;
    struct context *context = task_edit(call->task);
    if (context == NULL)
        return -ENOMEM;
    context->fs_shared = true;
    return process_commit(call->sentry->processes, process, context);
}

/* Its next program is given files by the sentry, which are not for whoever shares its descriptors now. */
static int note_shared_files(struct call *call)
{
    struct process *process = call->task->process;
    if (process->executing != NULL)
        return -EAGAIN;
    if (process->context->files_shared)
        return 0;
    struct context *context = task_edit(call->task);
    if (context == NULL)
        return -ENOMEM;
    context->files_shared = true;
    return process_commit(call->sentry->processes, process, context);
}

/*
 * What asks for a namespace, or to be somebody else's child, comes here; a process that is to share its working directory, root and
 * umask, or its descriptors, with its parent; and a thread that is to have descriptors or those of its own. (Where it is, it shares all the same: only
 * unshare(2) makes that its own.)
 */
int64_t sys_clone(struct call *call)
{
    const uint64_t refused = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
                             CLONE_NEWNET | CLONE_PTRACE | CLONE_UNTRACED | CLONE_PARENT;
    const uint64_t thread = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM; /* one without the others is none */
    uint64_t flags = call->args[0];
    if ((flags & refused) != 0)
        return -EPERM;
    int result = 0;
    if ((flags & CLONE_THREAD) == 0 && (flags & CLONE_FS) != 0)
        result = note_shared_fs(call);
    if (result == 0 && (flags & CLONE_THREAD) == 0 && (flags & CLONE_FILES) != 0)
        result = note_shared_files(call);
    else if (result == 0 && (flags & thread) == thread && (flags & CLONE_FILES) == 0)
        result = note_files_differ(call);
    return result < 0 ? result : CALL_CONTINUE;
}

int64_t sys_setns(struct call *call)
{
    auto_close_unlocked int fd = call_get_fd(call, arg_int(call, 0));
    return fd < 0 ? fd : not_for_guests(call);
}
