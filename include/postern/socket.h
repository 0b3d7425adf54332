/* SPDX-License-Identifier: Apache-2.0 */
/* Messages with descriptors over Unix sockets (unix(7), SCM_RIGHTS). */
#ifndef POSTERN_SOCKET_H
#define POSTERN_SOCKET_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#define SOCKET_FDS_MAX 12

/* With this flag sendmmsg(2) of one message and recvmsg(2) without waiting run natively in the cell: for what our own code does there while nobody
 * may answer yet, or in a guest's name. It means nothing for Unix sockets; a guest that uses it has from the host
 * kernel what that gives, and fools nobody but itself. */
#define MSG_OF_OURS MSG_CONFIRM

/* Sends one message with up to SOCKET_FDS_MAX descriptors (borrowed). Never raises SIGPIPE.
 * Returns 0 or -errno. */
int socket_send(int socket, const void *data, size_t size, const int *fds, size_t fd_count);

/* The same for a process that has the cell's filter: that one stops it at sendmsg(2), and there may be nobody yet who answers. */
int socket_send_from_cell(int socket, const void *data, size_t size, const int *fds, size_t fd_count);

/* Receives one message. Received descriptors are close-on-exec and owned by the caller; unused
 * entries of fds are set to -1. A message or control part cut short is -EMSGSIZE (and whatever
 * arrived is closed). Returns the size, 0 at end of file, or -errno. What the other end said before it closed is received even if
 * something of ours was unread then; the end of file comes behind it. */
ssize_t socket_receive(int socket, void *data, size_t size, int *fds, size_t fd_max, size_t *ret_fd_count);

/* socketpair(2) of SOCK_SEQPACKET, close-on-exec. */
int socket_pair(int ret_fds[2]);

#endif
