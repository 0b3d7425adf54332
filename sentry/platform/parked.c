/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/platform/parked.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "sentry/kernel/process.h"
#include "sentry/kernel/share.h"
#include "sentry/kernel/status.h"
#include "sentry/platform/listeners.h"
#include "sentry/platform/platform.h"
#include "sentry/platform/trace.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"

enum { PARKED_MAX = 4096, DESCRIPTORS_PER_CALL = 8 /* of ours; a message has more, and a bound of its own */, BATCH = 8, PAUSE_NS = 3000000 };

struct user;

struct parked_call {
    struct call call; /* with a reference to its listener */
    struct parked parked;
    pid_t tid;
    bool begun;
    uint64_t since; /* CLOCK_MONOTONIC, ns; only for the trace */
    uint64_t round; /* in which it was asked last */
    struct user *user;
    struct parked_call *next;
};

struct queue {
    struct parked_call *first, *last; /* last: if there is a first */
};

/* Somebody with waiting calls. */
struct user {
    uid_t id;
    size_t count; /* of his calls, one that is just being asked included */
    struct queue begun, turns;
    bool turns_next; /* of the two queues, it is asked of them by turns */
    struct user *next, *previous; /* a ring */
};

struct parked_list {
    struct share share; /* of calls that are begun */
    struct id_map users; /* by id + 1 */
    struct user *ring;   /* who is asked next */
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

/* --- whose they are --- */

static struct user *user_obtain(struct parked_list *list, uid_t id)
{
    struct user *user = id_map_get(&list->users, (uint64_t)id + 1);
    if (user != NULL)
        return user;
    user = calloc(1, sizeof(*user));
    if (user == NULL || id_map_set(&list->users, (uint64_t)id + 1, user) < 0) {
        free(user);
        return NULL;
    }
    struct user *behind = list->ring != NULL ? list->ring : user;
    *user = (struct user){.id = id, .next = behind, .previous = behind == user ? user : behind->previous};
    user->previous->next = user;
    user->next->previous = user;
    list->ring = behind;
    return user;
}

static void user_forget(struct parked_list *list, struct user *user)
{
    id_map_remove(&list->users, (uint64_t)user->id + 1, user);
    user->previous->next = user->next;
    user->next->previous = user->previous;
    if (list->ring == user)
        list->ring = user->next == user ? NULL : user->next;
    free(user);
}

static struct queue *queue_of(const struct parked_call *entry)
{
    return entry->begun ? &entry->user->begun : &entry->user->turns;
}

static void append(struct parked_call *entry)
{
    struct queue *queue = queue_of(entry);
    entry->next = NULL;
    if (queue->first == NULL)
        queue->first = entry;
    else
        queue->last->next = entry;
    queue->last = entry;
}

static struct parked_call *take_first(struct queue *queue)
{
    struct parked_call *entry = queue->first;
    if (entry != NULL)
        queue->first = entry->next;
    return entry;
}

static struct parked_call *enter(struct parked_list *list, uid_t id)
{
    struct user *user = user_obtain(list, id);
    struct parked_call *entry = user == NULL ? NULL : calloc(1, sizeof(*entry));
    if (entry == NULL) {
        if (user != NULL && user->count == 0)
            user_forget(list, user);
        return NULL;
    }
    entry->user = user;
    user->count++;
    list->count++;
    return entry;
}

/* It is in no queue. */
static void leave(struct parked_list *list, struct parked_call *entry)
{
    struct user *user = entry->user;
    if (entry->begun)
        share_give(&list->share, user->id, 1);
    list->count--;
    free(entry);
    if (--user->count == 0)
        user_forget(list, user);
}

/* --- waiting --- */

int64_t parked_add(struct parked_list *list, const struct call *call, const struct parked *parked)
{
    const uid_t id = call->cred->ruid;
    struct parked_call *entry = share_take(&list->share, id, 1) ? enter(list, id) : NULL;
    if (entry == NULL) {
        parked->cancel(parked->state);
        return parked->refused != 0 ? parked->refused : -EAGAIN;
    }
    entry->call = *call;
    (void)listener_get(entry->call.listener);
    entry->parked = *parked;
    entry->tid = call->task->tid;
    entry->begun = true;
    entry->since = now_ns();
    append(entry);
    return CALL_PENDING;
}

int64_t parked_wait_turn(struct parked_list *list, const struct turn *turn)
{
    struct parked_call *entry = enter(list, turn->user);
    if (entry == NULL)
        return -EAGAIN;
    entry->call = turn->call;
    entry->tid = turn->tid;
    append(entry);
    return CALL_PENDING;
}

bool parked_take_turn(struct parked_list *list, struct turn *ret_turn)
{
    struct user *user = list->ring;
    while (user != NULL && (user->turns.first == NULL || !worker_has_room(user->id)))
        user = user->next == list->ring ? NULL : user->next;
    if (user == NULL)
        return false;
    struct parked_call *entry = take_first(&user->turns);
    *ret_turn = (struct turn){.call = entry->call, .tid = entry->tid, .user = user->id};
    list->ring = user->next;
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

static int64_t ask_bound(struct parked_call *entry)
{
    int64_t result = entry->begun ? entry->parked.poll(&entry->call, entry->parked.state) : CALL_PENDING;
    struct host_status status;
    if (result != CALL_PENDING || host_status_read(entry->call.sentry, entry->tid, &status) < 0 ||
        !status_signal_deliverable(&status))
        return result;
    cancel(entry);
    return entry->begun ? entry->parked.interrupted : -ERESTARTNOINTR;
}

/* The value to answer with, CALL_PENDING, or CALL_ANSWERED when nobody waits for an answer any more. */
static int64_t ask(struct parked_call *entry)
{
    struct call *call = &entry->call;
    bool asking = platform_is_asking(call->sentry, call->listener, call->id);
    struct task *task = asking ? task_find(call->sentry->processes, entry->tid) : NULL;
    if (task == NULL) {
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

static struct parked_call *take_of(struct user *user)
{
    struct queue *const queues[] = {&user->begun, &user->turns};
    struct parked_call *entry = take_first(queues[user->turns_next]);
    user->turns_next = !user->turns_next;
    return entry != NULL ? entry : take_first(queues[user->turns_next]);
}

/* NULL: all there are, are being asked by other threads. */
static struct parked_call *take_next(struct parked_list *list)
{
    struct user *user = list->ring;
    struct parked_call *entry = user != NULL ? take_of(user) : NULL;
    while (entry == NULL && user != NULL) {
        user = user->next == list->ring ? NULL : user->next;
        entry = user != NULL ? take_of(user) : NULL;
    }
    if (entry != NULL)
        list->ring = user->next;
    return entry;
}

/* The next in turn. False: the calling thread should not go on. */
static bool ask_next(struct parked_list *list)
{
    struct parked_call *entry = take_next(list);
    if (entry == NULL)
        return false;
    bool again = entry->round == list->round; /* there are few */
    int64_t result = CALL_PENDING;
    entry->round = list->round;
    if (!again && (!entry->begun || worker_may_serve(entry->user->id))) {
        result = ask(entry);
        /* The answer may have been long in coming. */
        (void)worker_has_served();
    }
    if (result == CALL_PENDING) {
        append(entry);
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
    for (int asked = 0; asked < BATCH && ask_next(list); asked++)
        continue;
}
