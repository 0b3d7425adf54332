/* SPDX-License-Identifier: Apache-2.0 */
/*
 * getpeername(2). The kernel has all names as the guest gave them (gofer/bind.c), so getsockname(2) is its own. Only what was bound outside
 * the container may have a name from there, a path of the host's: that one is shown by the name it was reached by.
 */
#include <string.h>

#include "postern/cleanup.h"
#include "sentry/net/native.h"
#include "sentry/net/net.h"
#include "sentry/net/unix.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/handlers.h"

static int64_t show_unix(struct call *call, const struct unix_address *address)
{
    struct sockaddr_un bytes;
    size_t size = unix_address_format(address, &bytes);
    /* A path of 108 bytes has no NUL in the structure, but the kernel counts and shows one. */
    char shown[sizeof(bytes) + 1] = {0};
    memcpy(shown, &bytes, sizeof(bytes));
    return guest_sockaddr_write(call, call->args[1], call->args[2], shown, size);
}

static const struct unix_address *shown_peer(const struct call *call, const struct guest_socket *socket)
{
    const struct socket_record *record = socket->domain != AF_UNIX
                                             ? NULL
                                             : sockets_find(call->sentry->net->sockets, socket->cookie);
    return record != NULL ? record->shown_peer : NULL;
}

int64_t sys_getpeername(struct call *call)
{
    auto_socket struct guest_socket socket = {.fd = -1};
    int error = guest_socket_get(call, arg_int(call, 0), &socket);
    if (error < 0)
        return error;
    struct sockaddr_storage bytes = {0};
    socklen_t size = sizeof(bytes);
    error = native_peer_name(socket.fd, (struct sockaddr *)&bytes, &size);
    if (error < 0)
        return error;
    const struct unix_address *shown = shown_peer(call, &socket);
    if (shown != NULL) {
        const struct unix_address address = *shown;
        return show_unix(call, &address);
    }
    return guest_sockaddr_write(call, call->args[1], call->args[2], &bytes, size < sizeof(bytes) ? size : sizeof(bytes));
}
