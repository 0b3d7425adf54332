/* SPDX-License-Identifier: Apache-2.0 */
/* What ioctl(2) changes on sockets: whom one signals, which is judged; and the network, which is the runtime's. */
#include "sentry/net/ioctl.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/platform/call.h"
#include "sentry/platform/worker.h"
#include "sentry/syscalls/fcntl.h"

CONFINE_ALLOW(getsockopt, "what kind of socket a guest's descriptor is");

struct command {
    unsigned int first, last;
    bool internet; /* other sockets do not know it */
    bool reads;    /* an argument that cannot be read is told first */
    int result;
};

static const struct command commands[] = {
    {SIOCADDRT, SIOCRTMSG, true, true, -EPERM},
    {SIOCSIFLINK, SIOCSIFLINK, false, true, -ENOTTY},
    {SIOCSIFFLAGS, SIOCSIFFLAGS, false, true, -EPERM},
    {SIOCSIFADDR, SIOCSIFADDR, true, true, -EPERM},
    {SIOCSIFDSTADDR, SIOCSIFDSTADDR, true, true, -EPERM},
    {SIOCSIFBRDADDR, SIOCSIFBRDADDR, true, true, -EPERM},
    {SIOCSIFNETMASK, SIOCSIFNETMASK, true, true, -EPERM},
    {SIOCSIFMETRIC, SIOCSIFMETRIC, false, true, -EPERM},
    {SIOCSIFMEM, SIOCSIFMEM, false, true, -EPERM},
    {SIOCSIFMTU, SIOCSIFHWADDR, false, true, -EPERM}, /* and SIOCSIFNAME between them */
    {SIOCADDMULTI, SIOCDELMULTI, false, true, -EPERM},
    {SIOCSIFPFLAGS, SIOCSIFPFLAGS, false, true, -ENOTTY},
    {SIOCSIFTXQLEN, SIOCSIFTXQLEN, false, true, -EPERM},
    {SIOCETHTOOL, SIOCETHTOOL, false, true, -EOPNOTSUPP},
    {SIOCDARP, SIOCSARP, true, true, -EPERM},
    {SIOCSIFMAP, SIOCSIFMAP, false, true, -EPERM},
    {SIOCBRADDBR, SIOCBRDELIF, false, false, -EPERM},
};

static bool is_internet(int fd)
{
    int domain = 0;
    socklen_t size = sizeof(domain);
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && (domain == AF_INET || domain == AF_INET6);
}

/* The process is named in memory, and the kernel notes who asks: so the caller is made to ask again by fcntl(2), with a register. */
static int64_t set_owner(struct call *call, int *fd)
{
    int owner;
    int error = guest_read(call, call->args[2], &owner, sizeof(owner));
    if (error == 0)
        error = file_owner_check(call, owner);
    if (error < 0)
        return error;
    if (owner == 0)
        return file_owner_clear(*fd);
    close_unlocked(take_fd(fd)); /* the call is answered within */
    const uint64_t arguments[6] = {call->args[0], F_SETOWN, (uint64_t)(int64_t)owner};
    return call_make(call, SYS_fcntl, arguments);
}

int64_t socket_ioctl(struct call *call, int *fd)
{
    unsigned int command = arg_uint(call, 1);
    struct ifreq argument;
    if (command == SIOCSPGRP || command == FIOSETOWN)
        return set_owner(call, fd);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        const struct command *entry = &commands[i];
        if (command < entry->first || command > entry->last)
            continue;
        int error = entry->reads ? guest_read(call, call->args[2], &argument, sizeof(argument)) : 0;
        if (error < 0)
            return error;
        return entry->internet && !is_internet(*fd) ? -ENOTTY : entry->result;
    }
    return -ENOTTY;
}
