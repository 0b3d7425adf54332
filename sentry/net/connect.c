/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connect(2). A Unix socket is connected by us or, to a path, by the gofer: never by the caller, on an address in memory that
 * another thread may have changed since we judged it. So we know who came to be connected, and the other side is told (peer.h). Other
 * addresses the guest connects to itself.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "postern/cleanup.h"
#include "sentry/net/native.h"
#include "sentry/net/net.h"
#include "sentry/net/patience.h"
#include "sentry/net/peer.h"
#include "sentry/net/unix.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/handlers.h"

/* The kernel shows the name the other side was bound by. If that was outside the container, it may be a path of the host's: then
 * it is shown by the name that led to it. */
static void remember_shown(const struct call *call, const struct guest_socket *socket, const struct unix_address *address,
                           bool bound_here)
{
    struct unix_address native;
    struct unix_address *shown = NULL;
    if (!bound_here && unix_native_peer(socket->fd, &native) == 0 && !unix_address_equal(&native, address))
        shown = malloc(sizeof(*shown));
    struct socket_record *record = shown != NULL ? guest_socket_record(call, socket)
                                                 : sockets_find(call->sentry->net->sockets, socket->cookie);
    if (record == NULL) {
        free(shown);
        return;
    }
    if (shown != NULL)
        *shown = *address;
    free(record->shown_peer);
    record->shown_peer = shown;
}

/* -EAGAIN if the other side's queue is full. */
static int connect_path(struct call *call, const struct guest_socket *socket, const struct unix_address *address)
{
    struct socket_file file;
    int error = unix_connect_path(call, socket->fd, address, &file);
    if (error == 0)
        remember_shown(call, socket, address, sockets_find_by_file(call->sentry->net->sockets, &file) != NULL);
    return error;
}

static int connect_abstract(const struct call *call, const struct guest_socket *socket, const struct unix_address *address)
{
    struct sockaddr_un bytes;
    size_t size = unix_address_format(address, &bytes);
    peer_begin(call);
    int error = native_connect(socket->fd, (const struct sockaddr *)&bytes, (socklen_t)size);
    peer_end(call);
    return error;
}

static int64_t attempt(struct call *call, const struct guest_socket *socket, const struct unix_address *address)
{
    return address->kind == UNIX_PATH ? connect_path(call, socket, address) : connect_abstract(call, socket, address);
}

/* --- waiting for room in the other's queue --- */

struct connecting {
    struct unix_address address;
    struct guest_socket socket;
    struct patience patience;
};

static void connecting_free(void *state)
{
    struct connecting *connecting = state;
    guest_socket_release(&connecting->socket);
    free(connecting);
}

static int64_t poll_connecting(struct call *call, void *state)
{
    struct connecting *connecting = state;
    int64_t result = attempt(call, &connecting->socket, &connecting->address);
    if (result == -EAGAIN && !patience_ended(&connecting->patience))
        return CALL_PENDING;
    connecting_free(connecting);
    return result;
}

static int64_t connect_unix(struct call *call, struct guest_socket *socket, const struct unix_address *address)
{
    struct patience patience = patience_of(socket->fd, SO_SNDTIMEO);
    int64_t result = attempt(call, socket, address);
    if (result != -EAGAIN || !guest_socket_blocks(socket))
        return result;
    struct connecting *connecting = malloc(sizeof(*connecting));
    if (connecting == NULL)
        return -ENOMEM;
    *connecting = (struct connecting){.address = *address, .socket = *socket, .patience = patience};
    connecting->socket.fd = take_fd(&socket->fd);
    const struct parked parked = {.poll = poll_connecting,
                                  .cancel = connecting_free,
                                  .state = connecting,
                                  .interrupted = patience_interrupted(&patience)};
    return call_park(call, &parked);
}

int64_t sys_connect(struct call *call)
{
    auto_socket struct guest_socket socket = {.fd = -1};
    int error = guest_socket_get(call, arg_int(call, 0), &socket);
    if (error < 0)
        return error;
    struct sockaddr_storage bytes;
    int size = guest_sockaddr_read(call, call->args[1], arg_int(call, 2), &bytes);
    if (size < 0)
        return size;
    if (socket.domain != AF_UNIX)
        return CALL_CONTINUE;
    if (sockaddr_family(&bytes, (size_t)size) == AF_UNSPEC) /* takes the address off again, or is wrong */
        return native_connect(socket.fd, (const struct sockaddr *)&bytes, (socklen_t)size);

    struct unix_address address;
    error = unix_address_parse(&bytes, (size_t)size, &address);
    if (error < 0 || address.kind == UNIX_UNNAMED)
        return -EINVAL;
    return connect_unix(call, &socket, &address);
}
