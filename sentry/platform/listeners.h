/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listeners that calls come by: the container's, and one of each process that was executed into it. One ends with the last task that
 * has its filter; calls of it may be in the hands of other threads then, or parked. Its descriptor is closed when none is any more, so
 * that the number they know is no other object's meanwhile.
 */
#ifndef SENTRY_PLATFORM_LISTENERS_H
#define SENTRY_PLATFORM_LISTENERS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

enum { LISTENERS_MAX = 64 };

struct listeners;

struct listeners *listeners_new(void);

/* 0, then it is owned, or -ENOSPC. */
int listeners_add(struct listeners *listeners, int fd);

/* Those that calls may come by, to be polled; how many. `fds` has room for LISTENERS_MAX. */
size_t listeners_poll_set(struct listeners *listeners, struct pollfd *fds);

/* None comes by it any more. It may be said again. False: it was the last one. */
bool listeners_end(struct listeners *listeners, int fd);

/* A call that came by it, and when nobody has that any more. The first is for the receiver, who alone ends one, or for who holds
 * it already. */
void listeners_hold(struct listeners *listeners, int fd);
void listeners_let_go(struct listeners *listeners, int fd);

#endif
