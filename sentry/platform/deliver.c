/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel injects no O_PATH descriptor, but lets one pass over a Unix socket. So the caller gets one end of a pair
 * whose other end has the descriptor under way, and is made to receive it and to put it in the place of the socket.
 *
 * The message header lies in a page the caller is made to map for it, and to unmap again: its stack may be a small one
 * with another thread's data right below. Another thread of the guest may find and change it meanwhile; all it can spoil is
 * its own process's descriptors.
 */
#include "sentry/platform/deliver.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "postern/in_flight.h"
#include "postern/socket.h"
#include "sentry/platform/call.h"
#include "sentry/kernel/process.h"
#include "sentry/platform/transient.h"
#include "sentry/platform/worker.h"

CONFINE_ALLOW_IF(socketpair, 0, UINT32_MAX, AF_UNIX, "carries O_PATH descriptors to the guest");

enum { PAGE = 4096 };

/* What recvmsg(2) needs, at its place in the guest. */
struct letter {
    struct msghdr header;
    struct iovec vector;
    char byte;
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
};

struct delivery {
    struct tracee tracee;
    uint64_t address; /* of the letter in the guest */
    int socket; /* the number of the caller's end */
    bool close_on_exec;
};

static int copy(const struct delivery *delivery, struct letter *letter, bool to_guest)
{
    struct iovec local = {.iov_base = letter, .iov_len = sizeof(*letter)};
    struct iovec remote = {.iov_base = (void *)delivery->address, .iov_len = sizeof(*letter)};
    pid_t tid = delivery->tracee.tid;
    bool paused = state_pause(); /* as in memory.c: a page may be long in coming */
    ssize_t done = to_guest ? process_vm_writev(tid, &local, 1, &remote, 1, 0)
                            : process_vm_readv(tid, &local, 1, &remote, 1, 0);
    state_resume(paused);
    return done == (ssize_t)sizeof(*letter) ? 0 : -EFAULT;
}

static int write_letter(const struct delivery *delivery)
{
    uint64_t at = delivery->address;
    struct letter letter = {
        .header = {
            .msg_iov = (struct iovec *)(at + offsetof(struct letter, vector)),
            .msg_iovlen = 1,
            .msg_control = (void *)(at + offsetof(struct letter, control)),
            .msg_controllen = sizeof(letter.control.bytes),
        },
        .vector = {.iov_base = (void *)(at + offsetof(struct letter, byte)), .iov_len = 1},
    };
    return copy(delivery, &letter, true);
}

/* The number the caller received it under. */
static int received_number(const struct delivery *delivery)
{
    struct letter letter;
    int error = copy(delivery, &letter, false);
    if (error < 0)
        return error;
    struct cmsghdr header;
    int number;
    memcpy(&header, letter.control.bytes, sizeof(header));
    if (header.cmsg_len != CMSG_LEN(sizeof(int)) || header.cmsg_level != SOL_SOCKET || header.cmsg_type != SCM_RIGHTS)
        return -EMFILE; /* no room for one more descriptor: it was thrown away */
    memcpy(&number, letter.control.bytes + CMSG_LEN(0), sizeof(number));
    return number;
}

/* The caller receives a descriptor. Its number, -ESRCH when the caller is gone, or another -errno. */
static int64_t receive_number(struct delivery *delivery)
{
    int64_t returned;
    const int flags = MSG_OF_OURS | MSG_DONTWAIT | (delivery->close_on_exec ? MSG_CMSG_CLOEXEC : 0);
    const uint64_t receiving[6] = {(uint64_t)delivery->socket, delivery->address, (uint32_t)flags};
    int error = write_letter(delivery);
    if (error < 0)
        return error;
    if (transient_call(&delivery->tracee, SYS_recvmsg, receiving, &returned) < 0)
        return -ESRCH;
    return returned == 1 ? received_number(delivery) : -EIO;
}

/* The caller receives the descriptor and puts it in the socket's place: the lowest number that was free. Returns what
 * its call returns, or -ESRCH when it is gone. */
static int64_t receive(struct delivery *delivery)
{
    struct tracee *tracee = &delivery->tracee;
    uint64_t socket = (uint64_t)delivery->socket, flags = delivery->close_on_exec ? O_CLOEXEC : 0;
    int64_t returned, number = receive_number(delivery);
    if (number < 0)
        return number;

    const uint64_t placing[6] = {(uint64_t)number, socket, flags}, closing[6] = {(uint64_t)number};
    if (transient_call(tracee, SYS_dup3, placing, &returned) < 0 ||
        transient_call(tracee, SYS_close, closing, &number) < 0)
        return -ESRCH;
    return returned;
}

/* A page for the letter. 0 or -errno. */
static int64_t map_page(struct delivery *delivery)
{
    int64_t address;
    const uint64_t mapping[6] = {0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, UINT64_MAX, 0};
    if (transient_call(&delivery->tracee, SYS_mmap, mapping, &address) < 0)
        return -ESRCH;
    if (address < 0)
        return address;
    delivery->address = (uint64_t)address;
    return 0;
}

/* The same with a page for the letter around it. */
static int64_t receive_in_page(struct delivery *delivery)
{
    int64_t ignored, result = map_page(delivery);
    if (result < 0)
        return result;
    result = receive(delivery);
    const uint64_t unmapping[6] = {delivery->address, PAGE};
    if (result != -ESRCH && transient_call(&delivery->tracee, SYS_munmap, unmapping, &ignored) < 0)
        return -ESRCH;
    return result;
}

static void deliver(struct delivery *delivery)
{
    struct tracee *tracee = &delivery->tracee;
    if (transient_stop(tracee) < 0)
        return;
    int64_t result = receive_in_page(delivery), ignored;
    if (result == -ESRCH)
        return;
    const uint64_t closing[6] = {(uint64_t)delivery->socket};
    if (result < 0 && transient_call(tracee, SYS_close, closing, &ignored) < 0)
        return;
    tracee->call->installed = result;
    transient_return(tracee, result);
    transient_let_go(tracee);
}

/* Descriptors, one a letter. */
struct letters {
    const int *fds;
    size_t count;
    const uint64_t *addresses; /* where their numbers go; NULL: the number of the only one is what the call returns */
    int64_t value;             /* otherwise it returns this */
};

/* What the guest did not take, or a filter of its own kept it from taking: on its way it would count as ours (postern/in_flight.h). The
 * socket is the guest's as well by now, and may be set to wait. */
static void take_back(const int *socket)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    char letter;
    struct iovec part = {&letter, sizeof(letter)};
    for (;;) {
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control)};
        if (*socket < 0 || recvmsg(*socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) <= 0)
            break;
        const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        int fd;
        if (header == NULL || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(fd)))
            continue;
        memcpy(&fd, CMSG_DATA(header), sizeof(fd));
        close_unlocked(fd);
    }
    cleanup_close(socket);
}
#define auto_take_back __attribute__((cleanup(take_back)))

/* One letter after the other; their numbers go where they were to be. */
static int64_t receive_all(struct delivery *delivery, const uint64_t *addresses, size_t count)
{
    int64_t result = map_page(delivery), ignored;
    if (result < 0)
        return result;
    for (size_t i = 0; i < count && result >= 0; i++) {
        result = receive_number(delivery);
        const int number = (int)result;
        struct iovec local = {.iov_base = (void *)(uintptr_t)&number, .iov_len = sizeof(number)};
        struct iovec remote = {.iov_base = (void *)addresses[i], .iov_len = sizeof(number)};
        bool paused = state_pause();
        if (result >= 0)
            (void)process_vm_writev(delivery->tracee.tid, &local, 1, &remote, 1, 0);
        state_resume(paused);
    }
    const uint64_t unmapping[6] = {delivery->address, PAGE};
    if (result != -ESRCH && transient_call(&delivery->tracee, SYS_munmap, unmapping, &ignored) < 0)
        return -ESRCH;
    return result;
}

static void deliver_all(struct delivery *delivery, const struct letters *letters)
{
    int64_t ignored;
    const uint64_t closing[6] = {(uint64_t)delivery->socket};
    if (transient_stop(&delivery->tracee) < 0 || receive_all(delivery, letters->addresses, letters->count) == -ESRCH ||
        transient_call(&delivery->tracee, SYS_close, closing, &ignored) < 0)
        return;
    transient_return(&delivery->tracee, letters->value);
    transient_let_go(&delivery->tracee);
}

/* Posts them, hands the socket over they lie in, and has the guest take them out. */
static int64_t hand_over(struct call *call, const struct letters *letters, bool close_on_exec)
{
    int ends[2];
    int error = socket_pair(ends);
    if (error < 0)
        return error;
    auto_close int ours = ends[0];
    auto_take_back int theirs = ends[1];
    struct delivery delivery = {.close_on_exec = close_on_exec};
    for (size_t i = 0; i < letters->count && error == 0; i++)
        error = in_flight_send(ours, "", 1, &letters->fds[i], 1);
    if (error < 0)
        return error;
    struct process *process = call->task->process;
    process_intrude(process); /* as in guest_write() */
    error = call_add_fd(call, theirs, true, -1, &delivery.socket);
    if (error == 0)
        error = transient_seize(call, &delivery.tracee);
    if (error == 0 && letters->addresses == NULL)
        deliver(&delivery);
    else if (error == 0)
        deliver_all(&delivery, letters);
    transient_end(&delivery.tracee);
    process_intrude_end(process);
    return error < 0 ? error : CALL_ANSWERED;
}

int64_t call_install_path_fd(struct call *call, int fd, bool close_on_exec)
{
    return hand_over(call, &(struct letters){.fds = &fd, .count = 1}, close_on_exec);
}

int64_t call_return_path_fds(struct call *call, int64_t value, const int *fds, const uint64_t *addresses, size_t count,
                             bool close_on_exec)
{
    return hand_over(call, &(struct letters){.fds = fds, .count = count, .addresses = addresses, .value = value}, close_on_exec);
}

int64_t call_install_terminal(struct call *call, int fd, bool close_on_exec)
{
    int number;
    auto_tracee struct tracee tracee = {.held = false};
    int error = call_add_fd(call, fd, close_on_exec, -1, &number);
    if (error < 0)
        return error;
    if (transient_seize(call, &tracee) < 0)
        return number;
    const uint64_t taking[6] = {(uint64_t)number, TIOCSCTTY};
    int64_t ignored;
    if (transient_stop(&tracee) < 0 || transient_trapped_call(&tracee, SYS_ioctl, taking, &ignored) < 0)
        return CALL_ANSWERED;
    call->installed = number;
    transient_return(&tracee, number);
    transient_let_go(&tracee);
    return CALL_ANSWERED;
}

int64_t call_withdraw_fd(struct call *call, int number, int64_t result)
{
    auto_tracee struct tracee tracee = {.held = false};
    int error = transient_seize(call, &tracee);
    if (error < 0)
        return error;
    const uint64_t closing[6] = {(uint64_t)number};
    int64_t ignored;
    if (transient_stop(&tracee) < 0 || transient_call(&tracee, SYS_close, closing, &ignored) < 0)
        return CALL_ANSWERED;
    transient_return(&tracee, result);
    transient_let_go(&tracee);
    return CALL_ANSWERED;
}

static int64_t make(struct call *call, long nr, const uint64_t arguments[6], bool again)
{
    auto_tracee struct tracee tracee = {.held = false};
    int64_t result;
    int error = transient_seize(call, &tracee);
    if (error < 0)
        return error;
    if (transient_stop(&tracee) < 0 || transient_trapped_call(&tracee, nr, arguments, &result) < 0)
        return CALL_ANSWERED;
    transient_return(&tracee, again ? -ERESTARTNOINTR : result);
    transient_let_go(&tracee);
    return CALL_ANSWERED;
}

int64_t call_make(struct call *call, long nr, const uint64_t arguments[6])
{
    return make(call, nr, arguments, false);
}

int64_t call_make_before(struct call *call, long nr, const uint64_t arguments[6])
{
    return make(call, nr, arguments, true);
}
