/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop: what the receiver (worker.h) waits for and serves.
 *
 * It sleeps in poll(2), not epoll_wait(2), because only a direct wait keeps the wake-up on the guest's own core
 * (SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP); waking another one costs ten times the call. Everything that is not a call (a process
 * that ended, the gofer's hang-up, the control socket) hangs on one epoll descriptor beside the listeners.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/kernel/process.h"
#include "sentry/kernel/status.h"
#include "sentry/platform/dispatch.h"
#include "sentry/platform/listeners.h"
#include "sentry/platform/notify.h"
#include "sentry/platform/parked.h"
#include "sentry/platform/platform.h"
#include "sentry/platform/transient.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"
#include "sentry/stub/gate.h"

CONFINE_ALLOW(epoll_create1, "events that are not calls");
CONFINE_ALLOW(epoll_ctl, "events that are not calls");
CONFINE_ALLOW(epoll_wait, "events that are not calls");

enum { WATCH_EVENTS = 32, PARKED_POLL_MS = 4, RECEIVED_MAX = 4096 };
_Static_assert(LISTENERS_MAX + 2 <= WAIT_SET_MAX, "a receiver can wait for all listeners");

struct watch {
    int fd;
    void (*ready)(void *data);
    void *data;
    struct watch *next;
};

/* A call taken in while its receiver waited for something else. */
struct received {
    struct seccomp_notif notification;
    int listener;
    struct received *next;
};

struct expected_trap {
    int listener, nr;
    pid_t tid;
    struct seccomp_notif notification;
    struct flag come;
    struct expected_trap *next;
};

struct platform {
    struct sentry *sentry;
    int epoll;
    struct watch *watches;
    struct watch *retired; /* unwatched while events may still name them; freed between rounds */
    struct watch more;     /* there is more to wait for than the receiver may know; always readable, armed when it is to be seen */
    struct parked_list *parked;
    struct listeners *listeners;

    pthread_mutex_t mutex; /* of what follows: it is used without the state lock too */
    struct received *first, **last;
    size_t received_count;
    struct expected_trap *expected;
};

struct platform *platform_new(struct sentry *sentry)
{
    auto_free struct platform *platform = calloc(1, sizeof(*platform));
    if (platform == NULL)
        return NULL;
    platform->sentry = sentry;
    platform->last = &platform->first;
    (void)pthread_mutex_init(&platform->mutex, NULL);
    platform->parked = parked_list_new();
    platform->listeners = listeners_new();
    platform->epoll = epoll_create1(EPOLL_CLOEXEC);
    platform->more.fd = eventfd(1, EFD_CLOEXEC);
    struct epoll_event disarmed = {.data.ptr = &platform->more};
    if (platform->epoll < 0 || platform->more.fd < 0 || platform->parked == NULL || platform->listeners == NULL ||
        epoll_ctl(platform->epoll, EPOLL_CTL_ADD, platform->more.fd, &disarmed) < 0)
        return NULL;
    return take_ptr(platform);
}

/* Whoever adds to what is waited for may have been replaced as receiver while it was busy: the one that sleeps now has to look again. */
static void wake_receiver(struct platform *platform)
{
    struct epoll_event armed = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = &platform->more};
    if (!is_receiver())
        (void)epoll_ctl(platform->epoll, EPOLL_CTL_MOD, platform->more.fd, &armed);
}

/* --- listeners --- */

int platform_add_listener(struct platform *platform, int listener)
{
    int result = listeners_add(platform->listeners, listener);
    if (result < 0)
        return result;
    notify_prepare(listener);
    wake_receiver(platform);
    return 0;
}

void platform_hold_listener(struct platform *platform, int listener)
{
    listeners_hold(platform->listeners, listener);
}

void platform_let_go_listener(struct platform *platform, int listener)
{
    listeners_let_go(platform->listeners, listener);
}

/* --- events that are not calls --- */

static int watch(struct platform *platform, int fd, uint32_t events, void (*ready)(void *data), void *data)
{
    struct watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL)
        return -ENOMEM;
    *watch = (struct watch){.fd = fd, .ready = ready, .data = data, .next = platform->watches};
    struct epoll_event event = {.events = events, .data.ptr = watch};
    if (epoll_ctl(platform->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
        int error = -errno;
        free(watch);
        return error;
    }
    platform->watches = watch;
    return 0;
}

int platform_watch(struct platform *platform, int fd, void (*ready)(void *data), void *data)
{
    return watch(platform, fd, EPOLLIN, ready, data);
}

int platform_watch_end(struct platform *platform, int fd, void (*ended)(void *data), void *data)
{
    return watch(platform, fd, EPOLLHUP, ended, data);
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

static void free_retired(struct platform *platform)
{
    while (platform->retired != NULL) {
        struct watch *watch = platform->retired;
        platform->retired = watch->next;
        free(watch);
    }
}

/* One event at a time: what is unwatched while it is acted upon is not named by another that has been fetched already. Whoever has been
 * replaced meanwhile leaves the rest: some of it may be there to wake the one that sleeps now. */
static void run_watches(struct platform *platform)
{
    struct epoll_event event;
    for (int i = 0; i < WATCH_EVENTS && is_receiver() && epoll_wait(platform->epoll, &event, 1, 0) == 1; i++) {
        struct watch *watch = event.data.ptr;
        if (watch->ready != NULL)
            watch->ready(watch->data);
        free_retired(platform);
    }
}

/* --- calls --- */

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

/* What is to be answered. `asked_again`: time has passed since it was received. */
static int64_t serve_call(struct call *call, pid_t tid, bool asked_again)
{
    struct task *task = task_find(call->sentry->processes, tid);
    if (task == NULL)
        return -ESRCH;
    /* A task found just now by its pid: if the caller was killed meanwhile the pid may be somebody else's. One that has been
     * here before is known to be alive, and the same. */
    if ((asked_again || !task->served) && !platform_is_asking(call->sentry, call->listener, call->id))
        return CALL_ANSWERED;
    task->served = true;
    call_bind(call, task);
    int64_t result = dispatch(call, now_ns);
    call_unbind(call);
    return result;
}

static void serve(struct platform *platform, const struct seccomp_notif *notification, int listener, bool asked_again)
{
    struct call call;
    fill_call(platform, notification, listener, &call);
    listeners_hold(platform->listeners, listener);
    receiver_begin_call();
    state_lock();
    int64_t result = serve_call(&call, (pid_t)notification->pid, asked_again);
    state_unlock();
    platform_answer(&call, result);
    receiver_end_call();
    listeners_let_go(platform->listeners, listener);
}

/* The mutex is held. True if somebody has been waiting for just this one. */
static bool give_to_follower(struct platform *platform, int listener, const struct seccomp_notif *notification)
{
    for (struct expected_trap **link = &platform->expected; *link != NULL; link = &(*link)->next) {
        struct expected_trap *trap = *link;
        if (trap->listener != listener || trap->tid != (pid_t)notification->pid || trap->nr != notification->data.nr)
            continue;
        trap->notification = *notification;
        *link = trap->next;
        flag_set(&trap->come);
        return true;
    }
    return false;
}

static bool keep_for_later(struct platform *platform, int listener, const struct seccomp_notif *notification)
{
    struct received *received = platform->received_count < RECEIVED_MAX ? malloc(sizeof(*received)) : NULL;
    if (received == NULL)
        return false;
    *received = (struct received){.notification = *notification, .listener = listener};
    listeners_hold(platform->listeners, listener);
    *platform->last = received;
    platform->last = &received->next;
    platform->received_count++;
    return true;
}

/* False if a follower has it. */
static bool keep(struct platform *platform, int listener, const struct seccomp_notif *notification)
{
    (void)pthread_mutex_lock(&platform->mutex);
    bool given = give_to_follower(platform, listener, notification);
    bool kept = !given && keep_for_later(platform, listener, notification);
    (void)pthread_mutex_unlock(&platform->mutex);
    if (!given && !kept) {
        struct call dropped;
        fill_call(platform, notification, listener, &dropped);
        platform_answer(&dropped, -EAGAIN);
    }
    return !given;
}

static struct received *take_received(struct platform *platform)
{
    (void)pthread_mutex_lock(&platform->mutex);
    struct received *received = platform->first;
    if (received != NULL) {
        platform->first = received->next;
        if (platform->first == NULL)
            platform->last = &platform->first;
        platform->received_count--;
    }
    (void)pthread_mutex_unlock(&platform->mutex);
    return received;
}

static void serve_received(struct platform *platform)
{
    struct received *received;
    while (is_receiver() && (received = take_received(platform)) != NULL) {
        serve(platform, &received->notification, received->listener, true);
        listeners_let_go(platform->listeners, received->listener);
        free(received);
    }
}

/* --- the receiver --- */

static size_t wait_set(void *data, struct pollfd *fds, int *ret_timeout)
{
    struct platform *platform = data;
    size_t count = listeners_poll_set(platform->listeners, fds + 1);
    fds[0] = (struct pollfd){.fd = platform->epoll, .events = POLLIN};
    *ret_timeout = parked_any(platform->parked) ? PARKED_POLL_MS : -1;
    return count + 1;
}

static bool take_in(void *data, const struct pollfd *fds, size_t count)
{
    struct platform *platform = data;
    bool waiting = fds[0].revents != 0;
    for (size_t i = 1; i < count; i++) {
        struct seccomp_notif notification;
        if ((fds[i].revents & POLLIN) != 0 && notify_receive(fds[i].fd, &notification) == 0)
            waiting = keep(platform, fds[i].fd, &notification) || waiting;
        else if ((fds[i].revents & ~POLLIN) != 0)
            waiting = true;
    }
    return waiting;
}

static bool is_expected(struct platform *platform, int listener, const struct seccomp_notif *notification)
{
    (void)pthread_mutex_lock(&platform->mutex);
    bool given = give_to_follower(platform, listener, notification);
    (void)pthread_mutex_unlock(&platform->mutex);
    return given;
}

/* POLLERR only says that whoever asked was interrupted, by a freezer for one, while the kernel's lock was somebody else's. */
static void serve_listener(struct platform *platform, const struct pollfd *listener)
{
    struct seccomp_notif notification;
    if ((listener->revents & POLLIN) != 0) {
        if (notify_receive(listener->fd, &notification) < 0)
            return;
        if (!is_expected(platform, listener->fd, &notification))
            serve(platform, &notification, listener->fd, false);
    } else if ((listener->revents & POLLHUP) != 0 && !listeners_end(platform->listeners, listener->fd)) {
        sentry_end(platform->sentry); /* no filtered task is left */
    }
}

static void look_around(struct platform *platform)
{
    receiver_begin_call();
    state_lock();
    run_watches(platform);
    parked_poll(platform->parked);
    state_unlock();
    receiver_end_call();
}

static void run(void *data)
{
    struct platform *platform = data;
    while (is_receiver()) {
        serve_received(platform);
        struct pollfd fds[WAIT_SET_MAX];
        int timeout;
        size_t count = wait_set(platform, fds, &timeout);
        if (!is_receiver() || poll(fds, count, timeout) < 0)
            continue;
        for (size_t i = count; i > 1 && is_receiver(); i--)
            serve_listener(platform, &fds[i - 1]);
        if ((fds[0].revents & POLLIN) != 0 || timeout >= 0)
            look_around(platform);
    }
}

static void tick(void *data)
{
    struct platform *platform = data;
    transient_tick(platform->sentry);
}

void platform_run(struct platform *platform)
{
    const struct receiver receiver = {
        .data = platform, .run = run, .wait_set = wait_set, .take_in = take_in, .tick = tick};
    /* Where processes are limited the guest can use them all up. */
    enum { RESERVE = 8 };
    workers_run(&receiver, platform->sentry->boot->pids_limit != 0 ? RESERVE : 0);
}

/* --- for handlers --- */

void call_bind(struct call *call, struct task *task)
{
    call->task = task_get(task);
    call->context = context_get(task->process->context);
    call->cred = cred_get(task_cred(task));
    call->now = 0;
}

void call_unbind(struct call *call)
{
    call->cred = cred_put(call->cred);
    call->context = context_put(call->context);
    call->task = task_put(call->task);
}

struct expected_trap *platform_expect_trap(struct platform *platform, int listener, pid_t tid, int nr)
{
    struct expected_trap *trap = malloc(sizeof(*trap));
    if (trap == NULL)
        return NULL;
    *trap = (struct expected_trap){.listener = listener, .nr = nr, .tid = tid, .come = FLAG_CLEAR};
    (void)pthread_mutex_lock(&platform->mutex);
    trap->next = platform->expected;
    platform->expected = trap;
    (void)pthread_mutex_unlock(&platform->mutex);
    return trap;
}

/* True if it came after all. */
static bool expect_no_more(struct platform *platform, struct expected_trap *trap)
{
    (void)pthread_mutex_lock(&platform->mutex);
    for (struct expected_trap **link = &platform->expected; *link != NULL; link = &(*link)->next) {
        if (*link == trap) {
            *link = trap->next;
            break;
        }
    }
    bool come = trap->come.set;
    (void)pthread_mutex_unlock(&platform->mutex);
    return come;
}

void platform_forget_trap(struct platform *platform, struct expected_trap *trap)
{
    if (trap == NULL)
        return;
    if (expect_no_more(platform, trap)) { /* whoever it is waits for an answer */
        struct call call;
        fill_call(platform, &trap->notification, trap->listener, &call);
        platform_answer(&call, -ENOSYS);
    }
    free(trap);
}

/* What has become of a thread that was to trap and has not yet: 0 if it may still do so. */
static int look_after(const struct platform *platform, pid_t tid)
{
    struct host_status status;
    if (host_status_read(platform->sentry, tid, &status) < 0 || status.state == 'Z' || status.state == 'X')
        return -ESRCH;
    return status.state == 't' ? -ECANCELED : 0;
}

int platform_wait_trap(struct platform *platform, struct expected_trap *trap, struct call *ret_call)
{
    enum { FIRST_STEP_MS = 1, STEP_MS = 20, STEPS = 3000 };
    int status = -ETIMEDOUT;
    for (int step = 0; step < STEPS && status == -ETIMEDOUT; step++) {
        status = wait_flag(&trap->come, step == 0 ? FIRST_STEP_MS : STEP_MS);
        int fate = status < 0 ? look_after(platform, trap->tid) : 0;
        if (fate < 0)
            status = fate;
    }
    if (expect_no_more(platform, trap)) {
        fill_call(platform, &trap->notification, trap->listener, ret_call);
        status = 0;
    }
    free(trap);
    return status;
}

bool call_is_gates_first(const struct call *call)
{
    return call->ip == GATE_ADDRESS + GATE_FIRST;
}

int64_t call_park(struct call *call, const struct parked *parked)
{
    struct platform *platform = call->sentry->platform;
    if (call_is_gates_first(call)) {
        parked->cancel(parked->state);
        return -GATE_WAITS;
    }
    int64_t result = parked_add(platform->parked, call, parked);
    wake_receiver(platform);
    return result;
}

void platform_wake_parked(struct platform *platform)
{
    parked_wake(platform->parked);
}
