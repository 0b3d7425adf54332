/* SPDX-License-Identifier: Apache-2.0 */
/* A datagram a guest sends to a path, copied in whole: what sendto(2) and sendmsg(2) have in common. */
#ifndef SENTRY_NET_DATAGRAM_H
#define SENTRY_NET_DATAGRAM_H

#include "sentry/net/unix.h"

enum { DATAGRAM_MAX = 256 * 1024, DATAGRAM_FDS_MAX = 253 /* SCM_MAX_FD */ };

struct datagram {
    struct unix_address address;
    struct guest_socket socket; /* the guest's, which it is sent by */
    int flags;
    bool waits; /* for room: its descriptors count */
    size_t fd_count;
    int fds[DATAGRAM_FDS_MAX]; /* owned */
    size_t size;
    char data[];
};

/* An empty one with room for `size` bytes; takes the socket over. NULL: no memory. */
struct datagram *datagram_new(struct guest_socket *socket, const struct unix_address *address, int flags, size_t size);
struct datagram *datagram_free(struct datagram *datagram);

static inline void cleanup_datagram(struct datagram **datagram)
{
    (void)datagram_free(*datagram);
}
#define auto_datagram __attribute__((cleanup(cleanup_datagram)))

/* Sends and frees it; waits for room as the socket and the flags say. Returns the call's value. */
int64_t datagram_send(struct call *call, struct datagram *datagram);

#endif
