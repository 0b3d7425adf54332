/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sign that a call has come, for one who must not wait in the listener itself (platform/boost.h).
 *
 * Whoever waits in poll(2), or by epoll(7), goes back into the listener when he is woken, and may be stuck there. Only a poll request of
 * asynchronous I/O (io_submit(2), IOCB_CMD_POLL) is done with by the wake-up itself, and makes an eventfd readable on the way.
 */
#ifndef SENTRY_PLATFORM_DOZE_H
#define SENTRY_PLATFORM_DOZE_H

#include <stdbool.h>
#include <stddef.h>

struct doze;

/* sign: an eventfd, borrowed. NULL if memory is out. */
struct doze *doze_new(int sign);

/* From now on a call on any of these makes `sign` readable. False if the host does not do that, or they are too many. The receiver alone. */
bool doze_begin(struct doze *doze, const int *listeners, size_t count);

/* A listener has been closed. */
void doze_forget(struct doze *doze);

#endif
