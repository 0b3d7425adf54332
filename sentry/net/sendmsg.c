/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sendmsg(2), sendmmsg(2) and sendto(2). Nearly all run natively, after one look at the header: only a datagram to a path of a Unix socket
 * needs us to reach its goal, and only a message that says who sends it needs us to be judged; both are in memory, where the
 * filter cannot see them. Whoever changes them behind our back names a path that leads nowhere, or says what the kernel says
 * anyway.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "postern/cleanup.h"
#include "sentry/net/control.h"
#include "sentry/net/outgoing.h"
#include "sentry/net/urgent.h"
#include "sentry/syscalls/handlers.h"

enum { PLAIN = 1 /* the host sends it */ };

/* --- does it need us? --- */

/* A message's address; its size, 0 if it has none. What cannot be read the host says. */
static int read_name(struct call *call, const struct msghdr *header, struct sockaddr_storage *ret_name)
{
    if (header->msg_name == NULL || header->msg_namelen == 0)
        return 0;
    int size = header->msg_namelen < sizeof(*ret_name) ? (int)header->msg_namelen : (int)sizeof(*ret_name);
    return guest_sockaddr_read(call, (uint64_t)header->msg_name, size, ret_name);
}

static bool is_path(const struct sockaddr_storage *name, int size)
{
    struct unix_address address;
    return size > 0 && unix_address_parse(name, (size_t)size, &address) == 0 && address.kind == UNIX_PATH;
}

static bool has_claim(const char *control, size_t size)
{
    struct control_item item;
    size_t at = 0;
    while (control_next(control, size, &at, &item) == 1)
        if (item.level == SOL_SOCKET && item.type == SCM_CREDENTIALS)
            return true;
    return false;
}

/* The control messages; NULL without an error where there are none we would look at. */
static int read_control(struct call *call, const struct msghdr *header, char **ret_control)
{
    *ret_control = NULL;
    if (header->msg_controllen < sizeof(struct cmsghdr))
        return 0;
    if (header->msg_controllen > MESSAGE_CONTROL_MAX)
        return -ENOBUFS;
    auto_free char *control = malloc(header->msg_controllen);
    if (control == NULL)
        return -ENOMEM;
    int error = guest_read(call, (uint64_t)header->msg_control, control, header->msg_controllen);
    if (error == 0)
        *ret_control = take_ptr(control);
    return error;
}

/* --- one message --- */

static bool takes_path(const struct guest_socket *socket)
{
    return socket->domain == AF_UNIX && socket->type == SOCK_DGRAM;
}

/* A datagram comes whole or not at all; of a stream we take as much as we like. */
static int64_t data_size(const struct guest_socket *socket, const struct message *message)
{
    if (message->total <= MESSAGE_DATA_MAX)
        return (int64_t)message->total;
    return socket->type == SOCK_STREAM ? MESSAGE_DATA_MAX : -EMSGSIZE;
}

/* A message as far as it is read before anybody knows whether it is ours to send. */
struct draft {
    uint64_t address;
    int flags;
    struct msghdr header;
    struct sockaddr_storage name;
    int name_size;
    char *control; /* owned */
    int control_error;
    bool urgent, claims, path;
};

static void draft_release(struct draft *draft)
{
    free(draft->control);
}

/* PLAIN: the host may send it, whoever the socket is. */
static int read_draft(struct call *call, uint64_t address, int flags, struct draft *draft)
{
    *draft = (struct draft){.address = address, .flags = flags, .urgent = ((unsigned int)flags & MESSAGE_FLAGS_REFUSED) != 0};
    if (guest_read(call, address, &draft->header, sizeof(draft->header)) < 0)
        return PLAIN; /* the host says what is wrong with it */
    draft->name_size = read_name(call, &draft->header, &draft->name);
    draft->control_error = read_control(call, &draft->header, &draft->control);
    draft->path = is_path(&draft->name, draft->name_size);
    draft->claims = draft->control != NULL && has_claim(draft->control, draft->header.msg_controllen);
    return draft->urgent || draft->claims || draft->path ? 0 : PLAIN;
}

/* PLAIN: the host may send it by this socket. */
static int check_draft(const struct draft *draft, const struct guest_socket *socket)
{
    if (draft->urgent)
        return urgent_check_send(socket->domain, socket->type, draft->flags);
    return (draft->claims && socket->domain == AF_UNIX) || (draft->path && takes_path(socket)) ? 0 : PLAIN;
}

static int complete(struct call *call, const struct draft *draft, struct guest_socket *socket, struct outgoing **ret_outgoing)
{
    auto_message struct message message = {0};
    int error = message_read(call, draft->address, &message);
    if (error == 0)
        error = draft->name_size < 0 ? draft->name_size : draft->control_error;
    int64_t size = error < 0 ? error : data_size(socket, &message);
    if (size < 0)
        return (int)size;
    auto_outgoing struct outgoing *outgoing = outgoing_new(socket, draft->flags, (size_t)size);
    if (outgoing == NULL)
        return -ENOMEM;
    outgoing_set_name(outgoing, &draft->name, (size_t)draft->name_size);
    if (draft->control != NULL)
        error = outgoing_add_control(call, outgoing, draft->control, draft->header.msg_controllen);
    if (error == 0)
        error = message_gather(call, &message, 0, outgoing->data, outgoing->size);
    if (error == 0)
        *ret_outgoing = take_ptr(outgoing);
    return error;
}

/* Copies a message in. PLAIN: the host may send it. */
static int make_outgoing(struct call *call, int guest_fd, uint64_t address, int flags, struct outgoing **ret_outgoing)
{
    __attribute__((cleanup(draft_release))) struct draft draft;
    auto_socket struct guest_socket socket = {.fd = -1};
    int status = read_draft(call, address, flags, &draft);
    if (status == 0)
        status = guest_socket_get(call, guest_fd, &socket);
    if (status == 0)
        status = check_draft(&draft, &socket);
    return status == 0 ? complete(call, &draft, &socket, ret_outgoing) : status;
}

int64_t sys_sendmsg(struct call *call)
{
    struct outgoing *outgoing;
    int status = make_outgoing(call, arg_int(call, 0), call->args[1], arg_int(call, 2), &outgoing);
    if (status == PLAIN)
        return CALL_CONTINUE;
    return status < 0 ? status : outgoing_send(call, outgoing);
}

/*
 * Of several messages only the first is looked at. If the host may send it, it sends all up to the first that needs us: that one it
 * refuses, and says how many it has sent. If it needs us, it is the only one we send: who has more asks again.
 */
int64_t sys_sendmmsg(struct call *call)
{
    struct outgoing *outgoing;
    if (arg_uint(call, 2) == 0)
        return CALL_CONTINUE;
    int status = make_outgoing(call, arg_int(call, 0), call->args[1], arg_int(call, 3), &outgoing);
    if (status == PLAIN)
        return CALL_CONTINUE;
    if (status < 0)
        return status;
    outgoing->length_address = call->args[1] + offsetof(struct mmsghdr, msg_len);
    return outgoing_send(call, outgoing);
}

/* --- sendto --- */

static int64_t send_to(struct call *call, struct guest_socket *socket, const struct sockaddr_storage *name, size_t name_size)
{
    const struct message message = {.total = call->args[2]};
    int64_t size = data_size(socket, &message);
    if (size < 0)
        return size;
    auto_outgoing struct outgoing *outgoing = outgoing_new(socket, arg_int(call, 3), (size_t)size);
    if (outgoing == NULL)
        return -ENOMEM;
    outgoing_set_name(outgoing, name, name_size);
    int error = guest_read(call, call->args[1], outgoing->data, outgoing->size);
    return error < 0 ? error : outgoing_send(call, take_ptr(outgoing));
}

int64_t sys_sendto(struct call *call)
{
    const int flags = arg_int(call, 3);
    struct sockaddr_storage bytes = {0};
    auto_socket struct guest_socket socket = {.fd = -1};
    int error = guest_socket_get(call, arg_int(call, 0), &socket);
    if (error < 0)
        return error;
    if (((unsigned int)flags & MESSAGE_FLAGS_REFUSED) != 0) {
        error = urgent_check_send(socket.domain, socket.type, flags);
        return error < 0 ? error : send_to(call, &socket, &bytes, 0);
    }
    if (!takes_path(&socket))
        return CALL_CONTINUE; /* internet addresses; and stream sockets, which take none */
    int size = guest_sockaddr_read(call, call->args[4], arg_int(call, 5), &bytes);
    if (size < 0)
        return size;
    if (size == 0)
        return CALL_CONTINUE;
    struct unix_address address;
    error = unix_address_parse(&bytes, (size_t)size, &address);
    if (error < 0 || address.kind == UNIX_UNNAMED)
        return -EINVAL;
    return address.kind == UNIX_PATH ? send_to(call, &socket, &bytes, (size_t)size) : CALL_CONTINUE;
}
