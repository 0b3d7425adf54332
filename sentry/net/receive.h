/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receiving in the guest's place: messages that say who sent them (unix(7), SO_PASSCRED). The host would vouch for the one id all guests
 * are to it; so we receive, and write what is true.
 */
#ifndef SENTRY_NET_RECEIVE_H
#define SENTRY_NET_RECEIVE_H

#include <stdbool.h>

#include "sentry/net/message.h"
#include "sentry/net/unix.h"

struct arrival;

/* Is the socket one of those, or was it ever? One that was may be again while the host receives. */
bool receive_is_ours(const struct call *call, int fd);

/* It has become one just now. Notes whether messages lie in it already. */
void receive_begin(const struct call *call, const struct guest_socket *socket);

/* Descriptors that the kernel does not install and only the caller itself can take (O_PATH), and where their numbers go. */
struct path_fds {
    size_t count;
    int fds[MESSAGE_FDS_MAX]; /* owned */
    uint64_t numbers[MESSAGE_FDS_MAX];
};
void path_fds_release(struct path_fds *path_fds);

/* One message on its way to the guest. */
struct incoming {
    const struct guest_socket *socket;
    struct message message; /* owned */
    int flags;
    struct arrival *arrival; /* what has come so far; owned */
    uint64_t since;          /* it was not sent before; CLOCK_BOOTTIME, us */
    struct path_fds *path_fds;
};
void incoming_release(struct incoming *incoming);

/* -EAGAIN: nothing is there, or not all that was wanted (MSG_WAITALL). Else the message's length, which has been written to the guest, or
 * another -errno. */
int64_t incoming_try(struct call *call, struct incoming *incoming);
/* Makes do with what has come: its length, or -EAGAIN. After a signal the kernel hands out no control messages. */
int64_t incoming_finish(struct call *call, struct incoming *incoming, bool signalled);

#endif
