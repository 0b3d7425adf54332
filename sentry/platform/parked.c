/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/platform/parked.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "sentry/kernel/fair.h"
#include "sentry/kernel/process.h"
#include "sentry/kernel/share.h"
#include "sentry/kernel/status.h"
#include "sentry/platform/listeners.h"
#include "sentry/platform/platform.h"
#include "sentry/platform/trace.h"
#include "sentry/platform/transient.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"

enum { PARKED_MAX = 4096, DESCRIPTORS_PER_CALL = 8 /* of ours; a message has more, and a bound of its own */, BATCH = 8, PAUSE_NS = 3000000, SIGNAL_STAYS_NS = 2000000 };

struct parked_call {
    struct fair_item item;
    struct call call; /* with a reference to its listener */
    struct parked parked;
    pid_t tid;
    bool begun;
    uint64_t since; /* CLOCK_MONOTONIC, ns; only for the trace */
    uint64_t round; /* in which it was asked last */
    uint64_t signalled; /* by now_ns: since when there is a signal that may be another thread's to take; 0: there is none */
};

struct parked_list {
    struct share share; /* of calls that are begun */
    struct fair_queue begun, turns;
    atomic_size_t count;
    uint64_t due;   /* by now_ns */
    uint64_t round;
};

struct parked_list *parked_list_new(void)
{
    struct rlimit files;
    struct parked_list *list = calloc(1, sizeof(*list));
    if (list == NULL)
        return NULL;
    list->share.all = PARKED_MAX;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_max / DESCRIPTORS_PER_CALL < PARKED_MAX)
        list->share.all = files.rlim_max / DESCRIPTORS_PER_CALL;
    return list;
}

bool parked_any(const struct parked_list *list)
{
    return list->count > 0;
}

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* --- waiting --- */

static struct fair_queue *queue_of(struct parked_list *list, const struct parked_call *entry)
{
    return entry->begun ? &list->begun : &list->turns;
}

static struct parked_call *entry_of(struct fair_item *item)
{
    return (struct parked_call *)((char *)item - offsetof(struct parked_call, item));
}

static struct parked_call *enter(struct parked_list *list, uid_t user, bool begun)
{
    struct parked_call *entry = calloc(1, sizeof(*entry));
    if (entry == NULL)
        return NULL;
    entry->begun = begun;
    if (fair_add(queue_of(list, entry), &entry->item, user) < 0) {
        free(entry);
        return NULL;
    }
    list->count++;
    return entry;
}

/* It has been taken out of its queue. */
static void leave(struct parked_list *list, struct parked_call *entry)
{
    if (entry->begun)
        share_give(&list->share, fair_user(&entry->item), 1);
    fair_done(queue_of(list, entry), &entry->item);
    list->count--;
    free(entry);
}

int64_t parked_add(struct parked_list *list, const struct call *call, const struct parked *parked)
{
    const uid_t user = call->cred->ruid;
    bool taken = share_take(&list->share, user, 1);
    struct parked_call *entry = taken ? enter(list, user, true) : NULL;
    if (entry == NULL) {
        if (taken)
            share_give(&list->share, user, 1);
        parked->cancel(parked->state);
        return parked->refused != 0 ? parked->refused : -EAGAIN;
    }
    entry->call = *call;
    (void)listener_get(entry->call.listener);
    entry->parked = *parked;
    entry->tid = call->task->tid;
    entry->since = now_ns();
    return CALL_PENDING;
}

int64_t parked_wait_turn(struct parked_list *list, const struct turn *turn)
{
    struct parked_call *entry = enter(list, turn->user, false);
    if (entry == NULL)
        return -EAGAIN;
    entry->call = turn->call;
    entry->tid = turn->tid;
    return CALL_PENDING;
}

bool parked_take_turn(struct parked_list *list, struct turn *ret_turn)
{
    struct fair_item *item = fair_take(&list->turns, worker_has_room);
    if (item == NULL)
        return false;
    struct parked_call *entry = entry_of(item);
    *ret_turn = (struct turn){.call = entry->call, .tid = entry->tid, .user = fair_user(item)};
    leave(list, entry);
    return true;
}

/* --- asking --- */

/* A second line for the call: the first said that it waits. */
static void trace_end(struct parked_call *entry, int64_t result)
{
    struct trace *trace = entry->call.sentry->trace;
    struct trace_line line;
    if (trace == NULL || !entry->begun)
        return;
    trace_begin(&entry->call, &line);
    trace_call(trace, &line, &entry->call, result, now_ns() - entry->since);
}

static void cancel(struct parked_call *entry)
{
    if (entry->begun)
        entry->parked.cancel(entry->parked.state);
}

/* Whoever is running takes a signal at once: one that stays is taken by a thread that waits in a call of ours. */
static bool stays(struct parked_call *entry)
{
    uint64_t now = now_ns();
    if (entry->signalled == 0)
        entry->signalled = now;
    return now - entry->signalled >= SIGNAL_STAYS_NS;
}

static int64_t interrupt(struct parked_call *entry, bool perhaps)
{
    int64_t result = entry->begun ? entry->parked.interrupted : -ERESTARTNOINTR;
    cancel(entry);
    if (!perhaps)
        return result;
    state_resume(state_pause()); /* what is to be closed is, before the answer */
    int64_t answered = transient_interrupt(&entry->call, result);
    return answered == CALL_ANSWERED ? answered : result;
}

static int64_t poll_entry(struct parked_call *entry)
{
    return entry->begun ? entry->parked.poll(&entry->call, entry->parked.state) : CALL_PENDING;
}

static int64_t ask_bound(struct parked_call *entry)
{
    int64_t result = poll_entry(entry);
    struct host_status status;
    if (result != CALL_PENDING || host_status_read(entry->call.sentry, entry->tid, &status) < 0)
        return result;
    const bool perhaps = status_signal_for_any(&status);
    if (!status_signal_deliverable(&status))
        entry->signalled = 0;
    else if (!perhaps || stays(entry)) {
        result = poll_entry(entry); /* what came meanwhile came first: the other end of a FIFO is open by then, and would be told of nobody */
        return result == CALL_PENDING ? interrupt(entry, perhaps) : result;
    }
    return result;
}

/* The value to answer with, CALL_PENDING, or CALL_ANSWERED when nobody waits for an answer any more. */
static int64_t ask(struct parked_call *entry)
{
    struct call *call = &entry->call;
    struct task *task = task_find(call->sentry->processes, entry->tid);
    bool asking = platform_is_asking(call->sentry, call->listener, call->id); /* then the id was not another's by now */
    if (task == NULL || !asking) {
        cancel(entry);
        return asking ? -ESRCH : CALL_ANSWERED;
    }
    call_bind(call, task);
    int64_t result = ask_bound(entry);
    if (result != CALL_PENDING)
        trace_end(entry, result);
    call_unbind(call);
    return result;
}

void parked_wake(struct parked_list *list)
{
    list->due = 0;
}

/* The next in turn. False: there is none (or other threads are asking all there are), or the calling thread should not go on. */
static bool ask_next(struct parked_list *list, struct fair_queue *queue)
{
    struct fair_item *item = fair_take(queue, NULL);
    if (item == NULL)
        return false;
    struct parked_call *entry = entry_of(item);
    bool again = entry->round == list->round; /* there are few */
    int64_t result = CALL_PENDING;
    entry->round = list->round;
    if (!again && (!entry->begun || worker_may_serve(fair_user(item)))) {
        result = ask(entry);
        if (result != CALL_PENDING)
            state_resume(state_pause()); /* what is to be closed is, before the answer */
        (void)worker_has_served(); /* the answer may have been long in coming */
    }
    if (result == CALL_PENDING) {
        fair_put_back(item);
    } else {
        platform_answer(&entry->call, result);
        (void)listener_put(entry->call.listener);
        leave(list, entry);
    }
    return is_receiver();
}

/* A few at a time and not with every call that is served: a guest may park as many as it likes. */
void parked_poll(struct parked_list *list)
{
    uint64_t now = now_ns();
    if (now < list->due)
        return;
    list->due = now + PAUSE_NS;
    list->round++;
    for (int asked = 0; asked < BATCH && ask_next(list, &list->begun); asked++)
        continue;
    for (int asked = 0; asked < BATCH && ask_next(list, &list->turns); asked++)
        continue;
}
