/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/state/state_socket.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/base/await.h"

/* By way of /proc/self/fd: the folder's own path may be longer than a socket address. */
static struct sockaddr_un address_of(int folder, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", folder, name);
    return address;
}

int state_socket_listen(int folder, const char *name, struct error *error)
{
    enum { WAITING_MAX = 16 };
    auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = address_of(folder, name);
    if (fd < 0)
        return error_set(error, errno, "cannot make a socket");
    (void)unlinkat(folder, name, 0);
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, WAITING_MAX) < 0)
        return error_set(error, errno, "cannot make %s in the state folder", name);
    return take_fd(&fd);
}

int state_socket_connect(int folder, const char *name, struct error *error)
{
    auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    const struct sockaddr_un address = address_of(folder, name);
    if (fd < 0)
        return error_set(error, errno, "cannot make a socket");
    int result = await_connected(fd, (const struct sockaddr *)&address, sizeof(address));
    return result < 0 ? error_set(error, result, "cannot reach the container by %s", name) : take_fd(&fd);
}
