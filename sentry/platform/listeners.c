/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/platform/listeners.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/platform/notify.h"

CONFINE_ALLOW(epoll_create1, "listeners");
CONFINE_ALLOW(epoll_ctl, "listeners");
CONFINE_ALLOW(epoll_wait, "listeners");

struct listener {
    int fd;
    atomic_uint references; /* the set's, and those of calls */
    uint64_t used;          /* by the set's count of calls */
};

struct listeners {
    int epoll;                           /* of all but the direct ones */
    struct listener *direct[LISTENERS_WAIT_MAX]; /* the receiver's */
    size_t direct_count;
    uint64_t calls;
    atomic_size_t count;
    atomic_bool begun;
};

int listener_fd(const struct listener *listener)
{
    return listener->fd;
}

struct listener *listener_get(struct listener *listener)
{
    atomic_fetch_add(&listener->references, 1);
    return listener;
}

struct listener *listener_put(struct listener *listener)
{
    if (listener == NULL || atomic_fetch_sub(&listener->references, 1) != 1)
        return NULL;
    (void)close(listener->fd);
    free(listener);
    return NULL;
}

struct listeners *listeners_new(void)
{
    auto_free struct listeners *set = calloc(1, sizeof(*set));
    if (set == NULL || (set->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
        return NULL;
    return take_ptr(set);
}

/* --- direct or not --- */

static int wait_by_epoll(const struct listeners *set, struct listener *listener)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = listener};
    return epoll_ctl(set->epoll, EPOLL_CTL_ADD, listener->fd, &event) < 0 ? -errno : 0;
}

static struct listener **used_least_lately(struct listeners *set)
{
    struct listener **least = &set->direct[0];
    for (size_t i = 1; i < set->direct_count; i++)
        if (set->direct[i]->used < (*least)->used)
            least = &set->direct[i];
    return least;
}

/* One that was waited for by epoll has had a call. */
static void wait_directly(struct listeners *set, struct listener *listener)
{
    struct listener **place = &set->direct[set->direct_count];
    if (set->direct_count == LISTENERS_WAIT_MAX) {
        place = used_least_lately(set);
        if (wait_by_epoll(set, *place) < 0)
            return;
    } else {
        set->direct_count++;
    }
    *place = listener;
    (void)epoll_ctl(set->epoll, EPOLL_CTL_DEL, listener->fd, NULL);
}

int listeners_add(struct listeners *set, int fd)
{
    struct listener *listener = calloc(1, sizeof(*listener));
    if (listener == NULL)
        return -ENOMEM;
    *listener = (struct listener){.fd = fd};
    atomic_init(&listener->references, 1);
    notify_prepare(fd);
    set->count++;
    set->begun = true;
    int error = wait_by_epoll(set, listener);
    if (error < 0) {
        set->count--;
        free(listener);
    }
    return error;
}

static void drop(struct listeners *set, struct listener *listener)
{
    bool direct = false;
    for (size_t i = 0; i < set->direct_count && !direct; i++) {
        direct = set->direct[i] == listener;
        if (direct)
            set->direct[i] = set->direct[--set->direct_count];
    }
    if (!direct) /* a call may hold it open */
        (void)epoll_ctl(set->epoll, EPOLL_CTL_DEL, listener->fd, NULL);
    set->count--;
    (void)listener_put(listener);
}

bool listeners_ended(const struct listeners *set)
{
    return set->begun && set->count == 0;
}

/* --- waiting --- */

int listeners_epoll(const struct listeners *set)
{
    return set->epoll;
}

size_t listeners_wait_set(const struct listeners *set, struct pollfd fds[LISTENERS_WAIT_MAX])
{
    for (size_t i = 0; i < set->direct_count; i++)
        fds[i] = (struct pollfd){.fd = set->direct[i]->fd, .events = POLLIN};
    return set->direct_count;
}

static struct listener *find_direct(const struct listeners *set, int fd)
{
    for (size_t i = 0; i < set->direct_count; i++)
        if (set->direct[i]->fd == fd)
            return set->direct[i];
    return NULL;
}

/* Both have the same names for the same events. */
_Static_assert(EPOLLIN == POLLIN && EPOLLHUP == POLLHUP && EPOLLERR == POLLERR, "events of epoll are those of poll");

static struct listener *find_ready(const struct listeners *set, const struct pollfd *ready, unsigned int *ret_events)
{
    if (ready != NULL) {
        *ret_events = (unsigned int)(unsigned short)ready->revents;
        return find_direct(set, ready->fd);
    }
    struct epoll_event event;
    if (epoll_wait(set->epoll, &event, 1, 0) != 1)
        return NULL;
    *ret_events = event.events;
    return event.data.ptr;
}

bool listeners_receive(struct listeners *set, const struct pollfd *ready, struct seccomp_notif *ret_notification,
                       struct listener **ret_listener)
{
    unsigned int events = 0;
    struct listener *listener = find_ready(set, ready, &events);
    if (listener == NULL)
        return false;
    if ((events & POLLIN) == 0) {
        if ((events & (POLLHUP | POLLNVAL)) != 0) /* POLLERR: whoever asked was interrupted, by a freezer perhaps */
            drop(set, listener);
        return false;
    }
    if (notify_receive(listener->fd, ret_notification) < 0)
        return false;
    listener->used = ++set->calls;
    *ret_listener = listener_get(listener);
    if (ready == NULL)
        wait_directly(set, listener);
    return true;
}
