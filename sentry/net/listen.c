/* SPDX-License-Identifier: Apache-2.0 */
/* listen(2). Whoever connects is told who listens: as he was at this call. */
#include <sys/socket.h>

#include "sentry/net/native.h"
#include "sentry/net/peer.h"
#include "sentry/net/unix.h"
#include "sentry/syscalls/handlers.h"

int64_t sys_listen(struct call *call)
{
    auto_socket struct guest_socket socket = {.fd = -1};
    int error = guest_socket_get(call, arg_int(call, 0), &socket);
    if (error < 0)
        return error;
    if (socket.domain != AF_UNIX)
        return CALL_CONTINUE;
    /* On our copy: the number may be another socket's by the time the caller goes on. */
    peer_begin(call);
    int result = native_listen(socket.fd, arg_int(call, 1));
    peer_end(call);
    return result;
}
