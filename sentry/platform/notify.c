/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seccomp user notification (seccomp_unotify(2)).
 *
 * One thread. It sleeps in poll(2), not epoll_wait(2), because only a direct wait keeps the wake-up on the
 * guest's own core (SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP); waking another one costs ten times the call.
 * Everything that is not a call (a process that ended, the gofer's hang-up, the control socket) hangs on one epoll
 * descriptor beside the listeners.
 */
#include "sentry/platform/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "postern/routes.h"
#include "sentry/kernel/process.h"
#include "sentry/platform/deliver.h"
#include "sentry/platform/dispatch.h"
#include "sentry/platform/parked.h"
#include "sentry/sentry.h"

#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP 1UL
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif

CONFINE_ALLOW(poll, "wait for the next call");
CONFINE_ALLOW_IF(ioctl, 1, UINT32_MAX, SECCOMP_IOCTL_NOTIF_RECV, "receive calls");
CONFINE_ALLOW_IF(ioctl, 1, UINT32_MAX, SECCOMP_IOCTL_NOTIF_SEND, "answer calls");
CONFINE_ALLOW_IF(ioctl, 1, UINT32_MAX, SECCOMP_IOCTL_NOTIF_ADDFD, "install descriptors");
CONFINE_ALLOW_IF(ioctl, 1, UINT32_MAX, SECCOMP_IOCTL_NOTIF_ID_VALID, "is the caller still there");
CONFINE_ALLOW_IF(ioctl, 1, UINT32_MAX, SECCOMP_IOCTL_NOTIF_SET_FLAGS, "wake the guest on our core");
CONFINE_ALLOW(epoll_create1, "events that are not calls");
CONFINE_ALLOW(epoll_ctl, "events that are not calls");
CONFINE_ALLOW(epoll_wait, "events that are not calls");
CONFINE_ALLOW(close, "descriptors");
CONFINE_ALLOW(pidfd_getfd, "the object behind a guest's descriptor");

enum { LISTENERS_MAX = 64, WATCH_EVENTS = 32, PARKED_POLL_MS = 4, BACKLOG_MAX = 4096 };

struct watch {
    int fd;
    void (*ready)(void *data);
    void *data;
    struct watch *next;
};

struct platform {
    struct sentry *sentry;
    int epoll;
    size_t listener_count;
    int listeners[LISTENERS_MAX];
    struct watch *watches;
    struct watch *retired; /* unwatched while events may still name them; freed between rounds */
    struct parked_list *parked;
    size_t backlog_count; /* calls received while one exec was being followed */
    struct {
        struct seccomp_notif notification;
        int listener;
    } backlog[BACKLOG_MAX];
};

struct platform *platform_new(struct sentry *sentry)
{
    auto_free struct platform *platform = calloc(1, sizeof(*platform));
    if (platform == NULL)
        return NULL;
    platform->sentry = sentry;
    platform->parked = parked_list_new();
    platform->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (platform->epoll < 0 || platform->parked == NULL)
        return NULL;
    return take_ptr(platform);
}

int platform_add_listener(struct platform *platform, int listener)
{
    if (platform->listener_count == LISTENERS_MAX)
        return -ENOSPC;
    /* Linux 6.6; without it everything works, slower. */
    (void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
    platform->listeners[platform->listener_count++] = listener;
    return 0;
}

int platform_watch(struct platform *platform, int fd, void (*ready)(void *data), void *data)
{
    struct watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL)
        return -ENOMEM;
    *watch = (struct watch){.fd = fd, .ready = ready, .data = data, .next = platform->watches};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch};
    if (epoll_ctl(platform->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
        int error = -errno;
        free(watch);
        return error;
    }
    platform->watches = watch;
    return 0;
}

void platform_unwatch(struct platform *platform, int fd)
{
    for (struct watch **link = &platform->watches; *link != NULL; link = &(*link)->next) {
        struct watch *watch = *link;
        if (watch->fd != fd)
            continue;
        (void)epoll_ctl(platform->epoll, EPOLL_CTL_DEL, fd, NULL);
        *link = watch->next;
        watch->ready = NULL;
        watch->next = platform->retired;
        platform->retired = watch;
        return;
    }
}

static void run_watches(struct platform *platform)
{
    struct epoll_event events[WATCH_EVENTS];
    int count = epoll_wait(platform->epoll, events, WATCH_EVENTS, 0);
    for (int i = 0; i < count; i++) {
        struct watch *watch = events[i].data.ptr;
        if (watch->ready != NULL)
            watch->ready(watch->data);
    }
    while (platform->retired != NULL) {
        struct watch *watch = platform->retired;
        platform->retired = watch->next;
        free(watch);
    }
}

/* A listener's requests end early when we are signalled while another of its users is inside, or frozen by `pause`. Taken for
 * the caller's death that would leave the caller waiting for ever. */
static int request(int listener, unsigned long what, void *argument)
{
    int result;
    do
        result = ioctl(listener, what, argument);
    while (result < 0 && errno == EINTR);
    return result;
}

bool platform_is_asking(struct sentry *sentry, int listener, uint64_t id)
{
    bool asking = request(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
    if (!asking && errno != ENOENT)
        sentry_die(sentry, "cannot ask for a caller: %s", strerror(errno));
    return asking;
}

void platform_answer(struct call *call, int64_t result)
{
    if (result == CALL_ANSWERED || result == CALL_PENDING)
        return;

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
    int number = request(call->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
    if (number < 0)
        return errno == ENOENT || errno == EINPROGRESS ? -ESRCH : -errno;
    *ret_number = number;
    return 0;
}

int64_t call_install_fd(struct call *call, int fd, bool close_on_exec)
{
    struct seccomp_notif_addfd add = {
        .id = call->id,
        .srcfd = (uint32_t)fd,
        .flags = SECCOMP_ADDFD_FLAG_SEND,
        .newfd_flags = close_on_exec ? (uint32_t)O_CLOEXEC : 0,
    };
    int number = request(call->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
    if (number < 0 && errno == EBADF && (fcntl(fd, F_GETFL) & O_PATH) != 0)
        return call_install_path_fd(call, fd, close_on_exec);
    if (number < 0)
        return errno == ENOENT || errno == EINPROGRESS ? -ESRCH : -errno;
    call->installed = number;
    return CALL_ANSWERED;
}

int64_t call_give_fd(struct call *call, int *fd, bool close_on_exec)
{
    int number;
    int status = call_add_fd(call, *fd, close_on_exec, -1, &number);
    if (status < 0)
        return status;
    (void)close(take_fd(fd));
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
    if (own || (fd < 0 && (errno == EBADF || errno == ESRCH) && task->tid != task->process->pid))
        fd = get_fd_of_thread(task, guest_fd);
    if (fd >= 0)
        return fd;
    return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? -ENFILE : -EBADF;
}

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void fill_call(struct platform *platform, const struct seccomp_notif *notification, int listener,
                      struct call *ret_call)
{
    *ret_call = (struct call){
        .sentry = platform->sentry,
        .nr = notification->data.nr,
        .ip = notification->data.instruction_pointer,
        .id = notification->id,
        .listener = listener,
        .installed = -1,
    };
    for (int i = 0; i < 6; i++)
        ret_call->args[i] = notification->data.args[i];
}

static void serve(struct platform *platform, const struct seccomp_notif *notification, int listener)
{
    struct call call;
    fill_call(platform, notification, listener, &call);
    call.task = task_find(platform->sentry->processes, (pid_t)notification->pid);
    if (call.task == NULL) {
        platform_answer(&call, -ESRCH);
        return;
    }
    /* A task found just now by its pid: if the caller was killed meanwhile the pid may be somebody else's. One that has been
     * here before is known to be alive, and the same. */
    if (!call.task->served && !platform_is_asking(platform->sentry, listener, call.id))
        return;
    call.task->served = true;
    int64_t result = dispatch(&call, now_ns);
    platform_answer(&call, result);
}

/* Receives one notification. 0, or -EAGAIN when there is none after all (the caller died, a signal). */
static int receive(int listener, struct seccomp_notif *ret_notification)
{
    memset(ret_notification, 0, sizeof(*ret_notification));
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, ret_notification) < 0)
        return -EAGAIN;
    return 0;
}

static void serve_backlog(struct platform *platform)
{
    while (platform->backlog_count > 0) {
        /* In order of arrival; an exec among them may append more. */
        struct seccomp_notif notification = platform->backlog[0].notification;
        int listener = platform->backlog[0].listener;
        platform->backlog_count--;
        memmove(&platform->backlog[0], &platform->backlog[1], platform->backlog_count * sizeof(platform->backlog[0]));
        /* Its caller may have been killed by the exec that put it aside, and its pid taken over. */
        if (platform_is_asking(platform->sentry, listener, notification.id))
            serve(platform, &notification, listener);
    }
}

int platform_wait_trap(struct platform *platform, int listener, pid_t tid, int nr, struct call *ret_call)
{
    enum { FIRST_STEP_MS = 1, STEP_MS = 20, STEPS = 250 };
    struct pollfd ready = {.fd = listener, .events = POLLIN};

    for (int step = 0; step < STEPS;) {
        int count = poll(&ready, 1, step == 0 ? FIRST_STEP_MS : STEP_MS);
        if (count <= 0 || (ready.revents & POLLIN) == 0) {
            struct host_status status;
            if (host_status_read(platform->sentry, tid, &status) < 0 || status.state == 'Z' || status.state == 'X')
                return -ESRCH;
            if (status.state == 't')
                return -ECANCELED;
            step++;
            continue;
        }
        struct seccomp_notif notification;
        if (receive(listener, &notification) < 0)
            continue;
        if ((pid_t)notification.pid == tid && notification.data.nr == nr) {
            fill_call(platform, &notification, listener, ret_call);
            return 0;
        }
        if (platform->backlog_count == BACKLOG_MAX) {
            struct call dropped;
            fill_call(platform, &notification, listener, &dropped);
            platform_answer(&dropped, -EAGAIN);
            continue;
        }
        platform->backlog[platform->backlog_count].notification = notification;
        platform->backlog[platform->backlog_count].listener = listener;
        platform->backlog_count++;
    }
    return -ETIMEDOUT;
}

int64_t call_park(struct call *call, const struct parked *parked)
{
    return parked_add(call->sentry->platform->parked, call, parked);
}

void platform_wake_parked(struct platform *platform)
{
    parked_wake(platform->parked);
}

static void drop_listener(struct platform *platform, size_t i)
{
    (void)close(platform->listeners[i]);
    platform->listeners[i] = platform->listeners[--platform->listener_count];
    if (platform->listener_count == 0)
        _exit(0); /* no filtered task is left: the container has ended */
}

void platform_run(struct platform *platform)
{
    for (;;) {
        struct pollfd ready[LISTENERS_MAX + 1];
        size_t listeners = platform->listener_count;
        for (size_t i = 0; i < listeners; i++)
            ready[i + 1] = (struct pollfd){.fd = platform->listeners[i], .events = POLLIN};
        ready[0] = (struct pollfd){.fd = platform->epoll, .events = POLLIN};

        int timeout = parked_any(platform->parked) ? PARKED_POLL_MS : -1;
        int count = poll(ready, listeners + 1, timeout);
        if (count < 0)
            continue;
        for (size_t i = listeners; i > 0; i--) {
            struct seccomp_notif notification;
            if ((ready[i].revents & POLLIN) != 0 && receive(ready[i].fd, &notification) == 0)
                serve(platform, &notification, ready[i].fd);
            else if ((ready[i].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
                drop_listener(platform, i - 1);
        }
        serve_backlog(platform);
        if ((ready[0].revents & POLLIN) != 0)
            run_watches(platform);
        if (timeout >= 0)
            parked_poll(platform->parked);
    }
}
