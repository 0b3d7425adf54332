/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/net/unix.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/kernel/cred.h"
#include "sentry/kernel/process.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/file.h"

CONFINE_ALLOW(getsockopt, "what kind of socket a guest's descriptor is");
CONFINE_ALLOW(getsockname, "the native name of a guest's socket");
CONFINE_ALLOW(getpeername, "the native name of its peer");
CONFINE_ALLOW(newfstatat, "the identity of a socket"); /* libc's fstat */
CONFINE_ALLOW(fstat, "the identity of a socket");

void guest_socket_release(struct guest_socket *socket)
{
    cleanup_close(&socket->fd);
}

static int int_option(int fd, int name, int *ret_value)
{
    socklen_t size = sizeof(*ret_value);
    return getsockopt(fd, SOL_SOCKET, name, ret_value, &size) < 0 ? -errno : 0;
}

int guest_socket_get(struct call *call, int guest_fd, struct guest_socket *ret_socket)
{
    auto_close int fd = call_get_fd(call, guest_fd);
    if (fd < 0)
        return fd;
    int error = refuse_path_descriptor(fd);
    int domain = 0, type = 0;
    if (error == 0)
        error = int_option(fd, SO_DOMAIN, &domain);
    if (error == 0)
        error = int_option(fd, SO_TYPE, &type);
    struct stat identity;
    if (error == 0 && fstat(fd, &identity) < 0)
        error = -errno;
    if (error < 0)
        return error;
    *ret_socket = (struct guest_socket){.fd = take_fd(&fd), .domain = domain, .type = type, .inode = identity.st_ino};
    return 0;
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

struct socket_peer socket_peer_of(const struct call *call)
{
    const struct cred *cred = call->cred;
    return (struct socket_peer){.vpid = call->task->process->vpid, .uid = cred->euid, .gid = cred->egid};
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
