/* SPDX-License-Identifier: Apache-2.0 */
/* The sentry's part of the network: Unix sockets, as far as names and credentials are concerned. One for the container. */
#ifndef SENTRY_NET_NET_H
#define SENTRY_NET_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sentry/kernel/share.h"

struct claims;
struct people;
struct senders;
struct sentry;
struct sockets;

struct net {
    struct sentry *sentry;
    struct sockets *sockets;
    struct people *peers;    /* whom the marks of sockets mean */
    struct claims *claims;   /* and the tickets of messages */
    struct senders *senders; /* who sends without one */
    struct share waiting_fds, waiting_bytes; /* of messages that wait for room */
    bool credentials;        /* some socket has, or has had, SO_PASSCRED */
};

/* NULL: no memory. */
struct net *net_new(struct sentry *sentry);

/* CLOCK_BOOTTIME in microseconds: what all times in this folder are. */
uint64_t net_now_us(void);

#endif
