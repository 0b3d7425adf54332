/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A path is for us to find: the datagram goes out through a socket the gofer has connected to it, which is the guest's
 * own if it has a name to be answered at, and a nameless one of ours if not.
 */
#include "sentry/net/datagram.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/fs/gofer_client.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/file.h"

CONFINE_ALLOW_IF(socket, 0, UINT32_MAX, AF_UNIX, "a nameless sender of datagrams");
CONFINE_ALLOW(sendmsg, "datagrams of a guest to a path");
CONFINE_ALLOW(connect, "takes the address off again"); /* AF_UNSPEC only; an address is read from memory */

struct datagram *datagram_new(struct guest_socket *socket, const struct unix_address *address, int flags, size_t size)
{
    struct datagram *datagram = malloc(sizeof(*datagram) + size);
    if (datagram == NULL)
        return NULL;
    *datagram = (struct datagram){.address = *address, .socket = *socket, .flags = flags, .size = size};
    datagram->socket.fd = take_fd(&socket->fd);
    return datagram;
}

/* Descriptors in datagrams that wait. Our table is everybody's: the kernel bounds what is on its way too
 * (ETOOMANYREFS). */
enum { WAITING_FDS_MAX = 1024 };
static size_t waiting_fds;

struct datagram *datagram_free(struct datagram *datagram)
{
    if (datagram == NULL)
        return NULL;
    if (datagram->waits)
        waiting_fds -= datagram->fd_count;
    guest_socket_release(&datagram->socket);
    for (size_t i = 0; i < datagram->fd_count; i++)
        (void)close(datagram->fds[i]);
    free(datagram);
    return NULL;
}

static void datagram_cancel(void *state)
{
    (void)datagram_free(state);
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

static int64_t send_through(struct call *call, int fd, struct gofer_place place, struct datagram *datagram)
{
    int error = gofer_connect(call->sentry->gofer, fd, place);
    if (error < 0)
        return error;
    struct iovec part = {.iov_base = datagram->data, .iov_len = datagram->size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    union {
        char bytes[CMSG_SPACE(sizeof(int) * DATAGRAM_FDS_MAX)];
        struct cmsghdr align;
    } control = {0};
    if (datagram->fd_count > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * datagram->fd_count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * datagram->fd_count);
        memcpy(CMSG_DATA(header), datagram->fds, sizeof(int) * datagram->fd_count);
    }
    ssize_t sent = sendmsg(fd, &message, datagram->flags | MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent < 0 ? -errno : sent;
}

static int64_t attempt(struct call *call, struct datagram *datagram)
{
    auto_dentry struct dentry *file = NULL;
    int error = unix_find_file(call, &datagram->address, &file);
    if (error < 0)
        return error;
    char path[VFS_PATH_MAX];
    ssize_t length = dentry_relative_path(file, path, sizeof(path));
    if (length < 0)
        return length;

    const struct gofer_place place = {.path = path, .fd = -1, .expected = gofer_identity_of(&file->inode->attributes)};
    struct unix_address own;
    error = unix_native_name(datagram->socket.fd, &own);
    if (error < 0)
        return error;
    if (own.kind != UNIX_UNNAMED && !is_connected(datagram->socket.fd)) {
        int64_t result = send_through(call, datagram->socket.fd, place, datagram);
        disconnect(datagram->socket.fd);
        return result;
    }
    auto_close int sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return sender < 0 ? -errno : send_through(call, sender, place, datagram);
}

static int64_t poll_sending(struct call *call, void *state)
{
    struct datagram *datagram = state;
    int64_t result = attempt(call, datagram);
    if (result == -EAGAIN)
        return CALL_PENDING;
    (void)datagram_free(datagram);
    return result;
}

int64_t datagram_send(struct call *call, struct datagram *datagram)
{
    int64_t result = attempt(call, datagram);
    int flags = fcntl(datagram->socket.fd, F_GETFL);
    bool wait = flags >= 0 && (flags & O_NONBLOCK) == 0 && (datagram->flags & MSG_DONTWAIT) == 0;
    if (result != -EAGAIN || !wait) {
        (void)datagram_free(datagram);
        return result;
    }
    if (datagram->fd_count > WAITING_FDS_MAX - waiting_fds) {
        (void)datagram_free(datagram);
        return -ETOOMANYREFS;
    }
    datagram->waits = true;
    waiting_fds += datagram->fd_count;
    const struct parked parked = {
        .poll = poll_sending, .cancel = datagram_cancel, .state = datagram, .interrupted = -ERESTARTSYS};
    return call_park(call, &parked);
}
