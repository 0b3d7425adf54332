/* SPDX-License-Identifier: Apache-2.0 */
/* The naming half of what guests otherwise do natively: path sockets and inotify. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "gofer/foreign.h"
#include "gofer/owner.h"
#include "gofer/resolve.h"
#include "gofer/server.h"
#include "postern/confine.h"

CONFINE_ALLOW(fchdir, "bind takes no descriptor of a folder");
CONFINE_ALLOW(bind, "a guest's socket gets its name");
CONFINE_ALLOW(connect, "a guest's socket reaches another's name");
CONFINE_ALLOW(inotify_add_watch, "a guest's inotify instance gets a watch");

/* A name of 108 bytes fills the address without a NUL: Linux allows that. */
static int set_name(struct sockaddr_un *address, const char *name, socklen_t *ret_size)
{
    size_t length = strlen(name);
    if (length > sizeof(address->sun_path))
        return -ENAMETOOLONG;
    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, name, length);
    *ret_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (length < sizeof(address->sun_path)));
    return 0;
}

static int bind_in(const struct server *server, int directory, int fd, const struct sockaddr_un *address,
                   socklen_t size)
{
    if (fchdir(directory) < 0)
        return -errno;
    int status = bind(fd, (const struct sockaddr *)address, size) < 0 ? -errno : 0;
    if (fchdir(server->self) < 0) {
        (void)dprintf(STDERR_FILENO, "postern-gofer: cannot return to self/fd\n");
        _exit(EXIT_FAILURE);
    }
    return status;
}

int op_bind(struct exchange *exchange)
{
    auto_place struct place parent = PLACE_NONE;
    struct sockaddr_un address;
    socklen_t size = 0;
    const char *name;
    int status = place_parent(exchange, 0, &parent, &name);
    if (status == 0)
        status = set_name(&address, name, &size);
    if (status < 0)
        return status;

    /* The kernel takes the mode from the socket itself: what the request leaves out, the umask takes away. */
    struct gofer_request owner = *exchange->request;
    owner.umask |= ~owner.mode & 0777;
    status = owner_begin(&owner);
    if (status < 0)
        return status;
    status = bind_in(exchange->server, parent.fd, exchange->fd, &address, size);
    owner_end();
    if (status == 0)
        foreign_note_made(parent.fd, name);
    return status;
}

/* connect(2) that never waits for room in the other's queue. */
static int connect_at_once(int fd, const struct sockaddr_un *address, socklen_t size)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || ((flags & O_NONBLOCK) == 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0))
        return -errno;
    int status = connect(fd, (const struct sockaddr *)address, size) < 0 ? -errno : 0;
    if ((flags & O_NONBLOCK) == 0 && fcntl(fd, F_SETFL, flags) < 0)
        return -errno;
    return status;
}

int op_connect(struct exchange *exchange)
{
    auto_place struct place target = PLACE_NONE;
    struct sockaddr_un address;
    socklen_t size = 0;
    struct statx attributes;
    int status = place_of_request(exchange, &target);
    if (status == 0)
        status = attributes_of(target.fd, &attributes);
    if (status == 0)
        status = foreign_check_reach(&attributes);
    if (status == 0)
        status = set_name(&address, fd_name(target.fd).text, &size);
    return status < 0 ? status : connect_at_once(exchange->fd, &address, size);
}

int op_inotify_add(struct exchange *exchange)
{
    auto_place struct place target = PLACE_NONE;
    int status = place_of_request(exchange, &target);
    if (status < 0)
        return status;
    /* Followed is only self/fd's link, to the object; that one may well be a symbolic link. */
    uint32_t mask = exchange->request->flags & ~(uint32_t)IN_DONT_FOLLOW;
    int watch = inotify_add_watch(exchange->fd, fd_name(target.fd).text, mask);
    if (watch < 0)
        return -errno;
    exchange->reply->value = watch;
    return 0;
}
