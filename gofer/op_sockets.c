/* SPDX-License-Identifier: Apache-2.0 */
/* The naming half of what guests otherwise do natively: whom a socket reaches by a path, and inotify. bind(2) is in bind.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "gofer/foreign.h"
#include "gofer/object.h"
#include "gofer/resolve.h"
#include "gofer/server.h"
#include "postern/confine.h"
#include "postern/connect.h"
#include "postern/mark.h"

CONFINE_ALLOW(connect, "a guest's socket reaches another's name");
CONFINE_ALLOW(sendmsg, "a guest's datagram goes to a name");
CONFINE_ALLOW(inotify_add_watch, "a guest's inotify instance gets a watch");

/* Who the guest is that connects, for the other side (postern/mark.h). Any mark may be asked for: it means something to one sentry
 * only, and no file and no process has these groups. */
static int connect_marked(const struct exchange *exchange, const struct sockaddr_un *address)
{
    struct mark mark;
    gid_t groups[MARK_DIGITS];
    const bool marked = exchange->request->data_size == sizeof(mark) && exchange->server->label_gid != 0;
    if (marked) {
        memcpy(&mark, exchange->data, sizeof(mark));
        mark_to_groups(&mark, exchange->server->label_gid, groups);
    }
    int status = marked ? mark_wear(groups) : 0;
    if (status < 0)
        return status;
    status = connect_at_once(exchange->fd, (const struct sockaddr *)address, sizeof(*address));
    if (marked && mark_wear(NULL) < 0) {
        (void)dprintf(STDERR_FILENO, "postern-gofer: cannot give up its groups\n");
        _exit(EXIT_FAILURE);
    }
    return status;
}

/* The socket file a request names, as an address: by its descriptor, so that it is this one and no other. */
static int find_socket(const struct exchange *exchange, struct place *ret_target, struct sockaddr_un *ret_address)
{
    auto_place struct place target = PLACE_NONE;
    struct statx attributes;
    int status = place_of_request(exchange, &target);
    if (status == 0)
        status = attributes_of(target.fd, &attributes);
    if (status == 0)
        status = foreign_check_reach(&attributes);
    if (status < 0)
        return status;
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    (void)snprintf(ret_address->sun_path, sizeof(ret_address->sun_path), "%s", fd_name(target.fd).text);
    *ret_target = target;
    target = (struct place)PLACE_NONE;
    return 0;
}

int op_connect(struct exchange *exchange)
{
    auto_place struct place target = PLACE_NONE;
    struct sockaddr_un address;
    if (exchange->request->data_size != 0 && exchange->request->data_size != sizeof(struct mark))
        return -EPROTO;
    int status = find_socket(exchange, &target, &address);
    return status < 0 ? status : connect_marked(exchange, &address);
}

/* Who the guest is that sends, for a receiver that asks (unix(7), SO_PASSCRED). Nobody but this container's sentry knows what a
 * ticket stands for. */
static void add_ticket(const struct exchange *exchange, struct msghdr *message, void *control, size_t size)
{
    const struct server *server = exchange->server;
    if (exchange->request->extra == 0 || server->label_gid == 0)
        return;
    message->msg_control = control;
    message->msg_controllen = size;
    const struct ucred who = {.pid = server->pid,
                              .uid = ticket_uid(exchange->request->mode, server->label_uid),
                              .gid = ticket_gid(exchange->request->mode, server->label_gid)};
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    *header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(who)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_CREDENTIALS};
    memcpy(CMSG_DATA(header), &who, sizeof(who));
}

int op_send(struct exchange *exchange)
{
    auto_place struct place target = PLACE_NONE;
    struct sockaddr_un address;
    int status = find_socket(exchange, &target, &address);
    if (status < 0)
        return status;
    union {
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
        struct cmsghdr align;
    } control = {0};
    struct iovec part = {.iov_base = (void *)(uintptr_t)exchange->data, .iov_len = exchange->request->data_size};
    struct msghdr message = {.msg_name = &address, .msg_namelen = sizeof(address), .msg_iov = &part, .msg_iovlen = 1};
    add_ticket(exchange, &message, control.bytes, sizeof(control.bytes));
    ssize_t sent = sendmsg(exchange->fd, &message, (int)exchange->request->flags | MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0)
        return -errno;
    exchange->reply->value = sent;
    return 0;
}

int op_inotify_add(struct exchange *exchange)
{
    auto_place struct place target = PLACE_NONE;
    int status = place_of_request(exchange, &target);
    if (status < 0)
        return status;
    /* Followed is only self/fd's link, to the object; that one may well be a symbolic link. */
    uint32_t mask = exchange->request->flags & ~(uint32_t)IN_DONT_FOLLOW;
    int watch = inotify_add_watch(exchange->fd, fd_name(target.fd).text, mask);
    if (watch < 0)
        return -errno;
    exchange->reply->value = watch;
    return 0;
}
