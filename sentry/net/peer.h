/* SPDX-License-Identifier: Apache-2.0 */
/* Who is at the other end of a socket: who made the call by which the two came together, as he was then. */
#ifndef SENTRY_NET_PEER_H
#define SENTRY_NET_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "postern/mark.h"

struct call;
struct guest_socket;

enum { OVERFLOW_ID = 65534 }; /* of whoever is unknown */

/* The caller, as a mark for what he does just now. False: there are no labels, or no numbers left; then he stays unknown. */
bool peer_mark(const struct call *call, struct mark *ret_mark);

/* We wear the caller's mark between the two, if there is one: for connect, listen and socketpair. */
void peer_begin(const struct call *call);
void peer_end(const struct call *call);

/* The mark of a socket's other end. False: it has none of ours. */
bool peer_of(int fd, struct mark *ret_mark);

/* getsockopt(2), SO_PEERCRED and SO_PEERGROUPS. */
int64_t peer_credentials(struct call *call, const struct guest_socket *socket);
int64_t peer_groups(struct call *call, const struct guest_socket *socket);

#endif
