/* SPDX-License-Identifier: Apache-2.0 */
/* getsockopt(2): what the guard does not let through natively. */
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "sentry/net/peer.h"
#include "sentry/net/unix.h"
#include "sentry/syscalls/handlers.h"

enum { PEERGROUPS = 59 };

/* What protocols say of an option of a level that is not theirs, and of one of their own they do not know. */
static int64_t unknown_option(const struct guest_socket *socket, int level)
{
    int own = socket->type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
    if (socket->domain == AF_UNIX)
        return level == SOL_SOCKET ? -ENOPROTOOPT : -EOPNOTSUPP;
    bool known = level == SOL_SOCKET || level == IPPROTO_IP || level == own;
    return known || socket->domain != AF_INET ? -ENOPROTOOPT : -EOPNOTSUPP;
}

int64_t sys_getsockopt(struct call *call)
{
    auto_socket struct guest_socket socket = {.fd = -1};
    int error = guest_socket_get(call, arg_int(call, 0), &socket);
    if (error < 0)
        return error;
    int level = arg_int(call, 1), name = arg_int(call, 2);
    if (level == SOL_SOCKET && name == SO_PEERCRED)
        return peer_credentials(call, &socket);
    if (level == SOL_SOCKET && name == PEERGROUPS)
        return peer_groups(call, &socket);
    return unknown_option(&socket, level);
}
