/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where calls come in. Each filter has a listener: the container's init has one for itself and all it makes, and each process of
 * `exec` another. There may be many: whatever goes on running after such a process has ended keeps its listener.
 *
 * Only a direct wait keeps the wake-up on the guest's own core (loop.c), and each descriptor that is waited for directly makes every wait
 * a little dearer. So the few listeners used last are waited for directly, all others by way of one epoll descriptor.
 *
 * A listener is a call's, too, that came by it and is not answered: it is referenced by each, and stays open as long. What its last
 * process leaves behind may be such a call.
 */
#ifndef SENTRY_PLATFORM_LISTENERS_H
#define SENTRY_PLATFORM_LISTENERS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

struct listener;
struct listeners;
struct seccomp_notif;

enum { LISTENERS_WAIT_MAX = 8 }; /* that are waited for directly */

int listener_fd(const struct listener *listener);
struct listener *listener_get(struct listener *listener);
struct listener *listener_put(struct listener *listener); /* accepts NULL, returns NULL */

struct listeners *listeners_new(void); /* NULL: no means */

/* One more (owned by the set if it succeeds). 0 or -errno. Any thread; all that follows is the receiver's. */
int listeners_add(struct listeners *set, int fd);

/* The epoll descriptor. Borrowed. */
int listeners_epoll(const struct listeners *set);
/* Fills in what else to poll; how many. */
size_t listeners_wait_set(const struct listeners *set, struct pollfd fds[LISTENERS_WAIT_MAX]);

/* Takes a call from one of these that is ready; NULL: from any of the others, if one is. False: there was none, or the listener has
 * ended and is forgotten. *ret_listener is a reference. */
bool listeners_receive(struct listeners *set, const struct pollfd *ready, struct seccomp_notif *ret_notification,
                       struct listener **ret_listener);

/* Has there been one, and is there none any more? */
bool listeners_ended(const struct listeners *set);

#endif
