/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sendto(2) with an address. A path is for us to find: the datagram goes out through a socket the gofer has connected
 * to it, which is the guest's own if it has a name to be answered at, and a nameless one of ours if not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/fs/gofer_client.h"
#include "sentry/net/unix.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/file.h"
#include "sentry/syscalls/handlers.h"

CONFINE_ALLOW_IF(socket, 0, UINT32_MAX, AF_UNIX, "a nameless sender of datagrams");
CONFINE_ALLOW(sendto, "datagrams of a guest to a path");
CONFINE_ALLOW(connect, "takes the address off again"); /* AF_UNSPEC only; an address is read from memory */

enum { DATAGRAM_MAX = 256 * 1024 };

struct sending {
    struct unix_address address;
    struct guest_socket socket;
    int flags;
    size_t size;
    char data[];
};

static void sending_free(void *state)
{
    struct sending *sending = state;
    guest_socket_release(&sending->socket);
    free(sending);
}

static bool is_connected(int fd)
{
    struct sockaddr_un peer;
    socklen_t size = sizeof(peer);
    return getpeername(fd, (struct sockaddr *)&peer, &size) == 0;
}

static void disconnect(int fd)
{
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    (void)connect(fd, &nobody, sizeof(nobody));
}

static int64_t send_through(struct call *call, int fd, const char *path, const struct sending *sending)
{
    int error = gofer_connect(call->sentry->gofer, fd, path);
    if (error < 0)
        return error;
    ssize_t sent = send(fd, sending->data, sending->size, sending->flags | MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent < 0 ? -errno : sent;
}

static int64_t attempt(struct call *call, const struct sending *sending)
{
    auto_dentry struct dentry *file = NULL;
    int error = unix_find_file(call, &sending->address, &file);
    if (error < 0)
        return error;
    char path[VFS_PATH_MAX];
    ssize_t length = dentry_relative_path(file, path, sizeof(path));
    if (length < 0)
        return length;

    struct unix_address own;
    error = unix_native_name(sending->socket.fd, &own);
    if (error < 0)
        return error;
    if (own.kind != UNIX_UNNAMED && !is_connected(sending->socket.fd)) {
        int64_t result = send_through(call, sending->socket.fd, path, sending);
        disconnect(sending->socket.fd);
        return result;
    }
    auto_close int sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return sender < 0 ? -errno : send_through(call, sender, path, sending);
}

static int64_t poll_sending(struct call *call, void *state)
{
    struct sending *sending = state;
    int64_t result = attempt(call, sending);
    if (result == -EAGAIN)
        return CALL_PENDING;
    sending_free(sending);
    return result;
}

static int64_t send_to_path(struct call *call, struct guest_socket *socket, const struct unix_address *address)
{
    uint64_t size = call->args[2];
    if (size > DATAGRAM_MAX)
        return -EMSGSIZE;
    struct sending *sending = malloc(sizeof(*sending) + (size_t)size);
    if (sending == NULL)
        return -ENOMEM;
    *sending =
        (struct sending){.address = *address, .socket = *socket, .flags = arg_int(call, 3), .size = (size_t)size};
    sending->socket.fd = take_fd(&socket->fd);
    int64_t result = guest_read(call, call->args[1], sending->data, (size_t)size);
    if (result == 0)
        result = attempt(call, sending);
    int flags = fcntl(sending->socket.fd, F_GETFL);
    bool wait = flags >= 0 && (flags & O_NONBLOCK) == 0 && (sending->flags & MSG_DONTWAIT) == 0;
    if (result != -EAGAIN || !wait) {
        sending_free(sending);
        return result;
    }
    const struct parked parked = {
        .poll = poll_sending, .cancel = sending_free, .state = sending, .interrupted = -ERESTARTSYS};
    return call_park(call, &parked);
}

int64_t sys_sendto(struct call *call)
{
    auto_socket struct guest_socket socket = {.fd = -1};
    int error = guest_socket_get(call, arg_int(call, 0), &socket);
    if (error < 0)
        return error;
    if (socket.domain != AF_UNIX || socket.type != SOCK_DGRAM)
        return CALL_CONTINUE; /* internet addresses; and stream sockets, which take none */
    struct sockaddr_storage bytes;
    int size = guest_sockaddr_read(call, call->args[4], arg_int(call, 5), &bytes);
    if (size < 0)
        return size;
    if (size == 0)
        return CALL_CONTINUE;
    struct unix_address address;
    error = unix_address_parse(&bytes, (size_t)size, &address);
    if (error < 0 || address.kind == UNIX_UNNAMED)
        return -EINVAL;
    return address.kind == UNIX_PATH ? send_to_path(call, &socket, &address) : CALL_CONTINUE;
}
