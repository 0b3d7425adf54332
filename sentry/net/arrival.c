/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/net/arrival.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sentry/net/native.h"
#include "sentry/platform/worker.h"

static void close_rights(const struct msghdr *header)
{
    struct control_item item;
    size_t at = 0;
    while (control_next(header->msg_control, header->msg_controllen, &at, &item) == 1) {
        if (item.level != SOL_SOCKET || item.type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i + sizeof(int) <= item.size; i += sizeof(int)) {
            int fd;
            memcpy(&fd, item.data + i, sizeof(fd));
            close_unlocked(fd);
        }
    }
}

struct arrival *arrival_free(struct arrival *arrival)
{
    if (arrival == NULL)
        return NULL;
    close_rights(&arrival->header);
    free(arrival->data);
    free(arrival);
    return NULL;
}

/* How much of the guest's room is worth having: a datagram comes at once or is lost. */
static size_t worth(const struct guest_socket *socket, const struct message *message)
{
    if (message->total <= MESSAGE_DATA_MAX || socket->type == SOCK_STREAM)
        return message->total < MESSAGE_DATA_MAX ? message->total : MESSAGE_DATA_MAX;
    struct msghdr nothing = {0};
    ssize_t length = native_receive(socket->fd, &nothing, MSG_PEEK | MSG_TRUNC);
    return length > 0 && (size_t)length < message->total ? (size_t)length : MESSAGE_DATA_MAX;
}

int arrival_receive(const struct guest_socket *socket, const struct message *message, int flags, struct arrival **ret_arrival)
{
    struct arrival *arrival = calloc(1, sizeof(*arrival));
    if (arrival == NULL)
        return -ENOMEM;
    arrival->room = worth(socket, message);
    arrival->data = malloc(arrival->room + 1);
    if (arrival->data == NULL) {
        (void)arrival_free(arrival);
        return -ENOMEM;
    }
    struct iovec part = {.iov_base = arrival->data, .iov_len = arrival->room};
    struct msghdr header = {.msg_name = &arrival->name,
                            .msg_namelen = sizeof(arrival->name),
                            .msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = arrival->control.bytes,
                            .msg_controllen = sizeof(arrival->control.bytes)};
    ssize_t got = native_receive(socket->fd, &header, (flags & ~MSG_WAITALL) | MSG_CMSG_CLOEXEC);
    if (got < 0) {
        (void)arrival_free(arrival);
        return (int)got;
    }
    arrival->header = header;
    arrival->got = (size_t)got;
    *ret_arrival = arrival;
    return 0;
}

/* --- the rest of a stream --- */

static bool find_sender(const struct msghdr *header, struct ucred *ret_sender, bool *ret_rights)
{
    struct control_item item;
    size_t at = 0;
    bool found = false;
    *ret_rights = false;
    while (control_next(header->msg_control, header->msg_controllen, &at, &item) == 1) {
        if (item.level != SOL_SOCKET)
            continue;
        if (item.type == SCM_RIGHTS)
            *ret_rights = true;
        if (item.type == SCM_CREDENTIALS && item.size == sizeof(*ret_sender)) {
            memcpy(ret_sender, item.data, sizeof(*ret_sender));
            found = true;
        }
    }
    return found;
}

bool arrival_wants_more(const struct guest_socket *socket, const struct arrival *arrival)
{
    struct ucred ignored;
    bool rights;
    (void)find_sender(&arrival->header, &ignored, &rights);
    return socket->type == SOCK_STREAM && arrival->got > 0 && arrival->got < arrival->room && !rights;
}

/* What lies there, without taking it: the kernel glues no message of one sender to one of another, nor one with descriptors. */
static ssize_t peek(const struct guest_socket *socket, const struct arrival *arrival, struct ucred *ret_sender, bool *ret_rights)
{
    union {
        char bytes[sizeof(arrival->control.bytes)];
        struct cmsghdr align;
    } control;
    struct iovec part = {.iov_base = arrival->data + arrival->got, .iov_len = arrival->room - arrival->got};
    struct msghdr header = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)};
    ssize_t got = native_receive(socket->fd, &header, MSG_PEEK | MSG_CMSG_CLOEXEC);
    if (got < 0)
        return got;
    bool named = find_sender(&header, ret_sender, ret_rights);
    close_rights(&header);
    return named ? got : 0;
}

int arrival_receive_more(const struct guest_socket *socket, struct arrival *arrival)
{
    struct ucred first, next;
    bool rights;
    if (!find_sender(&arrival->header, &first, &rights))
        return 1;
    ssize_t there = peek(socket, arrival, &next, &rights);
    if (there == -EAGAIN)
        return -EAGAIN;
    if (there <= 0 || rights || first.pid != next.pid || first.uid != next.uid || first.gid != next.gid)
        return 1;
    struct iovec part = {.iov_base = arrival->data + arrival->got, .iov_len = (size_t)there};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t got = native_receive(socket->fd, &header, 0);
    if (got <= 0)
        return 1;
    arrival->got += (size_t)got;
    return arrival->got < arrival->room ? 0 : 1;
}
