/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/net/ports.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/kernel/cred.h"
#include "sentry/kernel/process.h"
#include "sentry/net/native.h"
#include "sentry/net/sockaddr.h"
#include "sentry/platform/call.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"

CONFINE_ALLOW(getsockname, "which port a socket was given");
CONFINE_ALLOW(getsockopt, "whether it shares its port");
CONFINE_ALLOW_IF(openat, 0, UINT32_MAX, SENTRY_FD_PROC_INNER, "which ports are in use");

enum { PORTS = 65536, TIME_WAIT = 6, STREAM = 0, DATAGRAM = 1 };

/* The user and one: 0 is nobody. Under the state lock, as all of this. */
static uint64_t users[2][PORTS];

/* --- one at a time: by the socket, and by the port --- */

struct hold {
    struct hold *next;
    uint64_t key;
};
static struct hold *holds;
static struct waiters released = WAITERS_NONE;

static bool is_held(uint64_t key)
{
    const struct hold *hold = holds;
    while (hold != NULL && hold->key != key)
        hold = hold->next;
    return hold != NULL;
}

static void hold_key(struct hold *hold, uint64_t key)
{
    while (is_held(key))
        state_wait(&released);
    *hold = (struct hold){.next = holds, .key = key};
    holds = hold;
}

static void let_go(const struct hold *hold)
{
    struct hold **link = &holds;
    while (*link != hold)
        link = &(*link)->next;
    *link = hold->next;
    state_wake(&released);
}

/* The kernel's number for it, never given twice. */
static uint64_t key_of_socket(const struct guest_socket *socket)
{
    uint64_t cookie = 0;
    socklen_t size = sizeof(cookie);
    (void)getsockopt(socket->fd, SOL_SOCKET, SO_COOKIE, &cookie, &size);
    return cookie;
}

/* Cookies of sockets count from one: none is as large. */
static uint64_t key_of_port(int kind, int port)
{
    return UINT64_C(1) << 63 | (uint64_t)kind << 16 | (uint64_t)port;
}

/* --- whose it is --- */

static bool is_listed(const struct call *call, const char *name, int port)
{
    char path[64], line[512];
    (void)snprintf(path, sizeof(path), "%d/net/%s", call->task->process->vpid, name);
    int fd = openat(call->sentry->proc_inner, path, O_RDONLY | O_CLOEXEC);
    auto_fclose FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    if (file == NULL)
        return fd >= 0 || errno != ENOENT;
    unsigned int found, state;
    while (fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x", &found, &state) == 2 && (int)found == port && state != TIME_WAIT)
            return true;
    return false;
}

static bool is_in_use(const struct call *call, int kind, int port)
{
    return kind == STREAM ? is_listed(call, "tcp", port) || is_listed(call, "tcp6", port)
                          : is_listed(call, "udp", port) || is_listed(call, "udp6", port);
}

static bool is_shared(int fd)
{
    int value = 0;
    socklen_t size = sizeof(value);
    return getsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &value, &size) < 0 || value != 0;
}

static int bound_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    return getsockname(fd, (struct sockaddr *)&address, &size) < 0 ? 0 : sockaddr_port(&address, size);
}

/* The port is held, if it is one. */
static int bind_held(struct call *call, const struct guest_socket *socket, const struct sockaddr_storage *address, int size, int port)
{
    const int kind = socket->type == SOCK_STREAM ? STREAM : DATAGRAM;
    const uint64_t user = (uint64_t)call->cred->fsuid + 1;
    if (port > 0 && users[kind][port] != user && is_shared(socket->fd) && is_in_use(call, kind, port))
        return -EADDRINUSE;
    int error = native_bind(socket->fd, (const struct sockaddr *)address, (socklen_t)size);
    if (error == 0 && port <= 0)
        port = bound_port(socket->fd);
    if (error == 0 && port > 0 && port < PORTS)
        users[kind][port] = user;
    return error;
}

int ports_bind(struct call *call, const struct guest_socket *socket, const struct sockaddr_storage *address, int size)
{
    struct hold of_socket, of_port;
    const int port = sockaddr_port(address, (size_t)size);
    hold_key(&of_socket, key_of_socket(socket));
    if (port > 0)
        hold_key(&of_port, key_of_port(socket->type == SOCK_STREAM ? STREAM : DATAGRAM, port));
    int error = bind_held(call, socket, address, size, port);
    if (port > 0)
        let_go(&of_port);
    let_go(&of_socket);
    return error;
}

int ports_set_shared(const struct guest_socket *socket, int value)
{
    struct hold of_socket;
    hold_key(&of_socket, key_of_socket(socket));
    int error = native_set(socket->fd, SO_REUSEPORT, &value, sizeof(value));
    let_go(&of_socket);
    return error;
}
