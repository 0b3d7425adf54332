/* SPDX-License-Identifier: Apache-2.0 */
/* connect(2). Only a path of a Unix socket needs us to reach its goal; other addresses the guest connects to itself. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/fs/gofer_client.h"
#include "sentry/net/unix.h"
#include "sentry/platform/platform.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/file.h"
#include "sentry/syscalls/handlers.h"

CONFINE_ALLOW(getrandom, "names nobody can guess");

static bool keeps_peer(const struct guest_socket *socket)
{
    return socket->type == SOCK_STREAM || socket->type == SOCK_SEQPACKET;
}

/* Gives a nameless socket its mark (sentry/net/known.h), and notes who connects. Failing is no reason not to connect.
 */
static struct known_socket *mark(const struct call *call, const struct guest_socket *socket)
{
    struct unix_address native;
    if (!keeps_peer(socket) || unix_native_name(socket->fd, &native) < 0)
        return NULL;
    struct known_socket *known = known_find(socket->inode, &native);
    if (native.kind == UNIX_UNNAMED) {
        uint64_t secret;
        if (getrandom(&secret, sizeof(secret), 0) != (ssize_t)sizeof(secret))
            return NULL;
        native = (struct unix_address){.kind = UNIX_ABSTRACT};
        int length = snprintf(native.name + 1, sizeof(native.name) - 1, "postern-%016llx", (unsigned long long)secret);
        native.length = 1 + (size_t)length;
        struct sockaddr_un bytes;
        size_t size = unix_address_format(&native, &bytes);
        if (bind(socket->fd, (const struct sockaddr *)&bytes, (socklen_t)size) < 0)
            return NULL;
        known = known_add(socket->inode);
        known->shown = (struct unix_address){.kind = UNIX_UNNAMED};
    } else if (known == NULL) {
        known = known_add(socket->inode);
        known->shown = native;
    }
    known->native = native;
    known->owner = socket_peer_of(call);
    return known;
}

static void remember_peer(struct known_socket *known, const struct unix_address *address, const struct dentry *file)
{
    if (known == NULL)
        return;
    const struct statx *attributes = &file->inode->attributes;
    uint64_t dev = (uint64_t)attributes->stx_dev_major << 32 | attributes->stx_dev_minor;
    const struct known_socket *bound = known_by_file(dev, attributes->stx_ino);
    known->peer = bound != NULL ? bound->shown : *address;
}

struct connecting {
    struct unix_address address;
    struct guest_socket socket;
};

/* One attempt: -EAGAIN if the other side's queue is full. */
static int64_t attempt(struct call *call, const struct guest_socket *socket, const struct unix_address *address)
{
    auto_dentry struct dentry *file = NULL;
    int error = unix_find_file(call, address, &file);
    if (error < 0)
        return error;
    char path[VFS_PATH_MAX];
    ssize_t length = dentry_relative_path(file, path, sizeof(path));
    if (length < 0)
        return length;
    struct known_socket *known = mark(call, socket);
    const struct gofer_place place = {.path = path, .fd = -1, .expected = gofer_identity_of(&file->inode->attributes)};
    error = gofer_connect(call->sentry->gofer, socket->fd, place);
    if (error == 0)
        remember_peer(known, address, file);
    return error;
}

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
    if (result == -EAGAIN)
        return CALL_PENDING;
    connecting_free(connecting);
    return result;
}

static int64_t connect_path(struct call *call, struct guest_socket *socket, const struct unix_address *address)
{
    int64_t result = attempt(call, socket, address);
    int flags = fcntl(socket->fd, F_GETFL);
    if (result != -EAGAIN || flags < 0 || (flags & O_NONBLOCK) != 0)
        return result;

    struct connecting *connecting = malloc(sizeof(*connecting));
    if (connecting == NULL)
        return -ENOMEM;
    *connecting = (struct connecting){.address = *address, .socket = *socket};
    connecting->socket.fd = take_fd(&socket->fd);
    const struct parked parked = {
        .poll = poll_connecting, .cancel = connecting_free, .state = connecting, .interrupted = -ERESTARTSYS};
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
    if (socket.domain != AF_UNIX || sockaddr_family(&bytes, (size_t)size) == AF_UNSPEC)
        return CALL_CONTINUE;

    struct unix_address address;
    error = unix_address_parse(&bytes, (size_t)size, &address);
    if (error < 0 || address.kind == UNIX_UNNAMED)
        return -EINVAL;
    if (address.kind == UNIX_PATH)
        return connect_path(call, &socket, &address);
    struct known_socket *known = mark(call, &socket);
    if (known != NULL)
        known->peer = address;
    return CALL_CONTINUE;
}
