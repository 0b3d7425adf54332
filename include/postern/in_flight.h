/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors on their way in messages. The kernel counts them for the sender's user until somebody takes them, and refuses more than
 * the sender's soft RLIMIT_NOFILE (ETOOMANYREFS). Sentry and gofer send messages of guests, who may leave them lying; what they
 * send of their own must get through all the same. So a part of what they may have is kept for that.
 */
#ifndef POSTERN_IN_FLIGHT_H
#define POSTERN_IN_FLIGHT_H

#include <stddef.h>

/* Raises the soft limit of descriptors to what is not kept back. Returns it; 0 if there is no telling. */
size_t in_flight_reserve(void);

/* socket_send(), and out of what is kept if there is no room otherwise. Any thread. */
int in_flight_send(int socket, const void *data, size_t size, const int *fds, size_t fd_count);

#endif
