/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sendmsg(2). Nearly all run natively, after one look at the header: only a datagram to a path of a Unix socket needs
 * us to reach its goal, and the address is in memory, where the filter cannot see it. Whoever changes it behind our
 * back names a path that leads nowhere.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "postern/cleanup.h"
#include "sentry/kernel/cred.h"
#include "sentry/kernel/process.h"
#include "sentry/net/datagram.h"
#include "sentry/syscalls/handlers.h"

enum { PARTS_MAX = 1024 /* UIO_MAXIOV */, CONTROL_MAX = 16384 };

/* The parts of the message, copied once; returns how many bytes they are. */
static ssize_t read_parts(struct call *call, const struct msghdr *message, struct iovec *parts)
{
    if (message->msg_iovlen > PARTS_MAX)
        return -EMSGSIZE;
    int error = guest_read(call, (uint64_t)message->msg_iov, parts, message->msg_iovlen * sizeof(parts[0]));
    if (error < 0)
        return error;
    size_t total = 0;
    for (size_t i = 0; i < message->msg_iovlen; i++) {
        if (parts[i].iov_len > DATAGRAM_MAX - total)
            return (ssize_t)parts[i].iov_len < 0 ? -EINVAL : -EMSGSIZE;
        total += parts[i].iov_len;
    }
    return (ssize_t)total;
}

static int read_data(struct call *call, const struct iovec *parts, size_t count, struct datagram *datagram)
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        int error = guest_read(call, (uint64_t)parts[i].iov_base, datagram->data + used, parts[i].iov_len);
        if (error < 0)
            return error;
        used += parts[i].iov_len;
    }
    return 0;
}

static int add_rights(struct call *call, const char *data, size_t size, struct datagram *datagram)
{
    for (size_t at = 0; at + sizeof(int) <= size; at += sizeof(int)) {
        int number;
        memcpy(&number, data + at, sizeof(number));
        if (datagram->fd_count == DATAGRAM_FDS_MAX)
            return -EINVAL;
        int fd = call_get_fd(call, number);
        if (fd < 0)
            return fd;
        datagram->fds[datagram->fd_count++] = fd;
    }
    return 0;
}

static bool is_one_of(uint32_t id, uint32_t real, uint32_t effective, uint32_t saved)
{
    return id == real || id == effective || id == saved;
}

/* Who says he is somebody else must have the right to (scm_check_creds of Linux). Nobody in the container is shown it:
 * SO_PASSCRED is refused. */
static int check_credentials(const struct call *call, const char *data, size_t size)
{
    struct ucred claimed;
    if (size != sizeof(claimed))
        return -EINVAL;
    memcpy(&claimed, data, sizeof(claimed));
    const struct cred *cred = call->cred;
    bool himself = claimed.pid == call->task->process->vpid || cred_capable(cred, CAP_SYS_ADMIN);
    bool uid = is_one_of(claimed.uid, cred->ruid, cred->euid, cred->suid) || cred_capable(cred, CAP_SETUID);
    bool gid = is_one_of(claimed.gid, cred->rgid, cred->egid, cred->sgid) || cred_capable(cred, CAP_SETGID);
    return himself && uid && gid ? 0 : -EPERM;
}

static int read_control(struct call *call, const struct msghdr *message, struct datagram *datagram)
{
    if (message->msg_controllen > CONTROL_MAX)
        return -ENOBUFS;
    auto_free char *control = malloc(message->msg_controllen + 1);
    if (control == NULL)
        return -ENOMEM;
    int error = guest_read(call, (uint64_t)message->msg_control, control, message->msg_controllen);
    size_t left = message->msg_controllen;
    for (const char *at = control; error == 0 && left >= sizeof(struct cmsghdr);) {
        struct cmsghdr header;
        memcpy(&header, at, sizeof(header));
        if (header.cmsg_len < sizeof(header) || header.cmsg_len > left)
            return -EINVAL;
        const char *data = at + CMSG_LEN(0);
        size_t size = header.cmsg_len - CMSG_LEN(0);
        if (header.cmsg_level == SOL_SOCKET && header.cmsg_type == SCM_RIGHTS)
            error = add_rights(call, data, size, datagram);
        else if (header.cmsg_level == SOL_SOCKET && header.cmsg_type == SCM_CREDENTIALS)
            error = check_credentials(call, data, size);
        else if (header.cmsg_level == SOL_SOCKET)
            error = -EINVAL;
        size_t step = CMSG_ALIGN(header.cmsg_len);
        if (step > left)
            break;
        at += step;
        left -= step;
    }
    return error;
}

static int64_t send_to_path(struct call *call, const struct msghdr *message, struct guest_socket *socket,
                            const struct unix_address *address)
{
    auto_free struct iovec *parts = calloc(PARTS_MAX, sizeof(*parts));
    if (parts == NULL)
        return -ENOMEM;
    ssize_t size = read_parts(call, message, parts);
    if (size < 0)
        return size;
    auto_datagram struct datagram *datagram = datagram_new(socket, address, arg_int(call, 2), (size_t)size);
    if (datagram == NULL)
        return -ENOMEM;
    int error = read_control(call, message, datagram);
    if (error == 0)
        error = read_data(call, parts, message->msg_iovlen, datagram);
    return error < 0 ? error : datagram_send(call, take_ptr(datagram));
}

int64_t sys_sendmsg(struct call *call)
{
    struct msghdr message;
    if (guest_read(call, call->args[1], &message, sizeof(message)) < 0 || message.msg_name == NULL ||
        message.msg_namelen == 0)
        return CALL_CONTINUE;
    struct sockaddr_storage bytes;
    int size = (int)message.msg_namelen;
    if (size > (int)sizeof(bytes))
        size = sizeof(bytes); /* as the kernel does here, unlike in sendto */
    size = guest_sockaddr_read(call, (uint64_t)message.msg_name, size, &bytes);
    struct unix_address address;
    if (size < 0 || sockaddr_family(&bytes, (size_t)size) != AF_UNIX ||
        unix_address_parse(&bytes, (size_t)size, &address) < 0 || address.kind != UNIX_PATH)
        return CALL_CONTINUE;
    auto_socket struct guest_socket socket = {.fd = -1};
    int error = guest_socket_get(call, arg_int(call, 0), &socket);
    if (error < 0 || socket.domain != AF_UNIX || socket.type != SOCK_DGRAM)
        return CALL_CONTINUE;
    return send_to_path(call, &message, &socket, &address);
}
