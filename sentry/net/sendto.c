/* SPDX-License-Identifier: Apache-2.0 */
/* sendto(2) with an address. Only a path of a Unix socket needs us to reach its goal. */
#include <errno.h>

#include "postern/cleanup.h"
#include "sentry/net/datagram.h"
#include "sentry/syscalls/handlers.h"

static int64_t send_to_path(struct call *call, struct guest_socket *socket, const struct unix_address *address)
{
    uint64_t size = call->args[2];
    if (size > DATAGRAM_MAX)
        return -EMSGSIZE;
    auto_datagram struct datagram *datagram = datagram_new(socket, address, arg_int(call, 3), (size_t)size);
    if (datagram == NULL)
        return -ENOMEM;
    int error = guest_read(call, call->args[1], datagram->data, datagram->size);
    return error < 0 ? error : datagram_send(call, take_ptr(datagram));
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
