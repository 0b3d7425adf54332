/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/console/hand_over.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "postern/socket.h"
#include "runtime/base/await.h"

int hand_over_open(const char *path, const char *what, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path))
        return error_set(error, ENAMETOOLONG, "%s %s", what, path);
    (void)strcpy(address.sun_path, path);
    auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result = fd < 0 ? -errno : await_connected(fd, (const struct sockaddr *)&address, sizeof(address));
    if (result < 0)
        return error_set(error, result, "cannot connect to the %s %s", what, path);
    return take_fd(&fd);
}

int hand_over_console(const char *path, int master, struct error *error)
{
    static const char name[] = "/dev/ptmx"; /* the receiver wants a name; containerd shows it, nobody opens it */
    auto_close int fd = hand_over_open(path, "console socket", error);
    if (fd < 0)
        return fd;
    int result = socket_send(fd, name, sizeof(name) - 1, &master, 1);
    return result < 0 ? error_set(error, result, "cannot send the console to %s", path) : 0;
}

int hand_over_pidfd(int connection, int pidfd, bool joins, struct error *error)
{
    const char *kind = joins ? "setns" : "standard";
    int result = socket_send(connection, kind, strlen(kind), &pidfd, 1);
    return result < 0 ? error_set(error, result, "cannot send a pidfd to the pidfd socket") : 0;
}
