/* SPDX-License-Identifier: Apache-2.0 */
/* Reaching into another process: pidfd_getfd(2), get_robust_list(2), judged as ptrace(2) would be. */
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/platform/worker.h"
#include "sentry/syscalls/handlers.h"
#include "sentry/syscalls/subject.h"

/* ptrace(2), "Ptrace access mode checking": by real ids, as for all that reaches into a process. */
CONFINE_ALLOW(get_robust_list, "where another guest process has its list, judged");

/* Asked by us: the host lets no guest look into another, as none of them may be dumped. */
int64_t sys_get_robust_list(struct call *call)
{
    const struct task *target = subject_find(call, arg_int(call, 0));
    if (target == NULL)
        return -ESRCH;
    if (!caller_may_attach(call, target))
        return -EPERM;
    void *head;
    size_t size;
    const pid_t tid = target->tid;
    bool paused = state_pause(); /* it may be in an exec, which Linux 6.17 waits for here */
    int error = syscall(SYS_get_robust_list, tid, &head, &size) < 0 ? -errno : 0;
    state_resume(paused);
    if (error < 0)
        return error;
    error = guest_write(call, call->args[2], &size, sizeof(size));
    return error < 0 ? error : guest_write(call, call->args[1], &head, sizeof(head));
}

CONFINE_ALLOW(pidfd_getfd, "pidfd_getfd of a guest, judged");

/* Done by us, through our copy of the pidfd: the guest's number may mean another one by the time the host looks. */
int64_t sys_pidfd_getfd(struct call *call)
{
    if (arg_uint(call, 2) != 0)
        return -EINVAL;
    auto_close_unlocked int pidfd = call_get_fd(call, arg_int(call, 0));
    if (pidfd < 0)
        return pidfd;
    struct task *target;
    int result = subject_from_pidfd(call, pidfd, &target);
    if (result < 0)
        return result;
    if (!caller_may_attach(call, target))
        return -EPERM;
    auto_close_unlocked int fd = (int)syscall(SYS_pidfd_getfd, pidfd, arg_int(call, 1), 0);
    if (fd < 0)
        return -errno;
    return call_give_fd(call, &fd, true);
}
