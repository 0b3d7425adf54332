/* SPDX-License-Identifier: Apache-2.0 */
/* getsockname(2), getpeername(2), and who the peer is: getsockopt(SO_PEERCRED). */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "postern/cleanup.h"
#include "sentry/kernel/cred.h"
#include "sentry/kernel/process.h"
#include "sentry/net/unix.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/handlers.h"

enum { OVERFLOW_ID = 65534 };

static int64_t show_unix(struct call *call, const struct unix_address *address)
{
    struct sockaddr_un bytes;
    size_t size = unix_address_format(address, &bytes);
    /* A path of 108 bytes has no NUL in the structure, but the kernel counts and shows one. */
    char shown[sizeof(bytes) + 1] = {0};
    memcpy(shown, &bytes, sizeof(bytes));
    return guest_sockaddr_write(call, call->args[1], call->args[2], shown, size);
}

static int64_t show_native(struct call *call, int fd, int (*ask)(int, struct sockaddr *, socklen_t *))
{
    struct sockaddr_storage bytes;
    socklen_t size = sizeof(bytes);
    if (ask(fd, (struct sockaddr *)&bytes, &size) < 0)
        return -errno;
    size_t known = size < sizeof(bytes) ? size : sizeof(bytes);
    return guest_sockaddr_write(call, call->args[1], call->args[2], &bytes, known);
}

static int ask_name(int fd, struct sockaddr *address, socklen_t *size)
{
    return getsockname(fd, address, size);
}

static int ask_peer(int fd, struct sockaddr *address, socklen_t *size)
{
    return getpeername(fd, address, size);
}

int64_t sys_getsockname(struct call *call)
{
    auto_socket struct guest_socket socket = {.fd = -1};
    int error = guest_socket_get(call, arg_int(call, 0), &socket);
    if (error < 0)
        return error;
    if (socket.domain != AF_UNIX)
        return show_native(call, socket.fd, ask_name);
    struct unix_address native;
    error = unix_native_name(socket.fd, &native);
    if (error < 0)
        return error;
    /* An accepted socket has the name of the one that listens. */
    const struct known_socket *known = known_find(socket.inode, &native);
    if (known == NULL)
        known = known_by_native(&native);
    return show_unix(call, known != NULL ? &known->shown : &native);
}

int64_t sys_getpeername(struct call *call)
{
    auto_socket struct guest_socket socket = {.fd = -1};
    int error = guest_socket_get(call, arg_int(call, 0), &socket);
    if (error < 0)
        return error;
    if (socket.domain != AF_UNIX)
        return show_native(call, socket.fd, ask_peer);
    struct unix_address native, own;
    error = unix_native_peer(socket.fd, &native);
    if (error == 0)
        error = unix_native_name(socket.fd, &own);
    if (error < 0)
        return error;
    const struct known_socket *known = known_find(socket.inode, &own);
    if (known != NULL && known->peer.kind != UNIX_UNNAMED)
        return show_unix(call, &known->peer);
    known = known_by_native(&native);
    return show_unix(call, known != NULL ? &known->shown : &native);
}

/* The peer the kernel names is the process that called connect, listen or socketpair; it may have ended, or be ours. */
static struct socket_peer peer_by_pid(struct call *call, pid_t pid)
{
    struct socket_peer peer = {.vpid = 0, .uid = OVERFLOW_ID, .gid = OVERFLOW_ID};
    const struct task *task = pid > 0 ? task_find(call->sentry->processes, pid) : NULL;
    if (task != NULL) {
        const struct cred *cred = task_cred(task);
        peer = (struct socket_peer){.vpid = task->process->vpid, .uid = cred->euid, .gid = cred->egid};
    }
    return peer;
}

static int find_peer(struct call *call, const struct guest_socket *socket, struct ucred *ret_cred)
{
    struct ucred native;
    socklen_t size = sizeof(native);
    if (getsockopt(socket->fd, SOL_SOCKET, SO_PEERCRED, &native, &size) < 0)
        return -errno;
    if (native.pid == 0 && native.uid == (uid_t)-1) { /* never connected */
        *ret_cred = native;
        return 0;
    }
    struct unix_address peer_name;
    const struct known_socket *known = NULL;
    if (unix_native_peer(socket->fd, &peer_name) == 0)
        known = known_by_native(&peer_name);
    struct socket_peer peer = known != NULL ? known->owner : peer_by_pid(call, native.pid);
    *ret_cred = (struct ucred){.pid = peer.vpid, .uid = peer.uid, .gid = peer.gid};
    return 0;
}

static int64_t peer_cred(struct call *call)
{
    auto_socket struct guest_socket socket = {.fd = -1};
    int error = guest_socket_get(call, arg_int(call, 0), &socket);
    if (error < 0)
        return error;
    int room;
    error = guest_read(call, call->args[4], &room, sizeof(room));
    if (error < 0)
        return error;
    if (room < 0)
        return -EINVAL;
    struct ucred cred;
    error = find_peer(call, &socket, &cred);
    if (error < 0)
        return error;
    int shown = (size_t)room < sizeof(cred) ? room : (int)sizeof(cred);
    error = guest_write(call, call->args[3], &cred, (size_t)shown);
    return error < 0 ? error : guest_write(call, call->args[4], &shown, sizeof(shown));
}

static bool known_level(int level)
{
    return level == IPPROTO_IP || level == IPPROTO_IPV6 || level == IPPROTO_TCP || level == IPPROTO_UDP ||
           level == SOL_NETLINK;
}

int64_t sys_getsockopt(struct call *call)
{
    if (arg_int(call, 1) == SOL_SOCKET && arg_int(call, 2) == SO_PEERCRED)
        return peer_cred(call);
    auto_socket struct guest_socket socket = {.fd = -1};
    int error = guest_socket_get(call, arg_int(call, 0), &socket);
    if (error < 0)
        return error;
    if (arg_int(call, 1) == SOL_SOCKET)
        return -ENOPROTOOPT;
    return known_level(arg_int(call, 1)) && socket.domain != AF_UNIX ? -ENOPROTOOPT : -EOPNOTSUPP;
}
