/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/net/unix.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/fs/gofer_client.h"
#include "sentry/fs/goferfs.h"
#include "sentry/kernel/cred.h"
#include "sentry/kernel/process.h"
#include "sentry/net/net.h"
#include "sentry/net/peer.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/file.h"

CONFINE_ALLOW(getsockopt, "what kind of socket a guest's descriptor is");
CONFINE_ALLOW(getsockname, "the name of a guest's socket");
CONFINE_ALLOW(getpeername, "the name of its peer");

void guest_socket_release(struct guest_socket *socket)
{
    /* Should the guest's own be closed meanwhile, the last close is ours, and may linger. */
    close_unlocked(socket->fd);
    socket->fd = -1;
}

static int int_option(int fd, int name, int *ret_value)
{
    socklen_t size = sizeof(*ret_value);
    return getsockopt(fd, SOL_SOCKET, name, ret_value, &size) < 0 ? -errno : 0;
}

static int get_cookie(int fd, uint64_t *ret_cookie)
{
    socklen_t size = sizeof(*ret_cookie);
    return getsockopt(fd, SOL_SOCKET, SO_COOKIE, ret_cookie, &size) < 0 ? -errno : 0;
}

int guest_socket_of(int *fd, struct guest_socket *ret_socket)
{
    int error = refuse_path_descriptor(*fd);
    struct guest_socket socket = {.fd = -1};
    if (error == 0)
        error = int_option(*fd, SO_DOMAIN, &socket.domain);
    if (error == 0)
        error = int_option(*fd, SO_TYPE, &socket.type);
    if (error == 0 && socket.domain == AF_UNIX)
        error = get_cookie(*fd, &socket.cookie);
    if (error < 0)
        return error;
    socket.fd = take_fd(fd);
    *ret_socket = socket;
    return 0;
}

int guest_socket_get(struct call *call, int guest_fd, struct guest_socket *ret_socket)
{
    auto_close_unlocked int fd = call_get_fd(call, guest_fd);
    return fd < 0 ? fd : guest_socket_of(&fd, ret_socket);
}

bool guest_socket_blocks(const struct guest_socket *socket)
{
    int flags = fcntl(socket->fd, F_GETFL);
    return flags >= 0 && (flags & O_NONBLOCK) == 0;
}

int guest_sockaddr_read(struct call *call, uint64_t address, int size, struct sockaddr_storage *ret_address)
{
    if (size < 0 || (size_t)size > sizeof(*ret_address))
        return -EINVAL;
    memset(ret_address, 0, sizeof(*ret_address));
    int error = guest_read(call, address, ret_address, (size_t)size);
    return error < 0 ? error : size;
}

int guest_sockaddr_write(struct call *call, uint64_t address, uint64_t size_address, const void *bytes, size_t size)
{
    int room;
    int error = guest_read(call, size_address, &room, sizeof(room));
    if (error < 0)
        return error;
    if (room < 0)
        return -EINVAL;
    size_t shown = (size_t)room < size ? (size_t)room : size;
    error = guest_write(call, address, bytes, shown);
    int true_size = (int)size;
    return error < 0 ? error : guest_write(call, size_address, &true_size, sizeof(true_size));
}

int unix_native_name(int fd, struct unix_address *ret_address)
{
    struct sockaddr_un address;
    socklen_t size = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        return -errno;
    return unix_address_parse(&address, size < sizeof(address) ? size : sizeof(address), ret_address);
}

int unix_native_peer(int fd, struct unix_address *ret_address)
{
    struct sockaddr_un address;
    socklen_t size = sizeof(address);
    if (getpeername(fd, (struct sockaddr *)&address, &size) < 0)
        return -errno;
    return unix_address_parse(&address, size < sizeof(address) ? size : sizeof(address), ret_address);
}

struct socket_record *guest_socket_record(const struct call *call, const struct guest_socket *socket)
{
    return sockets_obtain(call->sentry->net->sockets, socket->cookie, call->cred->ruid);
}

struct socket_file socket_file_of(const struct statx *attributes)
{
    return (struct socket_file){.device = (uint64_t)attributes->stx_dev_major << 32 | attributes->stx_dev_minor,
                                .inode = attributes->stx_ino};
}

static int connect_once(struct call *call, int fd, const struct unix_address *address, struct socket_file *ret_file)
{
    auto_dentry struct dentry *file = NULL;
    int error = unix_find_file(call, address, &file);
    if (error < 0)
        return error;
    char path[VFS_PATH_MAX];
    ssize_t length = dentry_relative_path(file, path, sizeof(path));
    if (length < 0)
        return (int)length;
    const struct statx expected = file->inode->attributes;
    const struct gofer_place place = {.path = path, .fd = -1, .expected = gofer_identity_of(&expected)};
    struct mark mark;
    const bool marked = call->sentry->boot->gofer_labels != 0 && peer_mark(call, &mark);
    error = gofer_connect(call->sentry->gofer, fd, place, marked ? &mark : NULL);
    if (error == 0)
        *ret_file = socket_file_of(&expected);
    return error == -ESTALE ? goferfs_doubt(file, error) : error;
}

int unix_connect_path(struct call *call, int fd, const struct unix_address *address, struct socket_file *ret_file)
{
    enum { ATTEMPTS = 4 };
    int error = -ESTALE; /* replaced between our look and the gofer's */
    for (int i = 0; i < ATTEMPTS && error == -ESTALE; i++)
        error = connect_once(call, fd, address, ret_file);
    return error == -ESTALE ? -ECONNREFUSED : error;
}

int unix_find_file(struct call *call, const struct unix_address *address, struct dentry **ret_dentry)
{
    struct vfs_who who;
    vfs_who_from_call(call, &who);
    auto_lookup struct lookup lookup = {.fd = -1};
    int error = path_lookup(call, &who, AT_FDCWD, address->name, LOOKUP_FOLLOW, &lookup);
    if (error < 0)
        return error;
    if (lookup.dentry == NULL)
        return -ECONNREFUSED;
    error = vfs_permission(&who, lookup.dentry, MAY_WRITE);
    if (error < 0)
        return error;
    if (!S_ISSOCK(lookup.dentry->inode->attributes.stx_mode))
        return -ECONNREFUSED;
    *ret_dentry = take_ptr(lookup.dentry);
    return 0;
}
