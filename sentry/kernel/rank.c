/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/kernel/rank.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>

#include "sentry/kernel/rank_host.h"
#include "sentry/kernel/rank_judge.h"
#include "sentry/kernel/table.h"
#include "sentry/platform/boost.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"

enum { NICE_HIGHEST = -20, GIVE_BACK_PASSES = 8, CLEAN_PASSES = 2 };

/* What a mark stands for. */
struct original {
    uint32_t policy;
    int32_t nice;
    bool used;
    bool carried; /* perhaps, by some thread */
    bool guests;  /* the guest has given this rank to a thread of its own: it is no mark any more */
};

/*
 * A guest's rank changes only while the mutex is held, so that what is read before is what is changed. Whoever holds it does not have
 * the state lock, and must not wait for it: he may have to ask the gofer, and others wait for him with that lock.
 */
static struct {
    pthread_mutex_t mutex;
    bool fair; /* the sentry is scheduled by a nice value, which is the one below */
    int nice;
    struct original marks[SCHEDULE_MARKS];
    pthread_cond_t given_back; /* none is carried any more */
} ranks = {.mutex = PTHREAD_MUTEX_INITIALIZER, .given_back = PTHREAD_COND_INITIALIZER};

static bool begin(void)
{
    bool paused = state_pause();
    (void)pthread_mutex_lock(&ranks.mutex);
    return paused;
}

static void end(bool paused)
{
    (void)pthread_mutex_unlock(&ranks.mutex);
    state_resume(paused);
}

static bool is_fair(uint32_t policy)
{
    return policy == SCHED_OTHER || policy == SCHED_BATCH;
}

void rank_init(void)
{
    struct sched_attributes own;
    ranks.fair = rank_host_read(0, &own) == 0 && is_fair(own.policy);
    ranks.nice = ranks.fair ? own.nice : 0;
}

/* Has it to stand back for threads like the sentry's? */
static bool is_low(const struct sched_attributes *attributes)
{
    return ranks.fair && (attributes->policy == SCHED_IDLE || (is_fair(attributes->policy) && attributes->nice > ranks.nice));
}

/* --- marks; the mutex is held --- */

static int nice_of_mark(size_t mark)
{
    int nice = ranks.nice - 1 - (int)mark;
    return nice < NICE_HIGHEST ? NICE_HIGHEST : nice;
}

/* SCHEDULE_MARKS: it is none. */
static size_t mark_of(const struct sched_attributes *attributes)
{
    if (ranks.fair && attributes->policy == SCHED_BATCH)
        for (size_t mark = 0; mark < SCHEDULE_MARKS; mark++)
            if (attributes->nice == nice_of_mark(mark))
                return mark;
    return SCHEDULE_MARKS;
}

static struct original *original_of(const struct sched_attributes *native)
{
    size_t mark = mark_of(native);
    struct original *original = mark < SCHEDULE_MARKS ? &ranks.marks[mark] : NULL;
    return original != NULL && original->used && !original->guests ? original : NULL;
}

static struct sched_attributes shown(const struct sched_attributes *native)
{
    struct sched_attributes attributes = *native;
    const struct original *original = original_of(native);
    if (original != NULL) {
        attributes.policy = original->policy;
        attributes.nice = original->nice;
    }
    return attributes;
}

static bool stands_for(const struct original *original, const struct sched_attributes *attributes)
{
    return original->used && original->policy == attributes->policy && original->nice == attributes->nice;
}

/* The mark for a rank; if there are too many ranks at once, the last one, which then stands for more than it should.
 * SCHEDULE_MARKS: there is none left. */
static size_t mark_for(const struct sched_attributes *attributes)
{
    size_t found = SCHEDULE_MARKS, last = SCHEDULE_MARKS;
    for (size_t mark = 0; mark < SCHEDULE_MARKS; mark++) {
        struct original *original = &ranks.marks[mark];
        if (original->guests)
            continue;
        last = mark;
        if (stands_for(original, attributes)) {
            found = mark;
            break;
        }
        if (!original->carried && (found == SCHEDULE_MARKS || !original->used))
            found = mark;
    }
    if (found == SCHEDULE_MARKS)
        return last;
    struct original *original = &ranks.marks[found];
    *original = (struct original){.used = true, .carried = true, .policy = attributes->policy, .nice = attributes->nice};
    return found;
}

/* The guest wants a rank that looks like a mark. True if that can be had now; else time has passed. */
static bool claim(const struct sched_attributes *attributes)
{
    size_t mark = mark_of(attributes);
    if (mark == SCHEDULE_MARKS)
        return true;
    if (!ranks.marks[mark].carried) {
        ranks.marks[mark].guests = true;
        return true;
    }
    receiver_step_aside();
    (void)pthread_cond_wait(&ranks.given_back, &ranks.mutex);
    return false;
}

/* --- setting; the mutex is held --- */

static struct sched_attributes fair_like(const struct sched_attributes *like, uint32_t policy, int nice)
{
    return (struct sched_attributes){.size = sizeof(*like),
                                     .policy = policy,
                                     .nice = nice,
                                     .flags = like->flags & RANK_RESET_ON_FORK,
                                     .runtime = is_fair(like->policy) || like->policy == SCHED_IDLE ? like->runtime : 0};
}

static int write_fair(const struct sentry *sentry, pid_t tid, const struct sched_attributes *like, uint32_t policy, int nice)
{
    const struct sched_attributes attributes = fair_like(like, policy, nice);
    return rank_host_write(sentry, tid, &attributes);
}

/* Policies without a nice value of their own keep the thread's for later: not a mark's. */
static int write_rank(const struct sentry *sentry, pid_t tid, const struct sched_attributes *native,
                      const struct sched_attributes *wanted)
{
    int result = 0;
    if (!is_fair(wanted->policy) && original_of(native) != NULL)
        result = write_fair(sentry, tid, native, SCHED_OTHER, shown(native).nice);
    if (result == 0)
        result = rank_host_write(sentry, tid, wanted);
    return result;
}

static int write_nice(const struct sentry *sentry, pid_t tid, const struct sched_attributes *native, int nice)
{
    const struct original *original = original_of(native);
    if (original == NULL)
        return rank_host_write_nice(sentry, tid, nice);
    uint32_t policy = original->policy;
    int result = write_fair(sentry, tid, native, is_fair(policy) ? policy : (uint32_t)SCHED_OTHER, nice);
    const struct sched_attributes idle = {
        .size = sizeof(idle), .policy = SCHED_IDLE, .flags = native->flags & RANK_RESET_ON_FORK};
    return result == 0 && policy == SCHED_IDLE ? rank_host_write(sentry, tid, &idle) : result;
}

/* From now on somebody looks whether it holds up others. */
static void watch(const struct sentry *sentry, pid_t tid, const struct sched_attributes *attributes)
{
    if (is_low(attributes) && rank_host_can_raise(sentry, tid, nice_of_mark(SCHEDULE_MARKS - 1)))
        boost_watch(sentry);
}

/* --- for the calls --- */

int rank_read(const struct sentry *sentry, pid_t tid, struct sched_attributes *ret_attributes)
{
    (void)sentry;
    struct sched_attributes native;
    bool paused = begin();
    int result = rank_host_read(tid, &native);
    if (result == 0)
        *ret_attributes = shown(&native);
    end(paused);
    return result;
}

static struct sched_attributes complete(const struct sched_attributes *now, const struct sched_attributes *wanted, unsigned int keep)
{
    struct sched_attributes whole = *wanted;
    whole.size = sizeof(whole);
    whole.flags &= ~(uint64_t)RANK_FLAGS_KEPT;
    if ((keep & RANK_KEEP_POLICY) != 0) {
        whole.policy = now->policy;
        whole.flags = (whole.flags & ~(uint64_t)RANK_RESET_ON_FORK) | (now->flags & RANK_RESET_ON_FORK);
    }
    if ((keep & RANK_KEEP_PARAMETERS) != 0) {
        whole.priority = now->priority;
        whole.runtime = now->runtime;
        whole.deadline = now->deadline;
        whole.period = now->period;
    }
    if ((keep & (RANK_KEEP_NICE | RANK_KEEP_PARAMETERS)) != 0)
        whole.nice = now->nice;
    return whole;
}

static int set_once(const struct sentry *sentry, pid_t tid, const struct sched_attributes *wanted, unsigned int keep,
                    const struct rank_rights *rights)
{
    struct sched_attributes native;
    int result = rank_host_read(tid, &native);
    if (result < 0)
        return result;
    const struct sched_attributes now = shown(&native), whole = complete(&now, wanted, keep);
    result = rank_judge(&now, &whole, rights);
    if (result == 0 && !claim(&whole))
        return -EAGAIN;
    if (result == 0)
        result = write_rank(sentry, tid, &native, &whole);
    if (result == 0)
        watch(sentry, tid, &whole);
    return result;
}

static int set_nice_once(const struct sentry *sentry, pid_t tid, int nice, const struct rank_rights *rights)
{
    struct sched_attributes native;
    int result = rank_host_read(tid, &native);
    if (result < 0)
        return result;
    struct sched_attributes wanted = shown(&native);
    if (nice < wanted.nice && nice < rights->lowest_nice && !rights->capable)
        return -EACCES;
    wanted.nice = nice;
    if (!claim(&wanted))
        return -EAGAIN;
    result = write_nice(sentry, tid, &native, nice);
    if (result == 0)
        watch(sentry, tid, &wanted);
    return result;
}

int rank_set(const struct sentry *sentry, pid_t tid, const struct sched_attributes *wanted, unsigned int keep,
             const struct rank_rights *rights)
{
    int result;
    bool paused = begin();
    do
        result = set_once(sentry, tid, wanted, keep, rights);
    while (result == -EAGAIN);
    end(paused);
    return result;
}

int rank_set_nice(const struct sentry *sentry, pid_t tid, int nice, const struct rank_rights *rights)
{
    if (!rights->owner && !rights->capable)
        return -EPERM;
    int result;
    bool paused = begin();
    do
        result = set_nice_once(sentry, tid, nice, rights);
    while (result == -EAGAIN);
    end(paused);
    return result;
}

int rank_set_io(const struct sentry *sentry, pid_t tid, int priority)
{
    bool paused = begin();
    int result = rank_host_write_io(sentry, tid, priority);
    end(paused);
    return result;
}

void rank_look_at(const struct sentry *sentry, pid_t pid)
{
    struct sched_attributes native;
    bool paused = begin();
    if (rank_host_read(pid, &native) == 0) {
        (void)claim(&native);
        watch(sentry, pid, &native);
    }
    end(paused);
}

/* --- raising, and giving back --- */

/* One look at all threads. The mutex is held. */
struct round {
    const struct sentry *sentry;
    int (*visit)(struct round *round, pid_t tid, const struct sched_attributes *native);
    unsigned int low, marked;
    size_t count; /* of what is to be done yet */
    struct rank_raise raises[RANK_RAISES_MAX];
};

static int visit_thread(pid_t tid, void *data)
{
    struct round *round = data;
    struct sched_attributes native;
    return rank_host_read(tid, &native) < 0 ? 0 : round->visit(round, tid, &native);
}

static int visit_process(pid_t pid, void *data)
{
    enum { SENTRY = 1 };
    struct round *round = data;
    if (pid != SENTRY)
        (void)scan_pids(round->sentry, pid, visit_thread, round);
    return 0;
}

static void raise_requested(struct round *round)
{
    round->marked += rank_host_raise(round->sentry, round->raises, round->count);
    round->count = 0;
}

static int raise_thread(struct round *round, pid_t tid, const struct sched_attributes *native)
{
    size_t mark = is_low(native) ? mark_for(native) : SCHEDULE_MARKS;
    if (mark == SCHEDULE_MARKS)
        return 0;
    round->raises[round->count++] =
        (struct rank_raise){.tid = tid, .attributes = fair_like(native, SCHED_BATCH, nice_of_mark(mark))};
    if (round->count == RANK_RAISES_MAX)
        raise_requested(round);
    return 0;
}

static int give_back_thread(struct round *round, pid_t tid, const struct sched_attributes *native)
{
    const struct original *original = original_of(native);
    round->low += is_low(native);
    if (original == NULL)
        return 0;
    round->marked++;
    (void)write_nice(round->sentry, tid, native, original->nice);
    return 0;
}

unsigned int rank_raise(const struct sentry *sentry)
{
    struct round round = {.sentry = sentry, .visit = raise_thread};
    bool paused = begin();
    (void)scan_pids(sentry, 0, visit_process, &round);
    raise_requested(&round);
    end(paused);
    return round.marked;
}

/* What is raised may make more of its kind while we look, where we have looked already, and end. So a round that finds none is not
 * enough; and what escapes two is given back what its mark stood for when it is found later. */
bool rank_give_back(const struct sentry *sentry, unsigned int *ret_low)
{
    struct round round = {.sentry = sentry, .visit = give_back_thread};
    unsigned int clean = 0;
    bool paused = begin();
    for (unsigned int pass = 0; pass < GIVE_BACK_PASSES && clean < CLEAN_PASSES; pass++) {
        round.low = round.marked = 0;
        bool seen = scan_pids(sentry, 0, visit_process, &round) == 0;
        clean = seen && round.marked == 0 ? clean + 1 : 0;
    }
    for (size_t mark = 0; mark < SCHEDULE_MARKS && clean == CLEAN_PASSES; mark++)
        ranks.marks[mark].carried = false;
    (void)pthread_cond_broadcast(&ranks.given_back);
    end(paused);
    *ret_low = round.low + round.marked;
    return clean == CLEAN_PASSES;
}
