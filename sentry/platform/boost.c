/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/platform/boost.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "postern/confine.h"
#include "postern/thread.h"
#include "sentry/kernel/rank.h"
#include "sentry/kernel/status.h"
#include "sentry/platform/platform.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"

CONFINE_ALLOW(poll, "wait for calls");
CONFINE_ALLOW(gettid, "which of its threads is stuck in a listener");

enum {
    STACK_SIZE = 64 << 10,
    SLOTS = WORKERS_MAX + 1,
    TICK_MS = 2,
    STUCK_TICKS = 3,      /* longer than a slice */
    RELIEF_TICK_MS = 1,
    RELIEF_TICKS = 1000,  /* if that does not help nothing of ours does */
    HOPELESS_TICKS = 1000,
    RAISE_AGAIN_TICKS = 10,
    QUIET_TICKS = 50,
    NS_PER_MS = 1000000,
    NS_PER_S = 1000000000,
};

/* A thread of ours. */
struct slot {
    atomic_bool taken;
    atomic_uint count; /* odd: it is in a listener */
    pid_t tid;
};

/* What was seen of it. */
struct look {
    unsigned int count;
    int ticks; /* so long it has been the same, and odd */
};

static struct {
    const struct sentry *sentry;
    pthread_mutex_t mutex;
    pthread_cond_t call; /* somebody goes into a listener, or somebody is of low rank */
    bool started;
    unsigned int demands; /* how often somebody got low rank */
    atomic_bool watching; /* somebody is of low rank */
    atomic_bool asleep;   /* the thread, though it is so */
    atomic_bool relieving; /* it waits for somebody to come out */
    struct slot slots[SLOTS];
    struct look looks[SLOTS]; /* the watching thread's own */
} boost = {.mutex = PTHREAD_MUTEX_INITIALIZER, .call = PTHREAD_COND_INITIALIZER};

static _Thread_local struct slot *own;

/* --- threads that go into a listener --- */

static struct slot *take_slot(void)
{
    for (size_t i = 0; i < SLOTS; i++) {
        bool expected = false;
        if (atomic_compare_exchange_strong(&boost.slots[i].taken, &expected, true)) {
            boost.slots[i].tid = gettid();
            return &boost.slots[i];
        }
    }
    return NULL;
}

void boost_forget_thread(void)
{
    if (own != NULL)
        atomic_store(&own->taken, false);
    own = NULL;
}

static void wake(void)
{
    (void)pthread_mutex_lock(&boost.mutex);
    atomic_store(&boost.asleep, false);
    (void)pthread_cond_signal(&boost.call);
    (void)pthread_mutex_unlock(&boost.mutex);
}

void boost_enter(void)
{
    if (own == NULL && (own = take_slot()) == NULL)
        return;
    atomic_fetch_add(&own->count, 1);
    if (atomic_load(&boost.asleep))
        wake();
}

void boost_leave(void)
{
    if (own == NULL)
        return;
    atomic_fetch_add(&own->count, 1);
    if (atomic_load_explicit(&boost.relieving, memory_order_relaxed))
        wake();
}

bool boost_watching(void)
{
    return atomic_load_explicit(&boost.watching, memory_order_relaxed);
}

int boost_poll(struct pollfd *fds, size_t count, int timeout_ms, bool *ret_early)
{
    *ret_early = false;
    if (!boost_watching())
        return poll(fds, count, timeout_ms);
    bool slice = timeout_ms < 0 || timeout_ms > BOOST_SLICE_MS;
    boost_enter();
    int ready = poll(fds, count, slice ? BOOST_SLICE_MS : timeout_ms);
    int error = errno;
    boost_leave();
    errno = error;
    *ret_early = ready == 0 && slice;
    return ready;
}

/* --- the thread that looks at them --- */

static bool is_stuck(const struct look *look)
{
    return look->ticks >= STUCK_TICKS;
}

/* Whoever is only short of a processor is none of our business. */
static bool look_at(const struct slot *slot, struct look *look)
{
    unsigned int count = atomic_load(&slot->count);
    bool same = count == look->count;
    *look = (struct look){.count = count, .ticks = same && count % 2 == 1 ? look->ticks + 1 : 0};
    if (is_stuck(look) && thread_state(boost.sentry, slot->tid) == 'R')
        look->ticks = 0;
    return same && count % 2 == 0;
}

/* *ret_stuck: is any thread stuck? True if none was in a listener since the last look. */
static bool look_at_all(bool *ret_stuck)
{
    bool quiet = true;
    *ret_stuck = false;
    for (size_t i = 0; i < SLOTS; i++) {
        quiet = look_at(&boost.slots[i], &boost.looks[i]) && quiet;
        *ret_stuck = *ret_stuck || is_stuck(&boost.looks[i]);
    }
    return quiet;
}

static bool still_stuck(void)
{
    for (size_t i = 0; i < SLOTS; i++)
        if (is_stuck(&boost.looks[i]) && atomic_load(&boost.slots[i].count) == boost.looks[i].count)
            return true;
    return false;
}

/* Waits. The mutex is held. */
static void pause_for(int ms)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_nsec += (long)ms * NS_PER_MS;
    time.tv_sec += time.tv_nsec / NS_PER_S;
    time.tv_nsec %= NS_PER_S;
    (void)pthread_cond_clockwait(&boost.call, &boost.mutex, CLOCK_MONOTONIC, &time);
}

static void tick(int ms)
{
    (void)pthread_mutex_lock(&boost.mutex);
    pause_for(ms);
    (void)pthread_mutex_unlock(&boost.mutex);
}

static void give_back(void)
{
    unsigned int demands = boost.demands, low;
    while (!rank_give_back(boost.sentry, &low))
        tick(TICK_MS);
    (void)pthread_mutex_lock(&boost.mutex);
    if (low == 0 && demands == boost.demands)
        atomic_store(&boost.watching, false);
    (void)pthread_mutex_unlock(&boost.mutex);
}

static void relieve(void)
{
    atomic_store(&boost.relieving, true);
    for (int ticks = 0; still_stuck() && ticks < RELIEF_TICKS; ticks++) {
        if (ticks % RAISE_AGAIN_TICKS == 0)
            (void)rank_raise(boost.sentry);
        tick(RELIEF_TICK_MS);
    }
    atomic_store(&boost.relieving, false);
    give_back();
    for (size_t i = 0; i < SLOTS; i++)
        if (is_stuck(&boost.looks[i]))
            boost.looks[i].ticks = -HOPELESS_TICKS; /* it has moved on, or will not for us */
}

/* Until somebody of ours goes into a listener, if nobody is in one. */
static void sleep_on(void)
{
    bool stuck;
    atomic_store(&boost.asleep, true);
    if (!look_at_all(&stuck)) {
        atomic_store(&boost.asleep, false);
        return;
    }
    (void)pthread_mutex_lock(&boost.mutex);
    while (atomic_load(&boost.asleep))
        (void)pthread_cond_wait(&boost.call, &boost.mutex);
    (void)pthread_mutex_unlock(&boost.mutex);
}

static void wait_for_demand(void)
{
    (void)pthread_mutex_lock(&boost.mutex);
    while (!atomic_load(&boost.watching))
        (void)pthread_cond_wait(&boost.call, &boost.mutex);
    (void)pthread_mutex_unlock(&boost.mutex);
}

static void *run(void *unused)
{
    (void)unused;
    rank_raise_self(boost.sentry);
    for (int quiet_ticks = 0;;) {
        bool stuck;
        wait_for_demand();
        tick(TICK_MS);
        quiet_ticks = look_at_all(&stuck) ? quiet_ticks + 1 : 0;
        if (stuck)
            relieve();
        if (quiet_ticks < QUIET_TICKS)
            continue;
        quiet_ticks = 0;
        give_back(); /* says whether there is anybody left */
        if (boost_watching())
            sleep_on();
    }
    return NULL;
}

/* The mutex is held. */
static bool start(const struct sentry *sentry)
{
    boost.sentry = sentry;
    boost.started = boost.started || thread_start(run, NULL, STACK_SIZE) == 0;
    return boost.started;
}

void boost_prepare(const struct sentry *sentry)
{
    (void)pthread_mutex_lock(&boost.mutex);
    (void)start(sentry);
    (void)pthread_mutex_unlock(&boost.mutex);
}

void boost_watch(const struct sentry *sentry)
{
    (void)pthread_mutex_lock(&boost.mutex);
    bool begins = !atomic_load(&boost.watching) && start(sentry);
    boost.demands++;
    if (begins)
        atomic_store(&boost.watching, true);
    (void)pthread_cond_signal(&boost.call);
    (void)pthread_mutex_unlock(&boost.mutex);
    if (begins)
        platform_nudge(sentry->platform);
}
