/* SPDX-License-Identifier: Apache-2.0 */
/* What the socket handlers share. */
#ifndef SENTRY_NET_UNIX_H
#define SENTRY_NET_UNIX_H

#include "sentry/net/known.h"
#include "sentry/net/sockaddr.h"
#include "sentry/platform/call.h"
#include "sentry/vfs/vfs.h"

/* A guest's socket: our copy of the descriptor, and what it is. */
struct guest_socket {
    int fd;
    int domain, type;
    uint64_t inode;
};
void guest_socket_release(struct guest_socket *socket);
#define auto_socket __attribute__((cleanup(guest_socket_release)))

/* -EBADF, -ENOTSOCK. */
int guest_socket_get(struct call *call, int guest_fd, struct guest_socket *ret_socket);

/* Copies an address in as the kernel does: -EINVAL for a hostile length, -EFAULT. Returns its size. */
int guest_sockaddr_read(struct call *call, uint64_t address, int size, struct sockaddr_storage *ret_address);

/* Copies an address out, cut to the room the guest gave, and its true size. */
int guest_sockaddr_write(struct call *call, uint64_t address, uint64_t size_address, const void *bytes, size_t size);

/* Our own view of a socket's native name or its peer's. */
int unix_native_name(int fd, struct unix_address *ret_address);
int unix_native_peer(int fd, struct unix_address *ret_address);

/* Who the caller is, as SO_PEERCRED tells it. */
struct socket_peer socket_peer_of(const struct call *call);

/* The socket file at a path the caller may write to (connect, sendto). -ECONNREFUSED if it is no socket. */
int unix_find_file(struct call *call, const struct unix_address *address, struct dentry **ret_dentry);

#endif
