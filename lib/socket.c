/* SPDX-License-Identifier: Apache-2.0 */
#include "postern/socket.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Where the kernel looks for what is sent. */
struct outgoing {
    struct msghdr message;
    struct iovec vector;
    union {
        char bytes[CMSG_SPACE(sizeof(int) * SOCKET_FDS_MAX)];
        struct cmsghdr align;
    } control;
};

static int prepare(struct outgoing *outgoing, const void *data, size_t size, const int *fds, size_t fd_count)
{
    if (fd_count > SOCKET_FDS_MAX)
        return -EINVAL;
    *outgoing = (struct outgoing){.vector = {.iov_base = (void *)(uintptr_t)data, .iov_len = size}};
    struct msghdr *message = &outgoing->message;
    message->msg_iov = &outgoing->vector;
    message->msg_iovlen = 1;
    if (fd_count > 0) {
        message->msg_control = outgoing->control.bytes;
        message->msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        struct cmsghdr *header = CMSG_FIRSTHDR(message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(header), fds, sizeof(int) * fd_count);
    }
    return 0;
}

int socket_send(int socket, const void *data, size_t size, const int *fds, size_t fd_count)
{
    struct outgoing outgoing;
    int status = prepare(&outgoing, data, size, fds, fd_count);
    if (status < 0)
        return status;
    ssize_t sent;
    do
        sent = sendmsg(socket, &outgoing.message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return -errno;
    return (size_t)sent == size ? 0 : -EMSGSIZE;
}

int socket_send_from_cell(int socket, const void *data, size_t size, const int *fds, size_t fd_count)
{
    struct outgoing outgoing;
    int status = prepare(&outgoing, data, size, fds, fd_count);
    if (status < 0)
        return status;
    struct mmsghdr one = {.msg_hdr = outgoing.message};
    int sent;
    do
        sent = sendmmsg(socket, &one, 1, MSG_NOSIGNAL | MSG_OF_OURS);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return -errno;
    return one.msg_len == size ? 0 : -EMSGSIZE;
}

/* Takes the descriptors out of a message; those beyond fd_max are closed. Returns how many came. */
static size_t collect_fds(struct msghdr *message, int *fds, size_t fd_max)
{
    size_t count = 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL; header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        size_t here = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < here; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
            if (count < fd_max)
                fds[count] = fd;
            else
                (void)close(fd);
            count++;
        }
    }
    return count;
}

ssize_t socket_receive(int socket, void *data, size_t size, int *fds, size_t fd_max, size_t *ret_fd_count)
{
    struct iovec vector = {.iov_base = data, .iov_len = size};
    union {
        char bytes[CMSG_SPACE(sizeof(int) * SOCKET_FDS_MAX)];
        struct cmsghdr align;
    } control;
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)};

    for (size_t i = 0; i < fd_max; i++)
        fds[i] = -1;

    ssize_t got;
    bool reset = false; /* once: the other end has closed with something of ours unread, which does not undo what it has said before */
    do
        got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && (errno == EINTR || (errno == ECONNRESET && !reset && (reset = true))));
    if (got < 0)
        return -errno;

    size_t count = collect_fds(&message, fds, fd_max);
    if (count > fd_max || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        for (size_t i = 0; i < fd_max; i++) {
            if (fds[i] >= 0)
                (void)close(fds[i]);
            fds[i] = -1;
        }
        return -EMSGSIZE;
    }
    if (ret_fd_count != NULL)
        *ret_fd_count = count;
    return got;
}

int socket_pair(int ret_fds[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) < 0 ? -errno : 0;
}
