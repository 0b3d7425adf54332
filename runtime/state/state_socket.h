/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets in a container's state folder, by which later commands reach the sentry and a waiting init. */
#ifndef RUNTIME_STATE_STATE_SOCKET_H
#define RUNTIME_STATE_STATE_SOCKET_H

struct error;

/* A listening seqpacket socket, replacing one that is there. A descriptor or -errno. */
int state_socket_listen(int folder, const char *name, struct error *error);
/* A connection to it. A descriptor or -errno. */
int state_socket_connect(int folder, const char *name, struct error *error);

#endif
