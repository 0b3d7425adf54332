/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recvmsg(2) and recvmmsg(2). Nearly all run natively, after one question to the socket. Whoever asked to be told who sends
 * (SO_PASSCRED) is told by us.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "postern/cleanup.h"
#include "sentry/net/patience.h"
#include "sentry/net/receive.h"
#include "sentry/net/urgent.h"
#include "sentry/net/waiting.h"
#include "sentry/platform/deliver.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/handlers.h"

/* A call that may wait. recvmsg(2) is one of a single message whose length is the value. */
struct receiving {
    struct sentry *sentry;
    struct guest_socket socket;
    struct incoming incoming;
    struct patience patience;
    struct path_fds path_fds;
    int flags;
    bool waits;    /* it is parked, and watched */
    bool is_array; /* of struct mmsghdr, at `entries` */
    uint64_t entries;
    unsigned int count, done;
    struct patience limit; /* recvmmsg's own, which counts after each message only */
};

static void receiving_free(void *state)
{
    struct receiving *receiving = state;
    if (receiving->waits)
        waiting_end(receiving->sentry, receiving->socket.fd);
    incoming_release(&receiving->incoming);
    path_fds_release(&receiving->path_fds);
    guest_socket_release(&receiving->socket);
    free(receiving);
}

/* --- one message after the other --- */

static int begin_message(struct call *call, struct receiving *receiving)
{
    uint64_t address = receiving->entries + receiving->done * sizeof(struct mmsghdr);
    receiving->incoming = (struct incoming){
        .socket = &receiving->socket, .flags = receiving->flags & ~MSG_WAITFORONE, .path_fds = &receiving->path_fds};
    return message_read(call, address, &receiving->incoming.message);
}

/* The value of the whole call when no more is to come: an error counts only if there was nothing. */
static int64_t outcome(const struct receiving *receiving, int64_t last)
{
    if (!receiving->is_array)
        return last;
    return receiving->done > 0 ? (int64_t)receiving->done : last;
}

static bool is_last(struct receiving *receiving)
{
    return !receiving->is_array || receiving->done == receiving->count || patience_ended(&receiving->limit);
}

static int note_length(struct call *call, const struct receiving *receiving, int64_t length)
{
    const unsigned int shown = (unsigned int)length;
    uint64_t address = receiving->entries + receiving->done * sizeof(struct mmsghdr) + offsetof(struct mmsghdr, msg_len);
    return receiving->is_array ? guest_write(call, address, &shown, sizeof(shown)) : 0;
}

/* Until it would wait: CALL_PENDING. */
static int64_t receive_on(struct call *call, struct receiving *receiving)
{
    for (;;) {
        int64_t length = incoming_try(call, &receiving->incoming);
        if (length == -EAGAIN)
            return CALL_PENDING;
        int error = length < 0 ? (int)length : note_length(call, receiving, length);
        incoming_release(&receiving->incoming);
        if (error < 0)
            return outcome(receiving, error);
        receiving->done++;
        if (is_last(receiving))
            return outcome(receiving, length);
        if ((receiving->flags & MSG_WAITFORONE) != 0)
            receiving->flags |= MSG_DONTWAIT;
        error = begin_message(call, receiving);
        if (error < 0)
            return outcome(receiving, error);
    }
}

/* Nothing more is waited for. */
static int64_t stop_waiting(struct call *call, struct receiving *receiving, bool signalled)
{
    int64_t length = incoming_finish(call, &receiving->incoming, signalled);
    if (length >= 0 && note_length(call, receiving, length) == 0)
        receiving->done++;
    return outcome(receiving, length);
}

/* The value goes to the caller, with descriptors only he can take. By then we hold his socket no more. */
static int64_t finish(struct call *call, struct receiving *receiving, int64_t value)
{
    struct path_fds path_fds = receiving->path_fds;
    const bool close_on_exec = (receiving->flags & MSG_CMSG_CLOEXEC) != 0;
    receiving->path_fds.count = 0;
    receiving_free(receiving);
    if (value >= 0 && path_fds.count > 0) {
        int64_t answered =
            call_return_path_fds(call, value, path_fds.fds, path_fds.numbers, path_fds.count, close_on_exec);
        value = answered < 0 && answered != CALL_ANSWERED ? value : answered;
    }
    path_fds_release(&path_fds);
    return value;
}

static int64_t poll_receiving(struct call *call, void *state)
{
    struct receiving *receiving = state;
    int64_t value = receive_on(call, receiving);
    const bool partly = receiving->done > 0 || receiving->incoming.arrival != NULL;
    if (value == CALL_PENDING && patience_ended(&receiving->patience))
        value = stop_waiting(call, receiving, false);
    else if (value == CALL_PENDING && partly && waiting_interrupted(call))
        value = stop_waiting(call, receiving, true);
    return value == CALL_PENDING ? value : finish(call, receiving, value);
}

static int64_t start(struct call *call, struct receiving *receiving)
{
    int64_t value = begin_message(call, receiving);
    if (value == 0)
        value = receive_on(call, receiving);
    if (value != CALL_PENDING)
        return finish(call, receiving, value);
    if ((receiving->flags & MSG_DONTWAIT) != 0 || !guest_socket_blocks(&receiving->socket))
        return finish(call, receiving, stop_waiting(call, receiving, false));
    receiving->waits = true;
    waiting_begin(call->sentry, receiving->socket.fd);
    const struct parked parked = {.poll = poll_receiving,
                                  .cancel = receiving_free,
                                  .state = receiving,
                                  .refused = -ENOMEM,
                                  .interrupted = patience_interrupted(&receiving->patience)};
    return call_park(call, &parked);
}

static struct receiving *receiving_new(struct call *call, struct guest_socket *socket, int flags)
{
    struct receiving *receiving = calloc(1, sizeof(*receiving));
    if (receiving == NULL)
        return NULL;
    *receiving = (struct receiving){.sentry = call->sentry,
                                    .socket = *socket,
                                    .patience = patience_of(socket->fd, SO_RCVTIMEO),
                                    .flags = flags,
                                    .entries = call->args[1],
                                    .count = 1};
    receiving->socket.fd = take_fd(&socket->fd);
    return receiving;
}

/* --- the calls --- */

/* 0: the host does it; 1: we do; or -errno. */
static int whose(struct call *call, struct guest_socket *ret_socket)
{
    auto_close_unlocked int fd = call_get_fd(call, arg_int(call, 0));
    if (fd < 0)
        return fd;
    if (!receive_is_ours(call, fd))
        return 0;
    int error = guest_socket_of(&fd, ret_socket);
    return error < 0 ? error : 1;
}

int64_t sys_recvmsg(struct call *call)
{
    int flags = arg_int(call, 2);
    if (((unsigned int)flags & MESSAGE_FLAGS_REFUSED) != 0)
        return urgent_receive_message(call, call->args[1], flags);
    auto_socket struct guest_socket socket = {.fd = -1};
    int ours = whose(call, &socket);
    if (ours <= 0)
        return ours == 0 ? CALL_CONTINUE : ours;
    struct receiving *receiving = receiving_new(call, &socket, flags & ~MSG_WAITFORONE);
    return receiving == NULL ? -ENOMEM : start(call, receiving);
}

static int read_limit(struct call *call, struct patience *ret_limit)
{
    struct timespec limit;
    *ret_limit = (struct patience){0};
    if (call->args[4] == 0)
        return 0;
    int error = guest_read(call, call->args[4], &limit, sizeof(limit));
    if (error < 0)
        return error;
    if (limit.tv_sec < 0 || limit.tv_nsec < 0 || limit.tv_nsec >= 1000000000)
        return -EINVAL;
    *ret_limit = patience_for(&limit);
    return 0;
}

int64_t sys_recvmmsg(struct call *call)
{
    int flags = arg_int(call, 3);
    if (((unsigned int)flags & MESSAGE_FLAGS_REFUSED) != 0)
        return -EOPNOTSUPP;
    auto_socket struct guest_socket socket = {.fd = -1};
    int ours = whose(call, &socket);
    if (ours <= 0)
        return ours == 0 ? CALL_CONTINUE : ours;
    struct patience limit;
    int error = read_limit(call, &limit);
    if (error < 0 || arg_uint(call, 2) == 0)
        return error;
    struct receiving *receiving = receiving_new(call, &socket, flags);
    if (receiving == NULL)
        return -ENOMEM;
    receiving->is_array = true;
    receiving->count = arg_uint(call, 2);
    receiving->limit = limit;
    return start(call, receiving);
}

int64_t sys_recvfrom(struct call *call)
{
    return urgent_receive(call);
}
