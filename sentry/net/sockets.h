/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sentry remembers of single Unix sockets and the host kernel does not know. A record belongs to one socket for that
 * socket's life: its key is the cookie, which the kernel gives no second one.
 *
 * Bounded, and every user of the container has a share of his own: whoever fills it loses what was remembered of the sockets he
 * has not used for longest. So nothing may depend on a record being there but looks.
 */
#ifndef SENTRY_NET_SOCKETS_H
#define SENTRY_NET_SOCKETS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sentry/net/sockaddr.h"

struct sockets;

enum { SOCKETS_SHARE = 1024, SOCKETS_MAX = 8192 };

struct socket_file {
    uint64_t device, inode; /* 0: none */
};

struct socket_record {
    uint64_t cookie;
    struct socket_file file;         /* that names it: bound by us */
    bool credentials;                /* it has, or has had, SO_PASSCRED */
    uint64_t empty_us;               /* when no message lay in it for certain; CLOCK_BOOTTIME */
    struct unix_address *shown_peer; /* what it is connected to, where the kernel has a name from outside the container for it */
    struct socket_share *share;
    struct socket_record *next, *previous; /* in the share, the one not used for longest first */
};

struct sockets *sockets_new(void);
void sockets_free(struct sockets *sockets);

/* Borrowed: good until the next wait, or the next sockets_obtain. NULL: nothing is remembered. */
struct socket_record *sockets_find(struct sockets *sockets, uint64_t cookie);
/* The latest one with that name. */
struct socket_record *sockets_find_by_file(struct sockets *sockets, const struct socket_file *file);

/* The record of a socket, made if there is none, in the share of a user. NULL: no memory. */
struct socket_record *sockets_obtain(struct sockets *sockets, uint64_t cookie, uid_t user);

/* 0 or -ENOMEM. */
int sockets_name_file(struct sockets *sockets, struct socket_record *record, const struct socket_file *file);

#endif
