/* SPDX-License-Identifier: Apache-2.0 */
/* A message received on our copy of a guest's socket, with all that came with it. Nothing here waits. */
#ifndef SENTRY_NET_ARRIVAL_H
#define SENTRY_NET_ARRIVAL_H

#include "sentry/net/control.h"
#include "sentry/net/message.h"
#include "sentry/net/unix.h"

struct arrival {
    size_t room, got; /* of data; for a datagram that was cut, `got` is its true length */
    char *data;       /* owned */
    struct sockaddr_storage name;
    struct msghdr header;
    union {
        char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int) * MESSAGE_FDS_MAX) + 512];
        struct cmsghdr align;
    } control;
};

/* For as much as the guest has room for. -EAGAIN: nothing is there. */
int arrival_receive(const struct guest_socket *socket, const struct message *message, int flags, struct arrival **ret_arrival);
struct arrival *arrival_free(struct arrival *arrival); /* accepts NULL, returns NULL; descriptors that came are closed */

/* Is there room, and may more follow, for a receiver that wants all of it (MSG_WAITALL)? */
bool arrival_wants_more(const struct guest_socket *socket, const struct arrival *arrival);
/* Takes more of a stream, if it is of the same sender. 0: there is more room; 1: that was all; -EAGAIN. */
int arrival_receive_more(const struct guest_socket *socket, struct arrival *arrival);

#endif
