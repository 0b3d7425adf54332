/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that happens and is not a call: a process has ended, the gofer hung up, a command connects. Under the state lock. */
#ifndef SENTRY_PLATFORM_EVENTS_H
#define SENTRY_PLATFORM_EVENTS_H

#include <stdint.h>

struct events;

/* calls: a descriptor that makes ours readable too; whoever waits looks there himself. NULL: no means. */
struct events *events_new(int calls);
/* Readable when something has happened. Borrowed. */
int events_descriptor(const struct events *events);

/* Calls ready(data) whenever one of these (of epoll) happens on fd (borrowed), until it is unwatched. 0 or -errno. */
int events_watch(struct events *events, int fd, uint32_t which, void (*ready)(void *data), void *data);
void events_unwatch(struct events *events, int fd);

/* Whoever waits for it looks again, though nothing has happened. Any thread, without the lock too. */
void events_wake(const struct events *events);

/* Some of what has happened. The receiver's; one that is replaced meanwhile leaves the rest. */
void events_run(struct events *events);

#endif
