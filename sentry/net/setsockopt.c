/* SPDX-License-Identifier: Apache-2.0 */
/*
 * setsockopt(2): what the guard does not let through natively. Values are in memory: they are copied once, and what is done is done
 * by us, on our copy of the socket.
 */
#include <errno.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "sentry/kernel/cred.h"
#include "sentry/kernel/process.h"
#include "sentry/net/ports.h"
#include "sentry/net/native.h"
#include "sentry/net/receive.h"
#include "sentry/net/unix.h"
#include "sentry/syscalls/handlers.h"

static int read_value(struct call *call, int *ret_value)
{
    if (arg_int(call, 4) < (int)sizeof(*ret_value))
        return -EINVAL;
    return guest_read(call, call->args[3], ret_value, sizeof(*ret_value));
}

static int set_value(const struct guest_socket *socket, int name, int value)
{
    return native_set(socket->fd, name, &value, sizeof(value));
}

/* Which interface a socket keeps to. The kernel lets anybody choose, once, among those of the socket's own network namespace. */
static int64_t bind_to_device(struct call *call, const struct guest_socket *socket)
{
    char name[IFNAMSIZ] = "";
    const int size = arg_int(call, 4) < IFNAMSIZ - 1 ? arg_int(call, 4) : IFNAMSIZ - 1;
    int error = guest_read(call, call->args[3], name, (size_t)size);
    if (error < 0)
        return error;
    return native_set(socket->fd, SO_BINDTODEVICE, name, (socklen_t)size);
}

static int64_t bind_to_index(struct call *call, const struct guest_socket *socket)
{
    int index;
    int error = read_value(call, &index);
    return error < 0 ? error : set_value(socket, SO_BINDTOIFINDEX, index);
}

/* SO_SNDBUFFORCE, SO_RCVBUFFORCE: as much as anybody may have; the memory beyond that is the host's. */
static int64_t force_size(struct call *call, const struct guest_socket *socket)
{
    int value;
    int error = read_value(call, &value);
    if (error < 0)
        return error;
    if (!cred_capable(call->cred, CAP_NET_ADMIN))
        return -EPERM;
    return set_value(socket, arg_int(call, 2) == SO_SNDBUFFORCE ? SO_SNDBUF : SO_RCVBUF, value);
}

/* Turns a socket into another kind: all the errors, and never the thing itself. */
static int64_t change_family(struct call *call, const struct guest_socket *socket)
{
    int value = 0;
    if (socket->domain != AF_INET6)
        return socket->domain == AF_UNIX ? -EOPNOTSUPP : -ENOPROTOOPT;
    int error = arg_int(call, 4) < (int)sizeof(value) ? 0 : guest_read(call, call->args[3], &value, sizeof(value));
    if (error < 0)
        return error;
    if (value != AF_INET)
        return -EINVAL;
    struct sockaddr_storage peer;
    socklen_t size = sizeof(peer);
    return native_peer_name(socket->fd, (struct sockaddr *)&peer, &size) < 0 ? -ENOTCONN : -EADDRNOTAVAIL;
}

/* A level whose options the socket has. */
static bool is_own_level(const struct guest_socket *socket, int level)
{
    if (socket->domain == AF_NETLINK)
        return level == SOL_NETLINK;
    return level == (socket->type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP) ||
           (level == IPPROTO_IPV6 && socket->domain == AF_INET6);
}

/* Refused for what they do; but a value that cannot be read is told first. */
static int64_t refuse(struct call *call, const struct guest_socket *socket)
{
    int level = arg_int(call, 1), value, error = 0;
    if (level != SOL_SOCKET && socket->domain == AF_UNIX)
        return -EOPNOTSUPP;
    if (level == SOL_SOCKET || is_own_level(socket, level))
        error = read_value(call, &value);
    return error < 0 ? error : -ENOPROTOOPT;
}

/* The host attaches who sends and hands it out; what is true of it the sentry says (receive.h). */
static int64_t set_credentials(struct call *call, const struct guest_socket *socket)
{
    int value;
    int error = read_value(call, &value);
    if (error < 0)
        return error;
    if (value != 0 && socket->domain == AF_UNIX)
        receive_begin(call, socket);
    return set_value(socket, SO_PASSCRED, value != 0);
}

static int64_t share_port(struct call *call, const struct guest_socket *socket)
{
    int value;
    int error = read_value(call, &value);
    return error < 0 ? error : ports_set_shared(socket, value);
}

static const struct option {
    int level, name;
    int64_t (*set)(struct call *call, const struct guest_socket *socket);
} options[] = {
    {SOL_SOCKET, SO_PASSCRED, set_credentials},
    {SOL_SOCKET, SO_REUSEPORT, share_port},
    {SOL_SOCKET, SO_BINDTODEVICE, bind_to_device},
    {SOL_SOCKET, SO_BINDTOIFINDEX, bind_to_index},
    {SOL_SOCKET, SO_SNDBUFFORCE, force_size},
    {SOL_SOCKET, SO_RCVBUFFORCE, force_size},
    {IPPROTO_IPV6, IPV6_ADDRFORM, change_family},
};

int64_t sys_setsockopt(struct call *call)
{
    auto_socket struct guest_socket socket = {.fd = -1};
    int error = guest_socket_get(call, arg_int(call, 0), &socket);
    if (error < 0)
        return error;
    if (arg_int(call, 4) < 0)
        return -EINVAL;
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        if (options[i].level == arg_int(call, 1) && options[i].name == arg_int(call, 2))
            return options[i].set(call, &socket);
    return refuse(call, &socket);
}
