/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/net/urgent.h"

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>

#include "postern/cleanup.h"
#include "sentry/net/message.h"
#include "sentry/net/native.h"
#include "sentry/net/unix.h"

int urgent_check_send(int domain, int type, int flags)
{
    if (((unsigned int)flags & MESSAGE_FLAGS_REFUSED) != MSG_OOB)
        return -EINVAL;
    return (domain == AF_INET || domain == AF_INET6) && type == SOCK_STREAM ? 0 : -EOPNOTSUPP;
}

/* The kernel keeps but one byte of it, and never waits for it. -errno, or how many bytes there are. */
static int64_t receive_byte(struct call *call, int flags, char *ret_byte)
{
    auto_socket struct guest_socket socket = {.fd = -1};
    int error = guest_socket_get(call, arg_int(call, 0), &socket);
    if (error == 0)
        error = urgent_check_send(socket.domain, socket.type, flags);
    if (error < 0)
        return error;
    struct iovec part = {.iov_base = ret_byte, .iov_len = 1};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    return native_receive(socket.fd, &header, flags);
}

int64_t urgent_receive(struct call *call)
{
    char byte;
    int64_t got = receive_byte(call, arg_int(call, 3), &byte);
    if (got <= 0 || call->args[2] == 0)
        return got < 0 ? got : 0;
    int error = guest_write(call, call->args[1], &byte, 1);
    return error < 0 ? error : got;
}

int64_t urgent_receive_message(struct call *call, uint64_t address, int flags)
{
    char byte;
    const int shown = MSG_OOB;
    const size_t none = 0;
    auto_message struct message message = {0};
    int error = message_read(call, address, &message);
    int64_t got = error < 0 ? error : receive_byte(call, flags, &byte);
    if (got < 0)
        return got;
    size_t size = got > 0 && message.total > 0 ? 1 : 0;
    error = message_scatter(call, &message, &byte, size);
    if (error == 0)
        error = guest_write(call, address + offsetof(struct msghdr, msg_flags), &shown, sizeof(shown));
    if (error == 0)
        error = guest_write(call, address + offsetof(struct msghdr, msg_controllen), &none, sizeof(none));
    return error < 0 ? error : (int64_t)size;
}
