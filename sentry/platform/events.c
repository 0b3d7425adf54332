/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/platform/events.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/kernel/id_map.h"
#include "sentry/platform/worker.h"

CONFINE_ALLOW(epoll_create1, "events that are not calls");
CONFINE_ALLOW(epoll_ctl, "events that are not calls");
CONFINE_ALLOW(epoll_wait, "events that are not calls");

enum { EVENTS_AT_ONCE = 32 };

struct watch {
    void (*ready)(void *data); /* NULL: unwatched */
    void *data;
    struct watch *next; /* of the retired */
};

struct events {
    int epoll;
    int always; /* readable; armed to wake whoever waits */
    struct id_map watches; /* by descriptor + 1 */
    struct watch *retired; /* unwatched while events may still name them; freed between two events */
};

struct events *events_new(int calls)
{
    auto_free struct events *events = calloc(1, sizeof(*events));
    if (events == NULL || (events->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0 || (events->always = eventfd(1, EFD_CLOEXEC)) < 0)
        return NULL;
    struct epoll_event event = {.events = EPOLLIN}, disarmed = {.events = 0};
    bool added = epoll_ctl(events->epoll, EPOLL_CTL_ADD, calls, &event) == 0 &&
                 epoll_ctl(events->epoll, EPOLL_CTL_ADD, events->always, &disarmed) == 0;
    return added ? take_ptr(events) : NULL;
}

int events_descriptor(const struct events *events)
{
    return events->epoll;
}

void events_wake(const struct events *events)
{
    struct epoll_event armed = {.events = EPOLLIN | EPOLLONESHOT};
    (void)epoll_ctl(events->epoll, EPOLL_CTL_MOD, events->always, &armed);
}

int events_watch(struct events *events, int fd, uint32_t which, void (*ready)(void *data), void *data)
{
    struct watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL)
        return -ENOMEM;
    *watch = (struct watch){.ready = ready, .data = data};
    struct epoll_event event = {.events = which, .data.ptr = watch};
    int error = id_map_set(&events->watches, (uint64_t)fd + 1, watch);
    if (error == 0 && epoll_ctl(events->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
        error = -errno;
        id_map_remove(&events->watches, (uint64_t)fd + 1, watch);
    }
    if (error < 0)
        free(watch);
    return error;
}

void events_unwatch(struct events *events, int fd)
{
    struct watch *watch = id_map_get(&events->watches, (uint64_t)fd + 1);
    if (watch == NULL)
        return;
    (void)epoll_ctl(events->epoll, EPOLL_CTL_DEL, fd, NULL);
    id_map_remove(&events->watches, (uint64_t)fd + 1, watch);
    watch->ready = NULL;
    watch->next = events->retired;
    events->retired = watch;
}

static void free_retired(struct events *events)
{
    while (events->retired != NULL) {
        struct watch *watch = events->retired;
        events->retired = watch->next;
        free(watch);
    }
}

/* One event at a time: what is unwatched while it is acted upon is not named by another that has been fetched already. Whoever has been
 * replaced leaves the rest: some of it may be there to wake the one that sleeps now. */
void events_run(struct events *events)
{
    struct epoll_event event;
    for (int i = 0; i < EVENTS_AT_ONCE && is_receiver() && epoll_wait(events->epoll, &event, 1, 0) == 1; i++) {
        struct watch *watch = event.data.ptr;
        if (watch != NULL && watch->ready != NULL)
            watch->ready(watch->data);
        free_retired(events);
    }
}
