/* SPDX-License-Identifier: Apache-2.0 */
/*
 * socketpair(2). We make the pair, so that its ends are marked with who asked for it. It is in our own network namespace, where a pair
 * has no use for one: its ends have each other and no names.
 */
#include <errno.h>
#include <sys/socket.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/net/family.h"
#include "sentry/net/peer.h"
#include "sentry/net/unix.h"
#include "sentry/syscalls/handlers.h"

CONFINE_ALLOW_IF(socketpair, 0, UINT32_MAX, AF_UNIX, "socket pairs of guests");

/* The numbers are written last but for this: a bad address is told before anything is made. */
static int check_place(struct call *call, uint64_t address)
{
    int numbers[2];
    int error = guest_read(call, address, numbers, sizeof(numbers));
    return error < 0 ? error : guest_write(call, address, numbers, sizeof(numbers));
}

static int64_t hand_over(struct call *call, const int ends[2], bool close_on_exec)
{
    int numbers[2];
    int error = call_add_fd(call, ends[0], close_on_exec, -1, &numbers[0]);
    if (error < 0)
        return error;
    error = call_add_fd(call, ends[1], close_on_exec, -1, &numbers[1]);
    if (error == -ESRCH)
        return error;
    if (error < 0)
        return call_withdraw_fd(call, numbers[0], error);
    return guest_write(call, call->args[3], numbers, sizeof(numbers));
}

int64_t sys_socketpair(struct call *call)
{
    int domain = arg_int(call, 0), type = arg_int(call, 1), protocol = arg_int(call, 2);
    if (!family_flags_ok(type))
        return -EINVAL;
    int error = check_place(call, call->args[3]);
    if (error < 0)
        return error;
    if (domain != AF_UNIX)
        return family_pair_error(domain, type, protocol);
    int ends[2];
    peer_begin(call);
    error = socketpair(AF_UNIX, type | SOCK_CLOEXEC, protocol, ends) < 0 ? -errno : 0;
    peer_end(call);
    if (error < 0)
        return error;
    auto_close int one = ends[0], other = ends[1];
    return hand_over(call, (const int[2]){one, other}, (type & SOCK_CLOEXEC) != 0);
}
