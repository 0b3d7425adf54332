/* SPDX-License-Identifier: Apache-2.0 */
/* bind(2) and socket(2). */
#include <errno.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "postern/boot.h"
#include "postern/confine.h"
#include "sentry/fs/gofer_client.h"
#include "sentry/kernel/cred.h"
#include "sentry/kernel/process.h"
#include "sentry/net/unix.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/file.h"
#include "sentry/syscalls/handlers.h"

CONFINE_ALLOW(bind, "internet addresses, checked, on a guest's socket");

enum { SOCKET_TYPE_MASK = 0xf, PRIVILEGED_PORTS = 1024 };

/* --- socket --- */

struct family {
    int domain, type, protocol; /* type and protocol -1: any */
    int64_t result;
};

/* What the guard does not let through natively; the first match counts. */
static const struct family families[] = {
    {AF_UNIX, -1, -1, CALL_CONTINUE}, /* what is not stream, datagram or seqpacket, the kernel refuses */
    {AF_INET, SOCK_DGRAM, IPPROTO_ICMP, CALL_CONTINUE}, /* ping sockets: the network's own group range decides */
    {AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6, CALL_CONTINUE},
    {AF_INET, SOCK_RAW, -1, -EPERM},
    {AF_INET6, SOCK_RAW, -1, -EPERM},
    {AF_INET, -1, -1, -EPROTONOSUPPORT},
    {AF_INET6, -1, -1, -EPROTONOSUPPORT},
    {AF_PACKET, -1, -1, -EPERM},
    {AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, CALL_CONTINUE},
    {AF_NETLINK, SOCK_RAW, -1, -EPROTONOSUPPORT},
    {AF_NETLINK, SOCK_DGRAM, -1, -EPROTONOSUPPORT},
    {AF_NETLINK, -1, -1, -ESOCKTNOSUPPORT},
};

int64_t sys_socket(struct call *call)
{
    int domain = arg_int(call, 0), type = arg_int(call, 1), protocol = arg_int(call, 2);
    if ((type & ~SOCKET_TYPE_MASK & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) != 0)
        return -EINVAL;
    type &= SOCKET_TYPE_MASK;
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        const struct family *family = &families[i];
        if (family->domain == domain && (family->type == -1 || family->type == type) &&
            (family->protocol == -1 || family->protocol == protocol))
            return family->result;
    }
    return -EAFNOSUPPORT;
}

/* --- bind --- */

/* The container's own net.ipv4.ip_unprivileged_port_start. (In the cell's network it is 0: the decision is ours.) */
static int first_unprivileged_port(const struct sentry *sentry)
{
    const struct boot_config *boot = sentry->boot;
    for (uint32_t i = 0; i < boot->sysctl_count; i++) {
        if (strcmp(boot->sysctls[i].name, "net.ipv4.ip_unprivileged_port_start") == 0)
            return atoi(boot->sysctls[i].value);
    }
    return PRIVILEGED_PORTS;
}

/* On our copy of the socket, so that the address checked is the one bound to. */
static int64_t bind_internet(struct call *call, const struct guest_socket *socket,
                             const struct sockaddr_storage *address, int size)
{
    int port = sockaddr_port(address, (size_t)size);
    if (port > 0 && port < first_unprivileged_port(call->sentry) &&
        !cred_capable(call->cred, CAP_NET_BIND_SERVICE))
        return -EACCES;
    return bind(socket->fd, (const struct sockaddr *)address, (socklen_t)size) < 0 ? -errno : 0;
}

static void remember_bound(const struct call *call, const struct guest_socket *socket,
                           const struct unix_address *address, struct dentry *parent, const char *name)
{
    struct vfs *vfs = call->sentry->vfs;
    struct known_socket *known = known_add(socket->inode);
    known->shown = *address;
    known->owner = socket_peer_of(call);
    (void)unix_native_name(socket->fd, &known->native);
    auto_dentry struct dentry *file = NULL;
    if (vfs_child(vfs, parent, name, &file) == 0 && file->inode != NULL) {
        const struct statx *attributes = &file->inode->attributes;
        known->file_dev = (uint64_t)attributes->stx_dev_major << 32 | attributes->stx_dev_minor;
        known->file_ino = attributes->stx_ino;
    }
}

/* kern_path_create and unix_bind_bsd of Linux: a name that is taken is EADDRINUSE. */
static int bind_prepare(struct call *call, const struct vfs_who *who, const char *path, struct lookup *ret_lookup)
{
    auto_lookup struct lookup lookup = {.fd = -1};
    int error = path_lookup(call, who, AT_FDCWD, path, LOOKUP_PARENT | LOOKUP_LAST, &lookup);
    if (error < 0)
        return error;
    if (lookup.last_dot != 0 || (lookup.last != NULL && lookup.last->inode != NULL))
        return -EADDRINUSE;
    if (lookup.trailing_slash)
        return -ENOENT;
    error = vfs_want_write(who->sentry->vfs, lookup.dentry);
    if (error == 0)
        error = vfs_permission(who, lookup.dentry, MAY_WRITE | MAY_EXEC);
    if (error < 0)
        return error;
    *ret_lookup = lookup;
    lookup = (struct lookup){.fd = -1};
    return 0;
}

static int64_t bind_path(struct call *call, const struct guest_socket *socket, const struct unix_address *address)
{
    struct unix_address native;
    int error = unix_native_name(socket->fd, &native);
    if (error < 0)
        return error;
    struct vfs_who who;
    vfs_who_from_call(call, &who);
    auto_lookup struct lookup lookup = {.fd = -1};
    error = bind_prepare(call, &who, address->name, &lookup);
    if (error < 0)
        return error;
    if (native.kind != UNIX_UNNAMED)
        return -EINVAL;
    if (lookup.dentry->filesystem->create == NULL)
        return -EACCES;

    char path[VFS_PATH_MAX];
    error = gofer_path(lookup.dentry, lookup.name, path, sizeof(path));
    if (error < 0)
        return error;
    const struct gofer_owner owner = {.uid = who.cred->fsuid, .gid = who.cred->fsgid, .umask = who.umask};
    const struct gofer_place place = {.path = path, .fd = -1, .expected = gofer_identity_of(&lookup.dentry->inode->attributes)};
    struct statx attributes; /* fchmod(2) of a socket before it is bound says what its name's mode will be */
    error = object_attributes(call->sentry->vfs, who.cred, socket->fd, &attributes);
    if (error == 0)
        error = gofer_bind(call->sentry->gofer, socket->fd, place, attributes.stx_mode & 0777, &owner);
    if (error < 0)
        return error == -EEXIST ? -EADDRINUSE : error;
    vfs_entry_added(lookup.dentry, lookup.name);
    remember_bound(call, socket, address, lookup.dentry, lookup.name);
    return 0;
}

static int64_t bind_unix(struct call *call, const struct guest_socket *socket, const struct sockaddr_storage *bytes,
                         int size)
{
    struct unix_address address;
    int error = unix_address_parse(bytes, (size_t)size, &address);
    if (error < 0)
        return error;
    if (address.kind == UNIX_PATH)
        return bind_path(call, socket, &address);
    return bind(socket->fd, (const struct sockaddr *)bytes, (socklen_t)size) < 0 ? -errno : 0;
}

int64_t sys_bind(struct call *call)
{
    auto_socket struct guest_socket socket = {.fd = -1};
    int error = guest_socket_get(call, arg_int(call, 0), &socket);
    if (error < 0)
        return error;
    struct sockaddr_storage address;
    int size = guest_sockaddr_read(call, call->args[1], arg_int(call, 2), &address);
    if (size < 0)
        return size;
    if (socket.domain == AF_UNIX)
        return bind_unix(call, &socket, &address, size);
    if (socket.domain == AF_INET || socket.domain == AF_INET6)
        return bind_internet(call, &socket, &address, size);
    return CALL_CONTINUE; /* netlink: names the caller, so the caller has to do it */
}
