/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ports that several sockets share (SO_REUSEPORT). Linux lets only sockets of one user share one, so that nobody takes another's
 * connections away. To the host all sockets of the guest are one user's. So whose a port is is kept here: of whoever bound it last; and
 * the option is set by the sentry alone, never while the socket is being bound.
 */
#ifndef SENTRY_NET_PORTS_H
#define SENTRY_NET_PORTS_H

#include <stdbool.h>

#include "sentry/net/unix.h"

struct call;

/* bind(2) of an internet socket. */
int ports_bind(struct call *call, const struct guest_socket *socket, const struct sockaddr_storage *address, int size);
/* SO_REUSEPORT. */
int ports_set_shared(const struct guest_socket *socket, int value);

#endif
