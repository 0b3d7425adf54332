/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/net/native.h"

#include <errno.h>

#include "postern/confine.h"
#include "postern/connect.h"
#include "sentry/platform/worker.h"

CONFINE_ALLOW(bind, "a guest's socket, to an address that was judged");
CONFINE_ALLOW(listen, "a guest's Unix socket, marked with who listens");
CONFINE_ALLOW(connect, "a guest's Unix socket, to an address we hold; or takes it off again");
CONFINE_ALLOW(getpeername, "the name of its peer");
CONFINE_ALLOW(sendmsg, "messages of guests to a path, with credentials in them, or urgent");
CONFINE_ALLOW(recvmsg, "messages to a guest that asks who sent them; urgent data");
CONFINE_ALLOW_IF(setsockopt, 2, UINT32_MAX, SO_REUSEPORT, "a guest's socket shares its port with others of the same user's");
CONFINE_ALLOW_IF(setsockopt, 2, UINT32_MAX, SO_PASSCRED, "a guest asks who sends");
CONFINE_ALLOW_IF(setsockopt, 2, UINT32_MAX, SO_BINDTODEVICE, "a guest's socket keeps to one of its interfaces");
CONFINE_ALLOW_IF(setsockopt, 2, UINT32_MAX, SO_BINDTOIFINDEX, "a guest's socket keeps to one of its interfaces");
CONFINE_ALLOW_IF(setsockopt, 2, UINT32_MAX, SO_SNDBUF, "the size a guest may have where it forces one");
CONFINE_ALLOW_IF(setsockopt, 2, UINT32_MAX, SO_RCVBUF, "the size a guest may have where it forces one");

int native_bind(int fd, const struct sockaddr *address, socklen_t size)
{
    bool paused = state_pause();
    int status = bind(fd, address, size) < 0 ? -errno : 0;
    state_resume(paused);
    return status;
}

int native_listen(int fd, int backlog)
{
    bool paused = state_pause();
    int status = listen(fd, backlog) < 0 ? -errno : 0;
    state_resume(paused);
    return status;
}

int native_connect(int fd, const struct sockaddr *address, socklen_t size)
{
    bool paused = state_pause();
    int status = connect_at_once(fd, address, size);
    state_resume(paused);
    return status;
}

int native_peer_name(int fd, struct sockaddr *ret_address, socklen_t *size)
{
    bool paused = state_pause();
    int status = getpeername(fd, ret_address, size) < 0 ? -errno : 0;
    state_resume(paused);
    return status;
}

int native_set(int fd, int name, const void *value, socklen_t size)
{
    bool paused = state_pause();
    int status = setsockopt(fd, SOL_SOCKET, name, value, size) < 0 ? -errno : 0;
    state_resume(paused);
    return status;
}

ssize_t native_send(int fd, const struct msghdr *message, int flags)
{
    bool paused = state_pause();
    ssize_t sent = sendmsg(fd, message, flags | MSG_DONTWAIT | MSG_NOSIGNAL);
    sent = sent < 0 ? -errno : sent;
    state_resume(paused);
    return sent;
}

ssize_t native_receive(int fd, struct msghdr *message, int flags)
{
    bool paused = state_pause();
    ssize_t got = recvmsg(fd, message, flags | MSG_DONTWAIT);
    got = got < 0 ? -errno : got;
    state_resume(paused);
    return got;
}
