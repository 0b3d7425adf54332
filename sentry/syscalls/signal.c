/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill(2), tkill(2), rt_sigqueueinfo(2), pidfd_send_signal(2): the host delivers, so that sender, queueing and the protection
 * of init are its own; what is judged here is permission, by emulated credentials. Ids are register values:
 * nothing can change between the check and the delivery. Where only some of a group may be signalled the sentry sends to those, and it sends
 * itself as long as there may be processes the guest must not reach (kernel/newcomers.h).
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/fs/procfs.h"
#include "sentry/kernel/newcomers.h"
#include "sentry/platform/worker.h"
#include "sentry/syscalls/file.h"
#include "sentry/syscalls/handlers.h"
#include "sentry/syscalls/subject.h"

CONFINE_ALLOW(pidfd_send_signal, "signals of a guest that may not reach all of a group");
CONFINE_ALLOW(getsid, "SIGCONT within a session");

enum { SIGNALS = 64 };

static bool is_signal(int signal)
{
    return signal >= 0 && signal <= SIGNALS;
}

static bool may_signal(const struct call *call, const struct task *target, int signal)
{
    if (is_own_process(call, target) || cred_may_signal(caller_cred(call), task_cred(target)))
        return true;
    return signal == SIGCONT && getsid(target->process->pid) == getsid(call->task->process->pid);
}

/* What the sender says of himself; *ret_info is NULL if he leaves it to the host. */
static int read_info(struct call *call, uint64_t address, siginfo_t *info, siginfo_t **ret_info)
{
    *ret_info = NULL;
    if (address == 0)
        return 0;
    int result = guest_read(call, address, info, sizeof(*info));
    if (result < 0)
        return result;
    if (info->si_code >= 0 || info->si_code == SI_TKILL)
        return -EPERM;
    *ret_info = info;
    return 0;
}

/* What we send comes from outside the guest's pid namespace: the host would not protect init from it. */
static bool init_ignores(const struct call *call, const struct process *process, int signal)
{
    struct host_status status;
    if (process->vpid != 1 || signal == 0)
        return false;
    return host_status_read(call->sentry, process->pid, &status) < 0 || (status.caught >> (signal - 1) & 1) == 0;
}

/* A call about one process or thread. */
struct one {
    pid_t vtgid, vtid; /* the first: 0 if it is not said */
    int signal;
    bool to_thread;
    uint64_t info; /* address of what the sender says, or 0 */
};

/* By the host, so that the sender is the caller; but while there may be newcomers, whose id the named one's may be by the time the
 * caller gets to it, by ourselves. What a thread is told with its signal is lost then. */
static int64_t judge_one(struct call *call, const struct one *one)
{
    const struct process *own = call->task->process;
    const bool native = !newcomers_present(call->sentry->processes);
    siginfo_t bytes, *info = NULL;
    if (one->vtid <= 0 || !is_signal(one->signal) || one->vtid == call->task->vtid || one->vtid == own->vpid ||
        one->vtgid == own->vpid || (native && caller_capable(call, CAP_KILL)))
        return CALL_CONTINUE; /* what is no valid id or signal gets its error from the host */
    int result = native ? 0 : read_info(call, one->info, &bytes, &info);
    if (result < 0)
        return result;
    const struct task *target = subject_find(call, one->vtid);
    if (target == NULL || (one->vtgid > 0 && target->process->vpid != one->vtgid))
        return -ESRCH;
    if (!may_signal(call, target, one->signal))
        return -EPERM;
    if (native)
        return CALL_CONTINUE;
    if (init_ignores(call, target->process, one->signal))
        return 0;
    if (one->to_thread)
        return syscall(SYS_tgkill, target->process->pid, target->tid, one->signal) < 0 ? -errno : 0;
    return syscall(SYS_pidfd_send_signal, target->process->pidfd, one->signal, info, 0) < 0 ? -errno : 0;
}

struct broadcast {
    struct call *call;
    int signal;
    const struct group *group; /* NULL: everybody */
    unsigned int allowed, refused;
    bool send;
    int result;
};

static bool is_member(const struct broadcast *broadcast, const struct process *process)
{
    if (broadcast->group != NULL)
        return group_has(broadcast->call, broadcast->group, process);
    return process->vpid != 1 && process != broadcast->call->task->process;
}

static int visit_member(struct process *process, void *data)
{
    struct broadcast *broadcast = data;
    if (!is_member(broadcast, process))
        return 0;
    const struct task target = {.tid = process->pid, .vtid = process->vpid, .process = process, .cred = process_cred(process)};
    if (!may_signal(broadcast->call, &target, broadcast->signal)) {
        broadcast->refused++;
        return 0;
    }
    broadcast->allowed++;
    if (!broadcast->send || init_ignores(broadcast->call, process, broadcast->signal))
        return 0;
    if (syscall(SYS_pidfd_send_signal, process->pidfd, broadcast->signal, NULL, 0) < 0)
        broadcast->result = -errno;
    return 0;
}

static int64_t judge_many(struct call *call, const struct group *group, int signal)
{
    struct broadcast check = {.call = call, .signal = signal, .group = group};
    int result = process_for_each(call->sentry->processes, visit_member, &check);
    if (result < 0)
        return result;
    if (check.refused == 0 && !newcomers_present(call->sentry->processes) && process_all_known(call->sentry->processes))
        return CALL_CONTINUE; /* also when there is none: the host says ESRCH */
    if (check.allowed == 0 && check.refused == 0)
        return -ESRCH;
    if (check.allowed == 0)
        return group != NULL ? -EPERM : 0; /* kill(-1) does not complain (kernel/signal.c, kill_something_info) */
    struct broadcast send = {.call = call, .signal = signal, .group = group, .send = true};
    result = process_for_each(call->sentry->processes, visit_member, &send);
    return result < 0 ? result : send.result;
}

int64_t sys_kill(struct call *call)
{
    pid_t pid = arg_int(call, 0);
    int signal = arg_int(call, 1);
    if (pid > 0)
        return judge_one(call, &(struct one){.vtid = pid, .signal = signal});
    if (pid == INT_MIN || !is_signal(signal) || (caller_capable(call, CAP_KILL) && !newcomers_present(call->sentry->processes)))
        return CALL_CONTINUE;
    if (pid == -1)
        return judge_many(call, NULL, signal);
    struct group group;
    group_find(call, -pid, &group);
    return judge_many(call, &group, signal);
}

int64_t sys_tkill(struct call *call)
{
    return judge_one(call, &(struct one){.vtid = arg_int(call, 0), .signal = arg_int(call, 1), .to_thread = true});
}

int64_t sys_tgkill(struct call *call)
{
    const struct one one = {.vtgid = arg_int(call, 0), .vtid = arg_int(call, 1), .signal = arg_int(call, 2), .to_thread = true};
    return one.vtgid > 0 ? judge_one(call, &one) : CALL_CONTINUE;
}

int64_t sys_rt_sigqueueinfo(struct call *call)
{
    return judge_one(call, &(struct one){.vtid = arg_int(call, 0), .signal = arg_int(call, 1), .info = call->args[2]});
}

int64_t sys_rt_tgsigqueueinfo(struct call *call)
{
    const struct one one = {.vtgid = arg_int(call, 0), .vtid = arg_int(call, 1), .signal = arg_int(call, 2), .to_thread = true,
                            .info = call->args[3]};
    return one.vtgid > 0 ? judge_one(call, &one) : CALL_CONTINUE;
}

/* An open /proc/PID does for a pidfd too. */
static int subject_from_folder(struct call *call, int fd, struct task **ret_task)
{
    struct object object;
    auto_close_unlocked int owned = fd;
    int result = refuse_path_descriptor(fd);
    if (result == 0)
        result = object_from_own_fd(call, take_fd(&owned), &object);
    if (result < 0)
        return result;
    bool gone = object.kind == OBJECT_SYNTHETIC && object_dentry(call, &object) == -ENOENT;
    pid_t vpid = object.kind == OBJECT_SYNTHETIC && !gone ? proc_folder_process(object.dentry) : 0;
    object_release(&object);
    struct task *task = vpid > 0 ? task_find_vtid(call->sentry->processes, vpid) : NULL;
    if (task == NULL)
        return gone || vpid > 0 ? -ESRCH : -EBADF;
    *ret_task = task;
    return 0;
}

/* A descriptor, unlike an id, can be exchanged for another behind our back: we signal through our own copy. */
int64_t sys_pidfd_send_signal(struct call *call)
{
    int signal = arg_int(call, 1);
    siginfo_t bytes, *info;
    if (arg_uint(call, 3) != 0)
        return CALL_CONTINUE;
    int result = read_info(call, call->args[2], &bytes, &info);
    if (result == -EFAULT)
        return result;
    auto_close_unlocked int fd = call_get_fd(call, arg_int(call, 0));
    if (fd < 0)
        return fd;
    struct task *target;
    int found = subject_from_pidfd(call, fd, &target);
    bool folder = found == -EBADF;
    if (folder)
        found = subject_from_folder(call, take_fd(&fd), &target);
    if (found < 0)
        return found;
    const bool all_powerful = caller_capable(call, CAP_KILL) && !newcomers_present(call->sentry->processes);
    if (!folder && (all_powerful || !is_signal(signal)))
        return CALL_CONTINUE;
    if (!is_signal(signal))
        return -EINVAL;
    if (result < 0)
        return result;
    if (!caller_capable(call, CAP_KILL) && !may_signal(call, target, signal))
        return -EPERM;
    if (init_ignores(call, target->process, signal))
        return 0;
    int pidfd = folder ? target->process->pidfd : fd;
    return syscall(SYS_pidfd_send_signal, pidfd, signal, info, 0) < 0 ? -errno : 0;
}
