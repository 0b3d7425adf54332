/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message sent in a guest's place, copied in whole: to a path, which we find; or with credentials in it, which we judge; or with urgent
 * data of TCP. All else a guest sends itself.
 */
#ifndef SENTRY_NET_OUTGOING_H
#define SENTRY_NET_OUTGOING_H

#include <stdbool.h>

#include "sentry/net/message.h"
#include "sentry/net/patience.h"
#include "sentry/net/unix.h"

struct net;

struct outgoing {
    struct guest_socket socket; /* the guest's, which it is sent by */
    struct sockaddr_storage name; /* to whom, as the guest gave it; */
    socklen_t name_size;          /* 0: to whom the socket is connected */
    struct unix_address path;     /* of kind UNIX_PATH: it goes there */
    int flags;
    bool has_claim;
    struct ucred claim;
    struct patience patience;
    struct net *net; /* while it waits for room: it counts there, */
    uid_t user;      /* for him */
    size_t fd_count;
    int fds[MESSAGE_FDS_MAX]; /* owned */
    uint64_t length_address; /* sendmmsg(2): where the length goes, the value being 1; else 0 */
    size_t size, sent;
    char data[];
};

/* An empty one with room for `size` bytes; takes the socket over. NULL: no memory. */
struct outgoing *outgoing_new(struct guest_socket *socket, int flags, size_t size);

/* To an address of `size` bytes. */
void outgoing_set_name(struct outgoing *outgoing, const struct sockaddr_storage *name, size_t size);
struct outgoing *outgoing_free(struct outgoing *outgoing);

static inline void cleanup_outgoing(struct outgoing **outgoing)
{
    (void)outgoing_free(*outgoing);
}
#define auto_outgoing __attribute__((cleanup(cleanup_outgoing)))

/* The control messages of a guest's: descriptors and who sends, judged. 0 or -errno. */
int outgoing_add_control(struct call *call, struct outgoing *outgoing, const char *control, size_t size);

/* Sends it, without waiting: bytes, -EAGAIN or another -errno. What of a stream has been sent is noted. */
int64_t outgoing_attempt(struct call *call, struct outgoing *outgoing);

/* Sends and frees it; waits for room as the socket and the flags say. Returns the call's value. */
int64_t outgoing_send(struct call *call, struct outgoing *outgoing);

#endif
