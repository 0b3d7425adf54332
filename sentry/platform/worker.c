/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/platform/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "postern/confine.h"
#include "postern/thread.h"
#include "sentry/kernel/share.h"

CONFINE_ALLOW(poll, "wait for calls, for the gofer");
CONFINE_ALLOW(wait4, "stops of a traced caller");
CONFINE_ALLOW(read, "there was a stop");

enum {
    STACK_SIZE = 256 << 10,
    AWAY_MAX = WORKERS_MAX - 2, /* besides the receiver and the one that stands by */
    SPARE_MS = 200,   /* so long a thread nobody needs waits for work */
    TICK_MS = 2,      /* a receiver that is as long in one call has to be replaced */
    QUIET_TICKS = 50, /* without a call: the one that stands by goes to sleep */
    NS_PER_MS = 1000000,
    NS_PER_S = 1000000000,
};

/* Who takes a receiver's place says so in its own count, which it cannot do while that is even: whoever listens is not replaced, and so
 * no two threads ever receive from one listener. (Who comes second would wait, in the kernel, for the next call.) */
#define REPLACED (UINT64_C(1) << 63)

enum { NOBODY = (uid_t)-1, CLOSING_MAX = 320 /* a message carries 253 */ };

struct worker {
    bool locked;                /* has the state lock */
    atomic_uint_fast64_t calls; /* even: it listens, or is between calls; odd: in one. Others read it while it is the receiver */
    _Atomic uid_t user;         /* whose call it serves. Likewise */
    atomic_bool counts;         /* in the share of: */
    uid_t counts_for;
    size_t closing_count; /* descriptors to be closed without the lock */
    int closing[CLOSING_MAX];
};

static struct {
    pthread_mutex_t mutex; /* of the rest, but for reading what is atomic */
    struct receiver receiver;
    struct worker *_Atomic holder; /* of the receiver's place; NULL: it is vacant */
    pthread_cond_t vacancy;        /* for the one that stands by */
    pthread_cond_t work;           /* for spare ones */
    bool standing;                 /* somebody stands by */
    bool awake;                    /* and looks at the holder now and then */
    atomic_bool guarded;           /* both */
    unsigned int count, spares, reserve;
    struct share away;     /* threads that serve a call and have not the receiver's place */
    atomic_size_t is_away; /* how many in all */
    int child_stops; /* signalfd of SIGCHLD: the receiver's alone to read */
} pool = {
    .mutex = PTHREAD_MUTEX_INITIALIZER,
    .vacancy = PTHREAD_COND_INITIALIZER,
    .work = PTHREAD_COND_INITIALIZER,
    .away = SHARE_OF(AWAY_MAX),
    .child_stops = -1,
};

static pthread_mutex_t state = PTHREAD_MUTEX_INITIALIZER;
static atomic_uint wanted; /* how many wait for it */
static struct waiters giving_way = WAITERS_NONE;
static _Thread_local struct worker self = {.user = NOBODY};

/* --- the state lock --- */

void state_lock(void)
{
    if (pthread_mutex_trylock(&state) != 0) {
        atomic_fetch_add(&wanted, 1);
        (void)pthread_mutex_lock(&state);
        atomic_fetch_sub(&wanted, 1);
        state_wake(&giving_way);
    }
    self.locked = true;
}

/* Letting go of it and taking it again at once would not do: whoever waits is not awake that soon. So one of them has to have had it. Who is
 * counted has not got it yet, as we have it. */
void state_give_way(void)
{
    if (!self.locked || atomic_load(&wanted) == 0)
        return;
    giving_way.count++;
    (void)pthread_cond_wait(&giving_way.woken, &state);
    giving_way.count--;
}

static void close_what_waits(void)
{
    int error = errno;
    while (self.closing_count > 0)
        (void)close(self.closing[--self.closing_count]);
    errno = error;
}

void state_unlock(void)
{
    self.locked = false;
    (void)pthread_mutex_unlock(&state);
    close_what_waits();
}

bool state_pause(void)
{
    if (!self.locked)
        return false;
    state_unlock();
    return true;
}

void state_resume(bool paused)
{
    if (paused)
        state_lock();
}

void close_unlocked(int fd)
{
    if (fd < 0)
        return;
    if (self.closing_count == CLOSING_MAX)
        state_resume(state_pause());
    self.closing[self.closing_count++] = fd;
    if (!self.locked)
        close_what_waits();
}

/* --- the receiver's place --- */

bool is_receiver(void)
{
    return atomic_load_explicit(&pool.holder, memory_order_acquire) == &self &&
           (atomic_load_explicit(&self.calls, memory_order_relaxed) & REPLACED) == 0;
}

/* The mutex is held. */
static bool take_vacancy(void)
{
    struct worker *nobody = NULL;
    (void)atomic_fetch_and(&self.calls, ~REPLACED);
    return atomic_compare_exchange_strong(&pool.holder, &nobody, &self);
}

/* Takes the place of a receiver that has made no step since it was looked at. The mutex is held. */
static bool take_from(struct worker *holder, uint_fast64_t calls)
{
    if (!atomic_compare_exchange_strong(&holder->calls, &calls, calls | REPLACED))
        return false;
    (void)atomic_fetch_and(&self.calls, ~REPLACED);
    atomic_store(&pool.holder, &self);
    return true;
}

static struct timespec after_ms(int ms)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_nsec += (long)ms * NS_PER_MS;
    time.tv_sec += time.tv_nsec / NS_PER_S;
    time.tv_nsec %= NS_PER_S;
    return time;
}

/* Milliseconds until then, at least 0. */
static int ms_until(const struct timespec *then)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t left = (int64_t)(then->tv_sec - now.tv_sec) * NS_PER_S + then->tv_nsec - now.tv_nsec;
    return left <= 0 ? 0 : (int)((left + NS_PER_MS - 1) / NS_PER_MS);
}

/* The mutex is held, here and in what follows. */
static void set_guard(bool standing, bool awake)
{
    pool.standing = standing;
    pool.awake = awake;
    atomic_store(&pool.guarded, standing && awake);
}

/* --- whose threads are away --- */

static bool count_for(struct worker *worker, uid_t user)
{
    if (user == NOBODY || worker->counts || !share_take(&pool.away, user, 1))
        return worker->counts;
    worker->counts_for = user;
    worker->counts = true;
    pool.is_away = pool.away.taken;
    return true;
}

static void count_no_more(struct worker *worker)
{
    if (!worker->counts)
        return;
    share_give(&pool.away, worker->counts_for, 1);
    worker->counts = false;
    pool.is_away = pool.away.taken;
}

bool worker_may_serve(uid_t user)
{
    atomic_store_explicit(&self.user, user, memory_order_relaxed);
    if (is_receiver() && pool.is_away == 0)
        return true;
    (void)pthread_mutex_lock(&pool.mutex);
    bool may = is_receiver() ? share_has_room(&pool.away, user, 1) : count_for(&self, user);
    (void)pthread_mutex_unlock(&pool.mutex);
    return may;
}

bool worker_has_room(uid_t user)
{
    (void)pthread_mutex_lock(&pool.mutex);
    bool room = share_has_room(&pool.away, user, 1);
    (void)pthread_mutex_unlock(&pool.mutex);
    return room;
}

bool worker_has_served(void)
{
    atomic_store_explicit(&self.user, NOBODY, memory_order_relaxed);
    if (!self.counts)
        return false;
    (void)pthread_mutex_lock(&pool.mutex);
    count_no_more(&self);
    (void)pthread_mutex_unlock(&pool.mutex);
    return true;
}

/* --- standing by --- */

/* What the holder was doing at the last look. */
struct look {
    struct worker *holder;
    uint_fast64_t calls;
    unsigned int quiet_ticks;
};

static struct look look_at_holder(const struct look *before)
{
    struct worker *holder = atomic_load(&pool.holder);
    struct look look = {.holder = holder, .calls = holder != NULL ? atomic_load(&holder->calls) : 0};
    bool same = holder == before->holder && look.calls == before->calls;
    if (same && look.calls % 2 == 0)
        look.quiet_ticks = before->quiet_ticks + 1;
    return look;
}

static bool is_stuck(const struct look *before, const struct look *now)
{
    return now->holder != NULL && now->holder == before->holder && now->calls == before->calls && now->calls % 2 == 1;
}

/* One tick of the thread that stands by. True if it has taken the place. */
static bool tick(struct look *look)
{
    const struct look now = look_at_holder(look);
    if (is_stuck(look, &now) && take_from(now.holder, now.calls)) {
        (void)count_for(now.holder, now.holder->user);
        return true;
    }
    pool.receiver.tick(pool.receiver.data);
    *look = now;
    if (now.quiet_ticks >= QUIET_TICKS)
        set_guard(true, false);
    return false;
}

/* Stands by until it has the place. */
static void stand_by(void)
{
    struct look look = {.holder = NULL};
    set_guard(true, pool.awake);
    while (!take_vacancy()) {
        if (!pool.awake) {
            (void)pthread_cond_wait(&pool.vacancy, &pool.mutex);
            look = (struct look){.holder = NULL};
            continue;
        }
        const struct timespec until = after_ms(TICK_MS);
        int error = pthread_cond_clockwait(&pool.vacancy, &pool.mutex, CLOCK_MONOTONIC, &until);
        if (error == ETIMEDOUT && tick(&look))
            break;
    }
    set_guard(false, pool.awake);
}

/* Waits for the place, or to stand by for it. False: it is not needed. */
static bool wait_for_work(void)
{
    struct timespec until = after_ms(SPARE_MS);
    pool.spares++;
    int error = 0;
    bool taken = false;
    /* The vacancy first: it may have been meant for this one, and told just as its time was up. */
    while (pool.standing && !(taken = take_vacancy()) && error == 0) {
        if (pool.spares > pool.reserve)
            error = pthread_cond_clockwait(&pool.work, &pool.mutex, CLOCK_MONOTONIC, &until);
        else if (pthread_cond_wait(&pool.work, &pool.mutex) == 0)
            until = after_ms(SPARE_MS);
    }
    pool.spares--;
    if (!taken && !pool.standing) {
        stand_by();
        taken = true;
    }
    return taken;
}

static void *work(void *unused)
{
    (void)unused;
    for (;;) {
        (void)pthread_mutex_lock(&pool.mutex);
        count_no_more(&self); /* if it was replaced just when it was done */
        if (!wait_for_work())
            break;
        (void)pthread_mutex_unlock(&pool.mutex);
        pool.receiver.run(pool.receiver.data);
    }
    pool.count--;
    (void)pthread_mutex_unlock(&pool.mutex);
    return NULL;
}

/* Where there can be no more threads, by a limit of processes for one, those there are have to do. */
static bool add_worker(void)
{
    bool added = pool.count < WORKERS_MAX && thread_start(work, NULL, STACK_SIZE) == 0;
    if (added)
        pool.count++;
    pool.away.all = added || pool.count > AWAY_MAX ? AWAY_MAX : pool.count > 1 ? pool.count - 1 : 1;
    return added;
}

void receiver_step_aside(void)
{
    if (!is_receiver())
        return;
    (void)pthread_mutex_lock(&pool.mutex);
    /* The place may have been taken just now: then it is not ours to give. */
    if (is_receiver() && (pool.spares > 0 || pool.standing || add_worker())) {
        (void)count_for(&self, self.user);
        atomic_store(&pool.holder, NULL);
        (void)pthread_cond_signal(pool.spares > 0 ? &pool.work : &pool.vacancy);
    }
    (void)pthread_mutex_unlock(&pool.mutex);
}

void receiver_begin_call(void)
{
    atomic_fetch_add_explicit(&self.calls, 1, memory_order_release);
    if (atomic_load_explicit(&pool.guarded, memory_order_relaxed))
        return;
    (void)pthread_mutex_lock(&pool.mutex);
    if (pool.standing)
        (void)pthread_cond_signal(&pool.vacancy);
    else if (pool.spares > 0) /* where no further thread can be had */
        (void)pthread_cond_signal(&pool.work);
    else
        (void)add_worker();
    set_guard(pool.standing, true);
    (void)pthread_mutex_unlock(&pool.mutex);
}

void receiver_end_call(void)
{
    atomic_fetch_add_explicit(&self.calls, 1, memory_order_release);
}

static int open_child_stops(void)
{
    sigset_t child;
    (void)sigemptyset(&child);
    (void)sigaddset(&child, SIGCHLD);
    return signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
}

int workers_prepare(void)
{
    pool.child_stops = open_child_stops();
    return pool.child_stops < 0 ? -errno : 0;
}

void workers_run(const struct receiver *receiver, unsigned int reserve)
{
    pool.receiver = *receiver;
    pool.count = 1;
    pool.reserve = reserve;
    atomic_store(&pool.holder, &self);
    (void)pthread_mutex_lock(&pool.mutex);
    while (pool.count <= reserve && add_worker())
        ;
    (void)pthread_mutex_unlock(&pool.mutex);
    for (;;) {
        receiver->run(receiver->data);
        (void)pthread_mutex_lock(&pool.mutex);
        count_no_more(&self);
        while (!wait_for_work()) /* the process's first thread does not end */
            ;
        (void)pthread_mutex_unlock(&pool.mutex);
    }
}

/* --- waiting --- */

enum { TIME_IS_UP = 0, READABLE = 1, LOOK_AGAIN = 2 };

/* The receiver's part of what follows: takes in what comes. *ret_come: others have to be served. */
static int poll_all(struct pollfd *fds, int timeout_ms, bool *ret_come)
{
    int round_ms;
    size_t count = pool.receiver.wait_set(pool.receiver.data, &fds[1], &round_ms);
    bool round = round_ms >= 0 && (timeout_ms < 0 || round_ms < timeout_ms);
    int ready = poll(fds, count + 1, round ? round_ms : timeout_ms);
    *ret_come = false;
    if (ready < 0 || fds[0].revents != 0)
        return ready < 0 ? ready : READABLE;
    if (ready == 0 && !round)
        return TIME_IS_UP;
    *ret_come = pool.receiver.take_in(pool.receiver.data, &fds[1], count) || round;
    return LOOK_AGAIN;
}

/* Polls one descriptor. A receiver listens for calls meanwhile, and is receiver no longer when there are some. Negative: errno. */
static int poll_listening(int fd, int timeout_ms)
{
    struct pollfd fds[WAIT_SET_MAX] = {{.fd = fd, .events = POLLIN}};
    if (!is_receiver() || pool.receiver.wait_set == NULL)
        return poll(fds, 1, timeout_ms);
    /* It listens: that is not being stuck in a call. */
    bool come = false, replaced = (atomic_fetch_add(&self.calls, 1) & REPLACED) != 0;
    int result = replaced ? LOOK_AGAIN : poll_all(fds, timeout_ms, &come);
    (void)atomic_fetch_add(&self.calls, 1);
    if (!come)
        return result;
    receiver_step_aside();
    /* If no other thread can be had the calls have to wait like this one. */
    return is_receiver() ? poll(fds, 1, timeout_ms) : LOOK_AGAIN;
}

/* Whoever is waited for may need a call to be taken in: a receiver that finds nobody for its place goes on doing that. */
void state_wait(struct waiters *waiters)
{
    enum { LONELY_MS = 5 };
    if (self.closing_count > 0) { /* nobody else's end has to wait for ours */
        state_resume(state_pause());
        return;
    }
    receiver_step_aside();
    if (is_receiver()) {
        state_unlock();
        (void)poll_listening(-1, LONELY_MS);
        state_lock();
        return;
    }
    waiters->count++;
    self.locked = false;
    (void)pthread_cond_wait(&waiters->woken, &state);
    self.locked = true;
    waiters->count--;
}

void state_wake(struct waiters *waiters)
{
    if (waiters->count > 0)
        (void)pthread_cond_broadcast(&waiters->woken);
}

static int wait_unlocked(int fd, int timeout_ms)
{
    const struct timespec until = after_ms(timeout_ms < 0 ? 0 : timeout_ms);
    for (;;) {
        int ready = poll_listening(fd, timeout_ms < 0 ? -1 : ms_until(&until));
        if (ready == READABLE)
            return 0;
        if (ready == TIME_IS_UP || (ready < 0 && errno != EINTR))
            return ready == TIME_IS_UP ? -ETIMEDOUT : -errno;
    }
}

int wait_readable(int fd, int timeout_ms)
{
    bool paused = state_pause();
    int result = wait_unlocked(fd, timeout_ms);
    state_resume(paused);
    return result;
}

static pthread_mutex_t flags = PTHREAD_MUTEX_INITIALIZER;

void flag_set(struct flag *flag)
{
    (void)pthread_mutex_lock(&flags);
    flag->set = true;
    (void)pthread_cond_signal(&flag->changed);
    (void)pthread_mutex_unlock(&flags);
}

static bool flag_is_set(const struct flag *flag)
{
    (void)pthread_mutex_lock(&flags);
    bool set = flag->set;
    (void)pthread_mutex_unlock(&flags);
    return set;
}

static bool wait_for_others(struct flag *flag, const struct timespec *until)
{
    (void)pthread_mutex_lock(&flags);
    int error = 0;
    while (!flag->set && error == 0)
        error = pthread_cond_clockwait(&flag->changed, &flags, CLOCK_MONOTONIC, until);
    bool set = flag->set;
    (void)pthread_mutex_unlock(&flags);
    return set;
}

/* What a receiver waits for it may take in itself. */
int wait_flag(struct flag *flag, int timeout_ms)
{
    const struct timespec until = after_ms(timeout_ms);
    bool paused = state_pause(), in_time = true;
    while (in_time && !flag_is_set(flag)) {
        if (is_receiver())
            in_time = poll_listening(-1, ms_until(&until)) != TIME_IS_UP;
        else
            in_time = wait_for_others(flag, &until);
    }
    state_resume(paused);
    return in_time ? 0 : -ETIMEDOUT;
}

/* A receiver listens; so it learns of stops by a descriptor. Those of other threads' tracees wake it too. */
static pid_t wait_child_listening(int *ret_status, int timeout_ms)
{
    const struct timespec until = after_ms(timeout_ms);
    for (;;) {
        pid_t pid = waitpid(-1, ret_status, __WALL | __WNOTHREAD | WNOHANG);
        if (pid != 0)
            return pid;
        if (!is_receiver())
            return waitpid(-1, ret_status, __WALL | __WNOTHREAD);
        int ready = poll_listening(pool.child_stops, ms_until(&until));
        struct signalfd_siginfo stop;
        if (ready == READABLE)
            (void)!read(pool.child_stops, &stop, sizeof(stop));
        if (ready == TIME_IS_UP) {
            errno = ETIMEDOUT;
            return -1;
        }
    }
}

pid_t wait_child(int *ret_status, int timeout_ms)
{
    bool paused = state_pause();
    pid_t pid = is_receiver() ? wait_child_listening(ret_status, timeout_ms)
                              : waitpid(-1, ret_status, __WALL | __WNOTHREAD);
    int error = errno;
    state_resume(paused);
    errno = error;
    return pid;
}
