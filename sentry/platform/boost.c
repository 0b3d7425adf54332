/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/platform/boost.h"

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "postern/confine.h"
#include "postern/interrupt.h"
#include "postern/thread.h"
#include "sentry/kernel/rank.h"
#include "sentry/platform/listeners.h"
#include "sentry/platform/platform.h"
#include "sentry/sentry.h"

CONFINE_ALLOW(poll, "is the lock of a listener free");
CONFINE_ALLOW(clock_nanosleep, "until the lock is tried again");
CONFINE_ALLOW(clock_gettime, "how long threads have been raised; the vDSO may have no such clock");

enum {
    STACK_SIZE = 64 << 10,
    TRY_MS = 10,        /* so often the lock is tried */
    PATIENCE_MS = 4,    /* so long it may be taken: longer than a thread of the sentry's rank waits for a processor */
    RELIEF_MAX_MS = 200,
    RAISE_AGAIN_MS = 20, /* somebody of low rank may have been made meanwhile */
    REST = 9,           /* so many times as long as threads have been raised, none is */
    LOOK_MS = 5000,     /* so often: is anybody of low rank left? */
    MS_PER_S = 1000,
    NS_PER_MS = 1000000,
};

static struct {
    const struct sentry *sentry;
    pthread_mutex_t mutex;
    pthread_cond_t call;
    bool started;
    bool watching;        /* somebody may be of low rank */
    unsigned int demands; /* how often that has been said */
} boost = {.mutex = PTHREAD_MUTEX_INITIALIZER, .call = PTHREAD_COND_INITIALIZER};

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * MS_PER_S + now.tv_nsec / NS_PER_MS;
}

static void rest_for(int64_t ms)
{
    const struct timespec time = {.tv_sec = ms / MS_PER_S, .tv_nsec = ms % MS_PER_S * NS_PER_MS};
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

/* Whoever is interrupted while he waits for it is told that something is wrong with the listener. */
static bool lock_is_free(void)
{
    struct pollfd fds[LISTENERS_MAX];
    size_t count = platform_listeners(boost.sentry->platform, fds);
    int timer;
    if (interrupt_begin(PATIENCE_MS, &timer) < 0)
        return true;
    bool answered = poll(fds, count, 0) > 0;
    interrupt_end(timer);
    for (size_t i = 0; i < count && answered; i++)
        if ((fds[i].revents & POLLERR) != 0)
            return false;
    return true;
}

/* True if nobody of low rank is left. */
static bool give_back(void)
{
    unsigned int low;
    while (!rank_give_back(boost.sentry, &low))
        rest_for(1);
    return low == 0;
}

static void relieve(void)
{
    const int64_t start = now_ms();
    int64_t raised = 0, now = start;
    do {
        if (raised == 0 || now - raised >= RAISE_AGAIN_MS) {
            (void)rank_raise(boost.sentry);
            raised = now;
        }
        if (lock_is_free())
            break;
        now = now_ms();
    } while (now - start < RELIEF_MAX_MS);
    (void)give_back();
    rest_for((now_ms() - start) * REST);
}

static unsigned int wait_for_demand(void)
{
    (void)pthread_mutex_lock(&boost.mutex);
    while (!boost.watching)
        (void)pthread_cond_wait(&boost.call, &boost.mutex);
    unsigned int demands = boost.demands;
    (void)pthread_mutex_unlock(&boost.mutex);
    return demands;
}

static void watch_no_more(unsigned int demands)
{
    (void)pthread_mutex_lock(&boost.mutex);
    boost.watching = boost.demands != demands;
    (void)pthread_mutex_unlock(&boost.mutex);
}

static void *run(void *unused)
{
    (void)unused;
    for (;;) {
        unsigned int demands = wait_for_demand();
        for (int64_t until = now_ms() + LOOK_MS; now_ms() < until; rest_for(TRY_MS))
            if (!lock_is_free())
                relieve();
        if (give_back())
            watch_no_more(demands);
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
    boost.demands++;
    boost.watching = start(sentry);
    (void)pthread_cond_signal(&boost.call);
    (void)pthread_mutex_unlock(&boost.mutex);
}
