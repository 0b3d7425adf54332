/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/platform/parked.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "sentry/kernel/process.h"
#include "sentry/kernel/status.h"
#include "sentry/platform/call.h"
#include "sentry/platform/platform.h"
#include "sentry/platform/trace.h"
#include "sentry/sentry.h"

enum { PARKED_MAX = 1024, BATCH = 8, PAUSE_NS = 3000000 };

struct parked_call {
    struct call call;
    struct parked parked;
    pid_t tid;
    uint64_t since; /* CLOCK_MONOTONIC, ns; only for the trace */
    struct parked_call *next;
};

struct parked_list {
    struct parked_call *first, *last; /* last: if there is a first */
    atomic_size_t count; /* read without the state lock too */
    uint64_t due;        /* by now_ns */
};

struct parked_list *parked_list_new(void)
{
    return calloc(1, sizeof(struct parked_list));
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

static void append(struct parked_list *list, struct parked_call *entry)
{
    entry->next = NULL;
    if (list->first == NULL)
        list->first = entry;
    else
        list->last->next = entry;
    list->last = entry;
    list->count++;
}

int64_t parked_add(struct parked_list *list, const struct call *call, const struct parked *parked)
{
    struct parked_call *entry = list->count < PARKED_MAX ? calloc(1, sizeof(*entry)) : NULL;
    if (entry == NULL) {
        parked->cancel(parked->state);
        return -EAGAIN;
    }
    *entry = (struct parked_call){
        .call = *call, .parked = *parked, .tid = call->task->tid, .since = now_ns()};
    platform_hold_listener(call->sentry->platform, call->listener);
    append(list, entry);
    return CALL_PENDING;
}

/* A second line for the call: the first said that it waits. */
static void trace_end(struct parked_call *entry, int64_t result)
{
    struct trace *trace = entry->call.sentry->trace;
    struct trace_line line;
    if (trace == NULL)
        return;
    trace_begin(&entry->call, &line);
    trace_call(trace, &line, &entry->call, result, now_ns() - entry->since);
}

static int64_t ask_bound(struct parked_call *entry)
{
    int64_t result = entry->parked.poll(&entry->call, entry->parked.state);
    struct host_status status;
    if (result != CALL_PENDING || host_status_read(entry->call.sentry, entry->tid, &status) < 0 ||
        !status_signal_deliverable(&status))
        return result;
    entry->parked.cancel(entry->parked.state);
    return entry->parked.interrupted;
}

/* The value to answer with, CALL_PENDING, or CALL_ANSWERED when nobody waits for an answer any more. */
static int64_t ask(struct parked_call *entry)
{
    struct call *call = &entry->call;
    bool asking = platform_is_asking(call->sentry, call->listener, call->id);
    struct task *task = asking ? task_find(call->sentry->processes, entry->tid) : NULL;
    if (task == NULL) {
        entry->parked.cancel(entry->parked.state);
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

/* In turn, a few at a time and not with every call that is served: a guest may park as many as it likes. */
void parked_poll(struct parked_list *list)
{
    uint64_t now = now_ns();
    if (now < list->due)
        return;
    list->due = now + PAUSE_NS;
    size_t asked = list->count < BATCH ? list->count : BATCH;
    for (; asked > 0; asked--) {
        struct parked_call *entry = list->first;
        if (entry == NULL)
            break; /* another thread asked the rest while we waited */
        list->first = entry->next;
        list->count--;
        int64_t result = ask(entry);
        if (result == CALL_PENDING) {
            append(list, entry);
            continue;
        }
        platform_answer(&entry->call, result);
        platform_let_go_listener(entry->call.sentry->platform, entry->call.listener);
        free(entry);
    }
}
