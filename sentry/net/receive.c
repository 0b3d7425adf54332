/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/net/receive.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "sentry/net/arrival.h"
#include "sentry/net/control.h"
#include "sentry/net/net.h"
#include "sentry/net/peer.h"
#include "sentry/net/vouch.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"

static bool has_option(int fd, int name)
{
    int value = 0;
    socklen_t size = sizeof(value);
    return getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 && value != 0;
}

static bool is_unix(int fd)
{
    int domain = 0;
    socklen_t size = sizeof(domain);
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

bool receive_is_ours(const struct call *call, int fd)
{
    struct net *net = call->sentry->net;
    if (has_option(fd, SO_PASSCRED) && is_unix(fd)) {
        net->credentials = true;
        return true;
    }
    uint64_t cookie;
    socklen_t size = sizeof(cookie);
    if (!net->credentials || getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) < 0)
        return false;
    const struct socket_record *record = sockets_find(net->sockets, cookie);
    return record != NULL && record->credentials;
}

void receive_begin(const struct call *call, const struct guest_socket *socket)
{
    struct pollfd there = {.fd = socket->fd, .events = POLLIN};
    const uint64_t now = net_now_us();
    const bool empty = poll(&there, 1, 0) == 0;
    call->sentry->net->credentials = true;
    struct socket_record *record = guest_socket_record(call, socket);
    if (record == NULL)
        return;
    record->credentials = true;
    if (empty)
        record->empty_us = now;
}

/* A message cannot be older than the last moment its socket was empty, nor than the connection: to be asked before it is taken out, or
 * another receiver may see the socket empty behind it. */
static uint64_t sent_since(const struct call *call, const struct guest_socket *socket)
{
    struct mark mark;
    const struct socket_record *record = sockets_find(call->sentry->net->sockets, socket->cookie);
    uint64_t since = record != NULL ? record->empty_us : 0;
    return peer_of(socket->fd, &mark) && mark.time > since ? mark.time : since;
}

static void note_empty(const struct call *call, const struct guest_socket *socket, uint64_t when)
{
    struct socket_record *record = guest_socket_record(call, socket);
    if (record == NULL)
        return;
    record->credentials = true;
    record->empty_us = when;
}

/* --- writing it to the guest --- */

struct writing {
    struct call *call;
    const struct message *message;
    struct control_room room;
    bool bare; /* no control */
    bool close_on_exec;
    uint64_t since;
    struct path_fds *path_fds;
};

/* One more descriptor: its number in the guest. One that the kernel does not install has none yet. */
static int install(struct writing *writing, int fd, uint64_t number_address, int *ret_number)
{
    struct path_fds *waiting = writing->path_fds;
    int error = call_add_fd(writing->call, fd, writing->close_on_exec, -1, ret_number);
    if (error != -EBADF || (fcntl(fd, F_GETFL) & O_PATH) == 0)
        return error;
    if (waiting == NULL || waiting->count == MESSAGE_FDS_MAX)
        return -EMFILE;
    int kept = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (kept < 0)
        return -errno;
    waiting->numbers[waiting->count] = number_address;
    waiting->fds[waiting->count++] = kept;
    *ret_number = -1;
    return 0;
}

/* scm_detach_fds of Linux: as many as there is room for, in the message and in the table; the others are gone. */
static int put_rights(struct writing *writing, const struct control_item *item)
{
    int numbers[MESSAGE_FDS_MAX];
    size_t there = item->size / sizeof(int), room = control_room_for_fds(&writing->room), count = 0;
    const uint64_t place = (uint64_t)writing->message->header.msg_control + writing->room.used + CMSG_LEN(0);
    for (; count < there && count < room && count < MESSAGE_FDS_MAX; count++) {
        int fd;
        memcpy(&fd, item->data + count * sizeof(int), sizeof(fd));
        int error = install(writing, fd, place + count * sizeof(int), &numbers[count]);
        if (error == -ESRCH)
            return error;
        if (error < 0)
            break;
    }
    if (count > 0)
        control_put(&writing->room, SOL_SOCKET, SCM_RIGHTS, numbers, count * sizeof(int));
    writing->room.truncated = writing->room.truncated || count < there;
    return 0;
}

static bool is_end(const struct guest_socket *socket, const struct arrival *arrival)
{
    return socket->type == SOCK_STREAM && arrival->got == 0 && arrival->room > 0;
}

/* Nobody sends the end of a stream: the kernel's answer is the machine's root, if there is one in the container. */
static struct ucred end_of_stream(const struct boot_config *boot)
{
    const struct boot_id_line *uids = &boot->uids.lines[0], *gids = &boot->gids.lines[0];
    return (struct ucred){.uid = uids->inside == 0 && uids->outside == 0 ? 0 : OVERFLOW_ID,
                          .gid = gids->inside == 0 && gids->outside == 0 ? 0 : OVERFLOW_ID};
}

static int put_control(struct writing *writing, const struct guest_socket *socket, const struct arrival *arrival)
{
    struct control_item item;
    size_t at = 0;
    int error = 0;
    while (!writing->bare && error == 0 && control_next(arrival->control.bytes, arrival->header.msg_controllen, &at, &item) == 1) {
        struct ucred native;
        if (item.level != SOL_SOCKET || (item.type != SCM_CREDENTIALS && item.type != SCM_RIGHTS)) {
            control_put(&writing->room, item.level, item.type, item.data, item.size);
        } else if (item.type == SCM_RIGHTS) {
            error = put_rights(writing, &item);
        } else if (item.size == sizeof(native)) {
            memcpy(&native, item.data, sizeof(native));
            const struct ucred truth = is_end(socket, arrival)
                                           ? end_of_stream(writing->call->sentry->boot)
                                           : vouch_translate(writing->call, &native, writing->since);
            control_put(&writing->room, SOL_SOCKET, SCM_CREDENTIALS, &truth, sizeof(truth));
        }
    }
    return error;
}

static int put_name(struct writing *writing, const struct arrival *arrival)
{
    const struct msghdr *header = &writing->message->header;
    const uint64_t size_address = writing->message->address + offsetof(struct msghdr, msg_namelen);
    if (header->msg_name == NULL)
        return 0;
    const size_t size = arrival->header.msg_namelen, room = (size_t)(int)header->msg_namelen;
    const int true_size = (int)size;
    int error = guest_write(writing->call, (uint64_t)header->msg_name, &arrival->name, size < room ? size : room);
    return error < 0 ? error : guest_write(writing->call, size_address, &true_size, sizeof(true_size));
}

/* The fields of the header that tell what came. */
static int put_header(struct writing *writing, int flags)
{
    const uint64_t header = writing->message->address;
    int shown = flags & ~MSG_CMSG_CLOEXEC;
    shown |= writing->close_on_exec ? MSG_CMSG_CLOEXEC : 0;
    shown |= writing->room.truncated ? MSG_CTRUNC : 0;
    int error = guest_write(writing->call, header + offsetof(struct msghdr, msg_flags), &shown, sizeof(shown));
    return error < 0 ? error
                     : guest_write(writing->call, header + offsetof(struct msghdr, msg_controllen), &writing->room.used,
                                   sizeof(writing->room.used));
}

static int write_out(struct writing *writing, const struct guest_socket *socket, const struct arrival *arrival)
{
    const struct msghdr *header = &writing->message->header;
    char control[sizeof(arrival->control)];
    const size_t room = header->msg_control == NULL ? 0 : header->msg_controllen;
    memset(control, 0, sizeof(control));
    writing->room = (struct control_room){.bytes = control, .size = room < sizeof(control) ? room : sizeof(control)};
    const size_t size = arrival->got < arrival->room ? arrival->got : arrival->room;
    int error = message_scatter(writing->call, writing->message, arrival->data, size);
    if (error == 0)
        error = put_control(writing, socket, arrival);
    if (error == 0)
        error = put_name(writing, arrival);
    if (error == 0)
        error = guest_write(writing->call, (uint64_t)header->msg_control, control, writing->room.used);
    return error < 0 ? error : put_header(writing, arrival->header.msg_flags);
}

/* --- one message --- */

void incoming_release(struct incoming *incoming)
{
    incoming->arrival = arrival_free(incoming->arrival);
    message_release(&incoming->message);
}

int64_t incoming_finish(struct call *call, struct incoming *incoming, bool signalled)
{
    struct arrival *arrival = incoming->arrival;
    if (arrival == NULL)
        return -EAGAIN;
    struct writing writing = {.call = call,
                              .message = &incoming->message,
                              .bare = signalled,
                              .close_on_exec = (incoming->flags & MSG_CMSG_CLOEXEC) != 0,
                              .since = incoming->since,
                              .path_fds = incoming->path_fds};
    int error = write_out(&writing, incoming->socket, arrival);
    return error < 0 ? error : (int64_t)arrival->got;
}

static int receive_rest(struct incoming *incoming)
{
    int status = 0;
    while (status == 0 && arrival_wants_more(incoming->socket, incoming->arrival))
        status = arrival_receive_more(incoming->socket, incoming->arrival);
    return status;
}

int64_t incoming_try(struct call *call, struct incoming *incoming)
{
    const uint64_t before = net_now_us();
    const bool all = (incoming->flags & (MSG_WAITALL | MSG_PEEK)) == MSG_WAITALL;
    int status = 0;
    if (incoming->arrival == NULL) {
        incoming->since = sent_since(call, incoming->socket);
        status = arrival_receive(incoming->socket, &incoming->message, incoming->flags, &incoming->arrival);
    }
    if (status == 0 && all)
        status = receive_rest(incoming);
    if (status == -EAGAIN)
        note_empty(call, incoming->socket, before);
    return status < 0 ? status : incoming_finish(call, incoming, false);
}

void path_fds_release(struct path_fds *path_fds)
{
    for (size_t i = 0; i < path_fds->count; i++)
        close_unlocked(path_fds->fds[i]);
    path_fds->count = 0;
}
