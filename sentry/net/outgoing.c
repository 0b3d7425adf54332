/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/net/outgoing.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/boot.h"
#include "postern/cleanup.h"
#include "postern/confine.h"
#include "postern/gofer_protocol.h"
#include "postern/mark.h"
#include "sentry/fs/gofer_client.h"
#include "sentry/fs/goferfs.h"
#include "sentry/kernel/process.h"
#include "sentry/net/control.h"
#include "sentry/net/native.h"
#include "sentry/net/net.h"
#include "sentry/net/vouch.h"
#include "sentry/net/waiting.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/file.h"

CONFINE_ALLOW_IF(socket, 0, UINT32_MAX, AF_UNIX, "a nameless sender of datagrams");
CONFINE_ALLOW(tgkill, "SIGPIPE of whoever writes to nobody");
CONFINE_ALLOW(getpid, "our own number, for a ticket");

struct outgoing *outgoing_new(struct guest_socket *socket, int flags, size_t size)
{
    struct outgoing *outgoing = malloc(sizeof(*outgoing) + size);
    if (outgoing == NULL)
        return NULL;
    *outgoing = (struct outgoing){.socket = *socket,
                                  .flags = flags,
                                  .size = size,
                                  .patience = patience_of(socket->fd, SO_SNDTIMEO)};
    outgoing->socket.fd = take_fd(&socket->fd);
    return outgoing;
}

/* Only datagrams take a path. Other sockets have the kernel say what they think of an address. */
void outgoing_set_name(struct outgoing *outgoing, const struct sockaddr_storage *name, size_t size)
{
    struct unix_address path;
    outgoing->name = *name;
    outgoing->name_size = (socklen_t)size;
    if (outgoing->socket.domain == AF_UNIX && outgoing->socket.type == SOCK_DGRAM &&
        unix_address_parse(name, size, &path) == 0 && path.kind == UNIX_PATH)
        outgoing->path = path;
}

static void count_no_more(struct outgoing *outgoing)
{
    if (outgoing->net == NULL)
        return;
    share_give(&outgoing->net->waiting_fds, outgoing->user, outgoing->fd_count);
    share_give(&outgoing->net->waiting_bytes, outgoing->user, outgoing->size);
    outgoing->net = NULL;
}

/* It will wait. Descriptors are bounded as the kernel bounds what is on its way; memory as it does with its buffers. */
static int count(struct net *net, struct outgoing *outgoing, uid_t user)
{
    if (!share_take(&net->waiting_fds, user, outgoing->fd_count))
        return -ETOOMANYREFS;
    if (!share_take(&net->waiting_bytes, user, outgoing->size)) {
        share_give(&net->waiting_fds, user, outgoing->fd_count);
        return -ENOBUFS;
    }
    outgoing->user = user;
    outgoing->net = net;
    return 0;
}

struct outgoing *outgoing_free(struct outgoing *outgoing)
{
    if (outgoing == NULL)
        return NULL;
    count_no_more(outgoing);
    guest_socket_release(&outgoing->socket);
    for (size_t i = 0; i < outgoing->fd_count; i++)
        close_unlocked(outgoing->fds[i]);
    free(outgoing);
    return NULL;
}

static void outgoing_cancel(void *state)
{
    (void)outgoing_free(state);
}

/* --- what goes along --- */

static int add_rights(struct call *call, struct outgoing *outgoing, const struct control_item *item)
{
    for (size_t at = 0; at + sizeof(int) <= item->size; at += sizeof(int)) {
        int number;
        memcpy(&number, item->data + at, sizeof(number));
        if (outgoing->fd_count == MESSAGE_FDS_MAX)
            return -EINVAL;
        int fd = call_get_fd(call, number);
        if (fd < 0)
            return fd;
        outgoing->fds[outgoing->fd_count++] = fd;
    }
    return 0;
}

static int add_claim(struct call *call, struct outgoing *outgoing, const struct control_item *item)
{
    if (item->size != sizeof(outgoing->claim))
        return -EINVAL;
    memcpy(&outgoing->claim, item->data, sizeof(outgoing->claim));
    outgoing->has_claim = true;
    return vouch_check(call, &outgoing->claim);
}

int outgoing_add_control(struct call *call, struct outgoing *outgoing, const char *control, size_t size)
{
    struct control_item item;
    size_t at = 0;
    int status;
    while ((status = control_next(control, size, &at, &item)) == 1) {
        int error = 0;
        if (item.level == SOL_SOCKET && item.type == SCM_RIGHTS)
            error = add_rights(call, outgoing, &item);
        else if (item.level == SOL_SOCKET && item.type == SCM_CREDENTIALS)
            error = add_claim(call, outgoing, &item);
        else if (item.level == SOL_SOCKET)
            error = -EINVAL;
        if (error < 0)
            return error;
    }
    return status;
}

/* Where the kernel looks for what goes along. */
struct attached {
    struct msghdr message;
    struct iovec part;
    union {
        char bytes[CMSG_SPACE(sizeof(int) * MESSAGE_FDS_MAX) + CMSG_SPACE(sizeof(struct ucred))];
        struct cmsghdr align;
    } control;
};

static void attach(struct attached *attached, int type, const void *data, size_t size)
{
    struct msghdr *message = &attached->message;
    char *place = attached->control.bytes + message->msg_controllen;
    const struct cmsghdr header = {.cmsg_len = CMSG_LEN(size), .cmsg_level = SOL_SOCKET, .cmsg_type = type};
    memcpy(place, &header, sizeof(header));
    memcpy(place + CMSG_LEN(0), data, size);
    message->msg_control = attached->control.bytes;
    message->msg_controllen += CMSG_SPACE(size);
}

/* A receiver that asks who sent it must not be told that it was us. */
static void attach_ticket(const struct call *call, const struct outgoing *outgoing, struct attached *attached)
{
    uint32_t ticket;
    const struct ucred claim = outgoing->has_claim ? outgoing->claim : vouch_caller(call);
    if (outgoing->socket.domain != AF_UNIX || !vouch_ticket(call, &claim, &ticket))
        return;
    const struct ucred shown = {
        .pid = getpid(), .uid = ticket_uid(ticket, LABELS_FIRST), .gid = ticket_gid(ticket, LABELS_FIRST)};
    attach(attached, SCM_CREDENTIALS, &shown, sizeof(shown));
}

static void prepare(const struct call *call, struct outgoing *outgoing, struct attached *attached)
{
    memset(attached, 0, sizeof(*attached));
    attached->part = (struct iovec){.iov_base = outgoing->data + outgoing->sent, .iov_len = outgoing->size - outgoing->sent};
    attached->message.msg_iov = &attached->part;
    attached->message.msg_iovlen = 1;
    if (outgoing->fd_count > 0 && outgoing->sent == 0)
        attach(attached, SCM_RIGHTS, outgoing->fds, sizeof(int) * outgoing->fd_count);
    attach_ticket(call, outgoing, attached);
}

static int64_t send_through(const struct call *call, int fd, struct outgoing *outgoing)
{
    struct attached attached;
    prepare(call, outgoing, &attached);
    if (outgoing->name_size > 0 && outgoing->path.kind != UNIX_PATH) {
        attached.message.msg_name = &outgoing->name;
        attached.message.msg_namelen = outgoing->name_size;
    }
    return native_send(fd, &attached.message, outgoing->flags);
}

/* --- to a path --- */

static bool is_connected(int fd)
{
    struct sockaddr_un peer;
    socklen_t size = sizeof(peer);
    return getpeername(fd, (struct sockaddr *)&peer, &size) == 0;
}

static int64_t send_connected(struct call *call, int fd, struct outgoing *outgoing)
{
    struct socket_file ignored;
    int error = unix_connect_path(call, fd, &outgoing->path, &ignored);
    return error < 0 ? error : send_through(call, fd, outgoing);
}

/* What the gofer cannot carry: it connects a socket to the path for us. That is the guest's own if it has a name to be answered at; what
 * lies unread in that one is lost, which the kernel does when a connection is given up. */
static int64_t send_big_to_path(struct call *call, struct outgoing *outgoing)
{
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    struct unix_address own;
    const int fd = outgoing->socket.fd;
    int error = unix_native_name(fd, &own);
    if (error < 0)
        return error;
    if (own.kind != UNIX_UNNAMED && !is_connected(fd)) {
        int64_t result = send_connected(call, fd, outgoing);
        (void)native_connect(fd, &nobody, sizeof(nobody));
        return result;
    }
    auto_close int sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return sender < 0 ? -errno : send_connected(call, sender, outgoing);
}

static int64_t send_once_to_path(struct call *call, struct outgoing *outgoing)
{
    auto_dentry struct dentry *file = NULL;
    int error = unix_find_file(call, &outgoing->path, &file);
    if (error < 0)
        return error;
    char path[VFS_PATH_MAX];
    ssize_t length = dentry_relative_path(file, path, sizeof(path));
    if (length < 0)
        return length;
    uint32_t ticket;
    const struct ucred claim = outgoing->has_claim ? outgoing->claim : vouch_caller(call);
    const bool told = call->sentry->boot->gofer_labels != 0 && vouch_ticket(call, &claim, &ticket);
    const struct statx expected = file->inode->attributes;
    const struct gofer_place place = {.path = path, .fd = -1, .expected = gofer_identity_of(&expected)};
    ssize_t sent = gofer_send(call->sentry->gofer, outgoing->socket.fd, place, outgoing->flags, outgoing->data,
                              outgoing->size, told ? &ticket : NULL);
    return sent == -ESTALE ? goferfs_doubt(file, (int)sent) : sent;
}

static int64_t send_to_path(struct call *call, struct outgoing *outgoing)
{
    enum { ATTEMPTS = 4 };
    if (outgoing->fd_count > 0 || outgoing->size > GOFER_DATA_MAX)
        return send_big_to_path(call, outgoing);
    int64_t result = -ESTALE; /* replaced between our look and the gofer's */
    for (int i = 0; i < ATTEMPTS && result == -ESTALE; i++)
        result = send_once_to_path(call, outgoing);
    return result == -ESTALE ? -ECONNREFUSED : result;
}

/* --- all of it --- */

/* A stream takes what it has room for. */
static int64_t send_stream(const struct call *call, struct outgoing *outgoing)
{
    do {
        int64_t sent = send_through(call, outgoing->socket.fd, outgoing);
        if (sent < 0)
            return outgoing->sent > 0 && sent != -EAGAIN ? (int64_t)outgoing->sent : sent;
        outgoing->sent += (size_t)sent;
    } while (outgoing->sent < outgoing->size);
    return (int64_t)outgoing->sent;
}

int64_t outgoing_attempt(struct call *call, struct outgoing *outgoing)
{
    if (outgoing->path.kind == UNIX_PATH)
        return send_to_path(call, outgoing);
    if (outgoing->socket.type == SOCK_STREAM)
        return send_stream(call, outgoing);
    return send_through(call, outgoing->socket.fd, outgoing);
}

/* The value when nothing is waited for any more; frees it. */
static int64_t finish(struct call *call, struct outgoing *outgoing, int64_t result)
{
    if (result == -EAGAIN && outgoing->sent > 0)
        result = (int64_t)outgoing->sent;
    if (result >= 0 && outgoing->length_address != 0) {
        const unsigned int length = (unsigned int)result;
        int error = guest_write(call, outgoing->length_address, &length, sizeof(length));
        result = error < 0 ? error : 1;
    }
    const bool broken = result == -EPIPE && outgoing->socket.type == SOCK_STREAM && (outgoing->flags & MSG_NOSIGNAL) == 0;
    if (broken)
        (void)syscall(SYS_tgkill, call->task->process->pid, call->task->tid, SIGPIPE);
    (void)outgoing_free(outgoing);
    return result;
}

static int64_t poll_sending(struct call *call, void *state)
{
    struct outgoing *outgoing = state;
    int64_t result = outgoing_attempt(call, outgoing);
    if (result == -EAGAIN && !patience_ended(&outgoing->patience) && (outgoing->sent == 0 || !waiting_interrupted(call)))
        return CALL_PENDING;
    return finish(call, outgoing, result);
}

int64_t outgoing_send(struct call *call, struct outgoing *outgoing)
{
    int64_t result = outgoing_attempt(call, outgoing);
    if (result != -EAGAIN || (outgoing->flags & MSG_DONTWAIT) != 0 || !guest_socket_blocks(&outgoing->socket))
        return finish(call, outgoing, result);
    int error = count(call->sentry->net, outgoing, call->cred->ruid);
    if (error < 0)
        return finish(call, outgoing, outgoing->sent > 0 ? -EAGAIN : error);
    const struct parked parked = {.poll = poll_sending,
                                  .cancel = outgoing_cancel,
                                  .state = outgoing,
                                  .refused = outgoing->sent > 0 ? (int64_t)outgoing->sent : -ENOBUFS,
                                  .interrupted = patience_interrupted(&outgoing->patience)};
    return call_park(call, &parked);
}
