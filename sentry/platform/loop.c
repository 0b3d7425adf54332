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
#include "sentry/kernel/process.h"
#include "sentry/kernel/status.h"
#include "sentry/platform/dispatch.h"
#include "sentry/platform/events.h"
#include "sentry/platform/listeners.h"
#include "sentry/platform/parked.h"
#include "sentry/platform/platform.h"
#include "sentry/platform/transient.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"
#include "sentry/stub/gate.h"
#include "sentry/vfs/vfs.h"

enum { PARKED_POLL_MS = 4 };
_Static_assert(LISTENERS_WAIT_MAX + 2 <= WAIT_SET_MAX, "a receiver can wait for calls, for events and for what it needs itself");

/* A call taken in while its receiver waited for something else. */
struct received {
    struct seccomp_notif notification;
    struct listener *listener; /* a reference */
    struct received *next;
};

struct expected_trap {
    struct listener *listener;
    int nr;
    pid_t tid;
    struct seccomp_notif notification;
    struct flag come;
    struct expected_trap *next;
};

struct platform {
    struct sentry *sentry;
    struct events *events;
    struct listeners *listeners;
    unsigned int turn; /* which of what is ready comes first, when several are */
    struct parked_list *parked;

    pthread_mutex_t mutex; /* of what follows: it is used without the state lock too */
    struct received *first, **last;
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
    if (platform->listeners != NULL)
        platform->events = events_new(listeners_epoll(platform->listeners));
    return platform->parked != NULL && platform->events != NULL ? take_ptr(platform) : NULL;
}

int platform_add_listener(struct platform *platform, int listener)
{
    return listeners_add(platform->listeners, listener);
}

int platform_watch(struct platform *platform, int fd, void (*ready)(void *data), void *data)
{
    return events_watch(platform->events, fd, EPOLLIN, ready, data);
}

int platform_watch_end(struct platform *platform, int fd, void (*ended)(void *data), void *data)
{
    return events_watch(platform->events, fd, EPOLLHUP, ended, data);
}

void platform_unwatch(struct platform *platform, int fd)
{
    events_unwatch(platform->events, fd);
}

/* A call waits that is to be asked soon. The one who says so may have been replaced as receiver while it was busy: the one that sleeps now
 * has to look again how long it may. (What is added to listeners and events wakes it by itself.) */
static void look_again_how_long(struct platform *platform)
{
    if (!is_receiver())
        events_wake(platform->events);
}

/* --- calls --- */

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void fill_call(struct platform *platform, const struct seccomp_notif *notification, struct listener *listener,
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

/* What is to be answered. `asked_again`: time has passed since it was received. CALL_PENDING: its listener is somebody else's now. */
static int64_t serve_call(struct call *call, pid_t tid, bool asked_again)
{
    struct task *task = task_find(call->sentry->processes, tid);
    if (task == NULL) /* it is gone, and nobody hears this; or its user has so many processes that it is not to be served */
        return -EAGAIN;
    /* A task found just now by its pid: if the caller was killed meanwhile the pid may be somebody else's. One that has been
     * here before is known to be alive, and the same; unless it has its id from another thread, whom it ended. */
    if ((asked_again || !task->served || task->took_over) && !platform_is_asking(call->sentry, call->listener, call->id))
        return CALL_ANSWERED;
    task->served = true;
    const uid_t user = task_cred(task)->ruid;
    if (!worker_may_serve(user)) {
        const struct turn turn = {.call = *call, .tid = tid, .user = user};
        int64_t result = parked_wait_turn(call->sentry->platform->parked, &turn);
        look_again_how_long(call->sentry->platform);
        if (result == CALL_PENDING)
            call->listener = NULL;
        return result;
    }
    call_bind(call, task);
    int64_t result = dispatch(call, now_ns);
    call_unbind(call);
    return result;
}

/* Serves one call. Its listener's reference is taken over. True if it is another's turn then, which is to be served likewise. */
static bool serve_one(struct platform *platform, struct call *call, pid_t tid, bool asked_again, struct turn *ret_next)
{
    receiver_begin_call();
    state_lock();
    int64_t result = serve_call(call, tid, asked_again);
    bool next = worker_has_served() && parked_take_turn(platform->parked, ret_next);
    state_unlock();
    platform_answer(call, result);
    (void)listener_put(call->listener);
    receiver_end_call();
    return next;
}

static void serve_turns(struct platform *platform, struct turn *turn)
{
    struct turn next;
    while (serve_one(platform, &turn->call, turn->tid, true, &next))
        *turn = next;
}

static void serve(struct platform *platform, const struct seccomp_notif *notification, struct listener *listener, bool asked_again)
{
    struct call call;
    struct turn next;
    fill_call(platform, notification, listener, &call);
    if (serve_one(platform, &call, (pid_t)notification->pid, asked_again, &next))
        serve_turns(platform, &next);
}

/* True if somebody has been waiting for just this one. The reference to the listener is given back then. */
static bool give_to_follower(struct platform *platform, struct listener *listener, const struct seccomp_notif *notification)
{
    (void)pthread_mutex_lock(&platform->mutex);
    struct expected_trap **link = &platform->expected, *trap = *link;
    while (trap != NULL &&
           (trap->listener != listener || trap->tid != (pid_t)notification->pid || trap->nr != notification->data.nr)) {
        link = &trap->next;
        trap = *link;
    }
    if (trap != NULL) {
        trap->notification = *notification;
        *link = trap->next;
        flag_set(&trap->come);
    }
    (void)pthread_mutex_unlock(&platform->mutex);
    if (trap != NULL)
        (void)listener_put(listener); /* whoever waits is in a call of the same */
    return trap != NULL;
}

static struct received *take_received(struct platform *platform)
{
    (void)pthread_mutex_lock(&platform->mutex);
    struct received *received = platform->first;
    if (received != NULL) {
        platform->first = received->next;
        if (platform->first == NULL)
            platform->last = &platform->first;
    }
    (void)pthread_mutex_unlock(&platform->mutex);
    return received;
}

static void serve_received(struct platform *platform)
{
    struct received *received;
    while (is_receiver() && (received = take_received(platform)) != NULL) {
        serve(platform, &received->notification, received->listener, true);
        free(received);
    }
}

/* --- the receiver --- */

static size_t wait_set(void *data, struct pollfd *fds, int *ret_timeout)
{
    struct platform *platform = data;
    fds[0] = (struct pollfd){.fd = events_descriptor(platform->events), .events = POLLIN};
    *ret_timeout = parked_any(platform->parked) ? PARKED_POLL_MS : -1;
    return 1 + listeners_wait_set(platform->listeners, &fds[1]);
}

/* The listener's end may be the container's. */
static bool receive(struct platform *platform, const struct pollfd *ready, struct seccomp_notif *ret_notification,
                    struct listener **ret_listener)
{
    bool received = listeners_receive(platform->listeners, ready, ret_notification, ret_listener);
    if (!received && listeners_ended(platform->listeners))
        sentry_end(platform->sentry); /* no filtered task is left */
    return received;
}

/* Without memory to keep it in, a call stays where it is. There are few at a time: who has taken one in makes room for another
 * receiver, or listens no more. */
static bool take_in_one(struct platform *platform, const struct pollfd *ready)
{
    struct received *received = calloc(1, sizeof(*received));
    if (received == NULL)
        return true;
    if (!receive(platform, ready, &received->notification, &received->listener) ||
        give_to_follower(platform, received->listener, &received->notification)) {
        free(received);
        return false;
    }
    (void)pthread_mutex_lock(&platform->mutex);
    *platform->last = received;
    platform->last = &received->next;
    (void)pthread_mutex_unlock(&platform->mutex);
    return true;
}

static bool take_in(void *data, const struct pollfd *fds, size_t count)
{
    struct platform *platform = data;
    bool waiting = fds[0].revents != 0;
    for (size_t i = 0; i < count; i++)
        if (fds[i].revents != 0 && take_in_one(platform, i == 0 ? NULL : &fds[i]))
            waiting = true;
    return waiting;
}

/* One call: by then nothing else need be as poll said. The first of what was polled stands for many. */
static void serve_ready(struct platform *platform, const struct pollfd *fds, size_t count)
{
    const size_t first = platform->turn++ % count;
    for (size_t i = 0; i < count; i++) {
        const size_t at = (first + i) % count;
        struct seccomp_notif notification;
        struct listener *listener;
        if (fds[at].revents == 0 || !receive(platform, at == 0 ? NULL : &fds[at], &notification, &listener))
            continue;
        if (!give_to_follower(platform, listener, &notification))
            serve(platform, &notification, listener, false);
        return;
    }
}

static void look_around(struct platform *platform)
{
    struct turn turn;
    receiver_begin_call();
    state_lock();
    events_run(platform->events);
    parked_poll(platform->parked);
    bool next = parked_take_turn(platform->parked, &turn);
    state_unlock();
    receiver_end_call();
    if (next)
        serve_turns(platform, &turn);
}

static void run(void *data)
{
    struct platform *platform = data;
    while (is_receiver()) {
        serve_received(platform);
        struct pollfd fds[WAIT_SET_MAX];
        int timeout;
        if (!is_receiver())
            break;
        size_t count = wait_set(platform, fds, &timeout);
        if (poll(fds, count, timeout) < 0)
            continue;
        serve_ready(platform, fds, count);
        if (is_receiver() && ((fds[0].revents & POLLIN) != 0 || timeout >= 0))
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
    call->root = call->cwd = NULL;
}

void call_unbind(struct call *call)
{
    call->root = dentry_put(call->root);
    call->cwd = dentry_put(call->cwd);
    call->cred = cred_put(call->cred);
    call->context = context_put(call->context);
    call->task = task_put(call->task);
}

struct expected_trap *platform_expect_trap(struct platform *platform, struct listener *listener, pid_t tid, int nr)
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

/* What has become of a thread that was to trap and has not yet: 0 if it may still do so. A leader's number is another thread's, whom we do not
 * follow, when that one has executed. */
static int look_after(const struct platform *platform, pid_t tid)
{
    struct host_status status;
    int error = host_status_read(platform->sentry, tid, &status);
    if (error == -ENOENT || error == -ESRCH || (error == 0 && (status.state == 'Z' || status.state == 'X' || status.tracer != gettid())))
        return -ESRCH;
    return error == 0 && status.state == 't' ? -ECANCELED : 0;
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
    look_again_how_long(platform);
    return result;
}

void platform_wake_parked(struct platform *platform)
{
    parked_wake(platform->parked);
}
