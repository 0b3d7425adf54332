/* SPDX-License-Identifier: Apache-2.0 */
/* Seccomp user notification (seccomp_unotify(2)): its requests, and descriptors that pass either way. */
#include "sentry/platform/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/kernel/process.h"
#include "sentry/platform/deliver.h"
#include "sentry/platform/listeners.h"
#include "sentry/platform/platform.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"
#include "sentry/stub/gate.h"

#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP 1UL
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif

CONFINE_ALLOW_IF(ioctl, 1, UINT32_MAX, SECCOMP_IOCTL_NOTIF_RECV, "receive calls");
CONFINE_ALLOW_IF(ioctl, 1, UINT32_MAX, SECCOMP_IOCTL_NOTIF_SEND, "answer calls");
CONFINE_ALLOW_IF(ioctl, 1, UINT32_MAX, SECCOMP_IOCTL_NOTIF_ADDFD, "install descriptors");
CONFINE_ALLOW_IF(ioctl, 1, UINT32_MAX, SECCOMP_IOCTL_NOTIF_ID_VALID, "is the caller still there");
CONFINE_ALLOW_IF(ioctl, 1, UINT32_MAX, SECCOMP_IOCTL_NOTIF_SET_FLAGS, "wake the guest on our core");
CONFINE_ALLOW(close, "descriptors");
CONFINE_ALLOW(pidfd_getfd, "the object behind a guest's descriptor");

void notify_prepare(int listener)
{
    /* Linux 6.6; without it everything works, slower. */
    (void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
}

int notify_receive(int listener, struct seccomp_notif *ret_notification)
{
    memset(ret_notification, 0, sizeof(*ret_notification));
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, ret_notification) < 0 ? -EAGAIN : 0;
}

/* A listener's requests end early when we are signalled while another of its users is inside, or frozen by `pause`. Taken for
 * the caller's death that would leave the caller waiting for ever. */
static int request(const struct listener *listener, unsigned long what, void *argument)
{
    int result;
    do
        result = ioctl(listener_fd(listener), what, argument);
    while (result < 0 && errno == EINTR);
    return result;
}

bool platform_is_asking(struct sentry *sentry, const struct listener *listener, uint64_t id)
{
    bool asking = request(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
    if (!asking && errno != ENOENT)
        sentry_die(sentry, "cannot ask for a caller: %s", strerror(errno));
    return asking;
}

/* What a signal may end is not answered to the gate's first call, which takes EINTR for something else (stub/gate.h). */
static int64_t for_gate(const struct call *call, int64_t result)
{
    bool ended = result == -EINTR || result == -ERESTARTSYS || result == -ERESTARTNOINTR || result == -ERESTARTNOHAND;
    return ended && call_is_gates_first(call) ? -GATE_WAITS : result;
}

void platform_answer(struct call *call, int64_t result)
{
    if (result == CALL_ANSWERED || result == CALL_PENDING)
        return;
    result = for_gate(call, result);

    struct seccomp_notif_resp response = {.id = call->id};
    if (result == CALL_CONTINUE)
        response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    else if (result < 0 && result >= -4095)
        response.error = (int32_t)result;
    else
        response.val = result;
    /* ENOENT: the caller was killed meanwhile. There is nobody to tell. Anything else would leave it waiting for ever. */
    if (request(call->listener, SECCOMP_IOCTL_NOTIF_SEND, &response) < 0 && errno != ENOENT && errno != EINPROGRESS)
        sentry_die(call->sentry, "cannot answer a call: %s", strerror(errno));
}

int call_add_fd(struct call *call, int fd, bool close_on_exec, int newfd, int *ret_number)
{
    struct seccomp_notif_addfd add = {
        .id = call->id,
        .srcfd = (uint32_t)fd,
        .newfd = newfd < 0 ? 0 : (uint32_t)newfd,
        .flags = newfd < 0 ? 0 : (uint32_t)SECCOMP_ADDFD_FLAG_SETFD,
        .newfd_flags = close_on_exec ? (uint32_t)O_CLOEXEC : 0,
    };
    /* The caller installs it itself, and wakes up for that: it may be long in getting a processor. */
    bool paused = state_pause();
    int number = request(call->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
    int error = errno;
    state_resume(paused);
    if (number < 0)
        return error == ENOENT || error == EINPROGRESS ? -ESRCH : -error;
    *ret_number = number;
    return 0;
}

int64_t call_give_fd(struct call *call, int *fd, bool close_on_exec)
{
    int number;
    int status = call_add_fd(call, *fd, close_on_exec, -1, &number);
    if (status == -EBADF && (fcntl(*fd, F_GETFL) & O_PATH) != 0)
        return call_install_path_fd(call, *fd, close_on_exec);
    if (status < 0)
        return status;
    bool paused = state_pause();
    close_unlocked(take_fd(fd)); /* now */
    state_resume(paused);
    call->installed = number;
    return number;
}

enum { PIDFD_OF_THREAD = O_EXCL };

bool call_threads_have_files(const struct call *call)
{
    auto_close int thread = (int)syscall(SYS_pidfd_open, call->task->tid, PIDFD_OF_THREAD);
    return thread >= 0;
}

/* A leader that has ended has no descriptors, though the others of its group have. Linux 6.9. */
static int get_fd_of_thread(const struct task *task, int guest_fd)
{
    auto_close int thread = (int)syscall(SYS_pidfd_open, task->tid, PIDFD_OF_THREAD);
    int fd = thread < 0 ? -1 : (int)pidfd_getfd(thread, guest_fd, 0);
    if (fd < 0 && errno != EMFILE && errno != ENFILE && errno != ENOMEM)
        errno = EBADF;
    return fd;
}

int call_get_fd(struct call *call, int guest_fd)
{
    if (guest_fd < 0)
        return -EBADF;
    const struct task *task = call->task;
    bool own = task->process->context->files_differ && task->tid != task->process->pid;
    int fd = own ? -1 : (int)pidfd_getfd(task->process->pidfd, guest_fd, 0);
    /* A leader that has ended says EBADF, ESRCH or, by the kernel, EPERM: it has no memory any more whose namespace we have rights in. */
    if (own || (fd < 0 && (errno == EBADF || errno == ESRCH || errno == EPERM) && task->tid != task->process->pid))
        fd = get_fd_of_thread(task, guest_fd);
    if (fd >= 0)
        return fd;
    return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? -ENFILE : -EBADF;
}
