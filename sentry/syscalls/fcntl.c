/* SPDX-License-Identifier: Apache-2.0 */
/* fcntl(2): the commands the guard does not let through natively: leases, and whom to signal. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/kernel/cred.h"
#include "sentry/kernel/newcomers.h"
#include "sentry/kernel/process.h"
#include "sentry/platform/unlocked.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/fcntl.h"
#include "sentry/syscalls/file.h"
#include "sentry/syscalls/handlers.h"
#include "sentry/syscalls/subject.h"

CONFINE_ALLOW(fcntl, "the signal of a socket or pipe of a guest's");
CONFINE_ALLOW(getpgid, "may a descriptor's signals go to this group?");
CONFINE_ALLOW(fcntl, "a descriptor's signals go to nobody any more");

/* The signal is the whole process's, whichever of its threads the owner is. */
static bool may_own(const struct call *call, const struct task *task)
{
    const struct cred *cred = call->cred;
    return is_own_process(call, task) ||
           (cred_may_signal(cred, task_cred(task)) && cred_may_signal(cred, process_cred(task->process)));
}

static int judge_member(struct process *process, void *data)
{
    const struct call *call = data;
    if (getpgid(process->pid) != getpgid(call->task->process->pid) || process == call->task->process)
        return 0;
    return cred_may_signal(call->cred, process_cred(process)) ? 0 : -EPERM;
}

/* Only one's own, and if nobody in it is out of reach. */
static int check_group(struct call *call, pid_t group)
{
    const struct process *leader = process_find_vpid(call->sentry->processes, group);
    if (leader == NULL || getpgid(call->task->process->pid) != leader->pid)
        return -EPERM;
    return process_for_each(call->sentry->processes, judge_member, call);
}

/*
 * All processes of the container are one id to the host kernel, which would therefore send the signal of a ready
 * descriptor to any of them; so who may be its owner is decided here, like a kill(2).
 */
int file_owner_check(struct call *call, int owner)
{
    const struct cred *cred = call->cred;
    if (owner == 0 || owner == INT32_MIN)
        return 0;
    if (newcomer_has_id(call->sentry->processes, owner > 0 ? owner : -owner)) /* it leads a group of its own */
        return -ESRCH;
    if (cred_capable(cred, CAP_KILL))
        return 0;
    if (owner < 0)
        return check_group(call, -owner);
    const struct task *task = subject_find(call, owner);
    if (task == NULL)
        return -ESRCH; /* whoever has the id when the host looks is not for the caller to signal */
    return may_own(call, task) ? 0 : -EPERM;
}

int file_owner_clear(int fd)
{
    struct statx attributes;
    int error = unlocked_statx(fd, STATX_TYPE, &attributes);
    if (error == 0 && !terminal_is(&attributes)) /* those always have one */
        error = fcntl(fd, F_SETOWN, 0) < 0 ? -errno : 0;
    return error;
}

static int64_t set_owner(struct call *call)
{
    int error = file_owner_check(call, arg_int(call, 2));
    return error < 0 ? error : CALL_CONTINUE;
}

/* The owner is in memory, which can change after a look at it. */
static int64_t set_owner_extended(struct call *call)
{
    return cred_capable(call->cred, CAP_KILL) && !newcomers_present(call->sentry->processes) ? CALL_CONTINUE : -EPERM;
}

static int64_t native(struct call *call)
{
    (void)call;
    return CALL_CONTINUE;
}

/* Whoever opens a file with a lease waits, in the kernel: that would be the gofer, and all of a container with it. Mostly the kernel
 * refuses one anyway, because the file is not of the guest's native id; without root it may be. */
static int64_t set_lease(struct call *call)
{
    return arg_int(call, 2) == F_UNLCK ? CALL_CONTINUE : -EACCES;
}

/* Files and folders send no signals, and carry a mark of ours there (vfs/guest_place.c). All else is done on our copy: which file a
 * number means may change. */
static int64_t signal_number(struct call *call, int fd)
{
    const int command = arg_int(call, 1), number = arg_int(call, 2);
    struct statx attributes;
    int error = unlocked_statx(fd, STATX_TYPE, &attributes);
    if (error < 0)
        return error;
    if (S_ISREG(attributes.stx_mode) || S_ISDIR(attributes.stx_mode))
        return command == F_SETSIG && (number < 0 || number > 64) ? -EINVAL : 0;
    const int result = fcntl(fd, command, number);
    return result < 0 ? -errno : result;
}

static const struct command {
    int command;
    call_handler handler;
} commands[] = {
    {F_SETOWN, set_owner}, {F_SETOWN_EX, set_owner_extended},
    {F_SETLEASE, set_lease}, {F_GETLEASE, native}, {F_NOTIFY, native},
};

int64_t sys_fcntl(struct call *call)
{
    auto_close_unlocked int fd = call_get_fd(call, arg_int(call, 0));
    if (fd < 0)
        return fd;
    int error = refuse_path_descriptor(fd);
    if (error < 0)
        return error;
    int command = arg_int(call, 1);
    if (command == F_SETSIG || command == F_GETSIG)
        return signal_number(call, fd);
    if (command == F_SETOWN && arg_int(call, 2) == 0)
        return file_owner_clear(fd); /* the caller's number may mean another by the time the host looks */
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (commands[i].command == command)
            return commands[i].handler(call);
    }
    return -EINVAL;
}
