/* SPDX-License-Identifier: Apache-2.0 */
/* bind(2). */
#include <errno.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "postern/boot.h"
#include "postern/gofer_protocol.h"
#include "sentry/fs/gofer_client.h"
#include "sentry/fs/goferfs.h"
#include "sentry/kernel/cred.h"
#include "sentry/kernel/process.h"
#include "sentry/net/native.h"
#include "sentry/net/net.h"
#include "sentry/net/ports.h"
#include "sentry/net/unix.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/file.h"
#include "sentry/syscalls/handlers.h"

enum { PRIVILEGED_PORTS = 1024 };

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
    return ports_bind(call, socket, address, size);
}

/* For getpeername(2) of those who will be connected to it. */
static void remember_file(const struct call *call, const struct guest_socket *socket, struct dentry *parent, const char *name)
{
    auto_dentry struct dentry *file = NULL;
    if (vfs_child(call->sentry->vfs, parent, name, &file) < 0 || file->inode == NULL)
        return;
    const struct socket_file where = socket_file_of(&file->inode->attributes);
    struct socket_record *record = guest_socket_record(call, socket);
    if (record != NULL)
        (void)sockets_name_file(call->sentry->net->sockets, record, &where);
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

/* What the socket is called: what the guest calls it. With ".." in it the words could lead elsewhere by now (gofer/bind.c): then it
 * is the whole path, or if that is too long the last name alone. */
static void choose_words(const struct vfs_who *who, const struct unix_address *address, const struct lookup *lookup,
                         char words[GOFER_SOCKET_NAME_MAX + 1])
{
    char folder[VFS_PATH_MAX];
    if (gofer_socket_name_ok(address->name, address->length + 1, lookup->name)) {
        memcpy(words, address->name, address->length + 1);
        return;
    }
    int length = -1;
    if (dentry_path(lookup->dentry, who->root, folder, sizeof(folder)) > 0 && folder[0] == '/')
        length = snprintf(words, GOFER_SOCKET_NAME_MAX + 1, "%s/%s", folder[1] != '\0' ? folder : "", lookup->name);
    if (length < 0 || length > GOFER_SOCKET_NAME_MAX)
        (void)snprintf(words, GOFER_SOCKET_NAME_MAX + 1, "%s", lookup->name);
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
    struct statx attributes; /* fchmod(2) of a socket before it is bound says what its name's mode will be */
    error = object_attributes(call->sentry->vfs, who.cred, socket->fd, &attributes);
    if (error < 0)
        return error;
    char words[GOFER_SOCKET_NAME_MAX + 1];
    choose_words(&who, address, &lookup, words);
    const struct gofer_place place = {.path = path, .fd = -1, .expected = gofer_identity_of(&lookup.dentry->inode->attributes)};
    error = goferfs_doubt(lookup.dentry,
                          gofer_bind(call->sentry->gofer, socket->fd, place, words, attributes.stx_mode & 0777, &owner));
    if (error < 0)
        return error == -EEXIST ? -EADDRINUSE : error;
    vfs_entry_added(lookup.dentry, lookup.name);
    remember_file(call, socket, lookup.dentry, lookup.name);
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
    return native_bind(socket->fd, (const struct sockaddr *)bytes, (socklen_t)size);
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
