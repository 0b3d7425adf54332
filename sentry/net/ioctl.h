/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SENTRY_NET_IOCTL_H
#define SENTRY_NET_IOCTL_H

#include <stdint.h>

struct call;

/* ioctl(2) on a socket: what is not answered for all objects. fd: our copy, closed if the call is answered within. -ENOTTY for what sockets do not know either. */
int64_t socket_ioctl(struct call *call, int *fd);

#endif
