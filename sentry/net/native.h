/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls on our copy of a guest's socket. None waits for the other side. But the host locks a socket while one of the guest's own threads
 * copies into it or out of it, and its memory may be long in coming (a file on a slow disk is mapped there); so the state lock is let go of
 * meanwhile (platform/worker.h).
 *
 * All return 0 or a count, or -errno.
 */
#ifndef SENTRY_NET_NATIVE_H
#define SENTRY_NET_NATIVE_H

#include <sys/socket.h>
#include <sys/types.h>

int native_bind(int fd, const struct sockaddr *address, socklen_t size);
int native_listen(int fd, int backlog);
/* -EAGAIN: it would wait. */
int native_connect(int fd, const struct sockaddr *address, socklen_t size);
int native_peer_name(int fd, struct sockaddr *ret_address, socklen_t *size);
/* Of SOL_SOCKET. */
int native_set(int fd, int name, const void *value, socklen_t size);

/* With MSG_DONTWAIT and, when sending, MSG_NOSIGNAL. */
ssize_t native_send(int fd, const struct msghdr *message, int flags);
ssize_t native_receive(int fd, struct msghdr *message, int flags);

#endif
