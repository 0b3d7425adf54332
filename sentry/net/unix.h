/* SPDX-License-Identifier: Apache-2.0 */
/* What the socket handlers share. */
#ifndef SENTRY_NET_UNIX_H
#define SENTRY_NET_UNIX_H

#include "sentry/net/sockaddr.h"
#include "sentry/net/sockets.h"
#include "sentry/platform/call.h"
#include "sentry/vfs/vfs.h"

struct mark;

/* A guest's socket: our copy of the descriptor, and what it is. */
struct guest_socket {
    int fd;
    int domain, type;
    uint64_t cookie; /* the kernel's number for it, never given twice; 0 for other than Unix sockets */
};
void guest_socket_release(struct guest_socket *socket);
#define auto_socket __attribute__((cleanup(guest_socket_release)))

/* -EBADF, -ENOTSOCK. */
int guest_socket_get(struct call *call, int guest_fd, struct guest_socket *ret_socket);

/* The same of our copy of a descriptor, which is taken over. */
int guest_socket_of(int *fd, struct guest_socket *ret_socket);

/* May the description wait, as its owner has it just now? */
bool guest_socket_blocks(const struct guest_socket *socket);

/* Copies an address in as the kernel does: -EINVAL for a hostile length, -EFAULT. Returns its size. */
int guest_sockaddr_read(struct call *call, uint64_t address, int size, struct sockaddr_storage *ret_address);

/* Copies an address out, cut to the room the guest gave, and its true size. */
int guest_sockaddr_write(struct call *call, uint64_t address, uint64_t size_address, const void *bytes, size_t size);

/* Our own view of a socket's name or its peer's. */
int unix_native_name(int fd, struct unix_address *ret_address);
int unix_native_peer(int fd, struct unix_address *ret_address);

/* What is remembered of a socket, made if there is nothing, in the caller's share. Borrowed as in sockets.h; NULL: no memory. */
struct socket_record *guest_socket_record(const struct call *call, const struct guest_socket *socket);

/* Where a file is, for sockets.h. */
struct socket_file socket_file_of(const struct statx *attributes);

/* The socket file at a path the caller may write to (connect, sendto). -ECONNREFUSED if it is no socket. */
int unix_find_file(struct call *call, const struct unix_address *address, struct dentry **ret_dentry);

/* Connects our copy of a socket to the socket file at a path; *ret_file is the one it was. The other side is told of the caller.
 * -EAGAIN: it would wait. */
int unix_connect_path(struct call *call, int fd, const struct unix_address *address, struct socket_file *ret_file);

#endif
