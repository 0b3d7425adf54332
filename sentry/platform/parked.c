/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/platform/parked.h"

#include <errno.h>
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
    size_t count;
    uint64_t due; /* by now_ns */
};

struct parked_list *parked_list_new(void)
{
    return calloc(1, sizeof(struct parked_list));
}

bool parked_any(const struct parked_list *list)
{
    return list->first != NULL;
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
    append(list, entry);
    return CALL_PENDING;
}

/* The value to answer with, CALL_PENDING, or CALL_ANSWERED when nobody waits for an answer any more. */
static int64_t ask(struct parked_call *entry)
{
    struct call *call = &entry->call;
    if (!platform_is_asking(call->sentry, call->listener, call->id)) {
        entry->parked.cancel(entry->parked.state);
        return CALL_ANSWERED;
    }
    call->task = task_find(call->sentry->processes, entry->tid);
    if (call->task == NULL) {
        entry->parked.cancel(entry->parked.state);
        return -ESRCH;
    }
    int64_t result = entry->parked.poll(call, entry->parked.state);
    if (result != CALL_PENDING)
        return result;
    struct host_status status;
    if (host_status_read(call->sentry, entry->tid, &status) == 0 && status_signal_deliverable(&status)) {
        entry->parked.cancel(entry->parked.state);
        return entry->parked.interrupted;
    }
    return CALL_PENDING;
}

/* A second line for the call: the first said that it waits. */
static void trace_end(struct parked_call *entry, int64_t result)
{
    struct trace *trace = entry->call.sentry->trace;
    if (trace == NULL || entry->call.task == NULL)
        return;
    trace_begin(trace, &entry->call);
    trace_call(trace, &entry->call, result, now_ns() - entry->since);
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
        list->first = entry->next;
        list->count--;
        int64_t result = ask(entry);
        if (result == CALL_PENDING) {
            append(list, entry);
            continue;
        }
        trace_end(entry, result);
        platform_answer(&entry->call, result);
        free(entry);
    }
}
