/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/await.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "postern/socket.h"
#include "runtime/base/log.h"
#include "runtime/base/signals.h"

enum {
    STEP_MS = 10,
    KILLED_MS = 10000, /* for a killed process to be gone; as long as runc waits */
};

static int limit_seconds = AWAIT_SECONDS_DEFAULT;
static int sentry = -1;

void await_set_limit(int seconds)
{
    limit_seconds = seconds;
}

int await_limit_ms(void)
{
    return limit_seconds * 1000;
}

void await_watch(int pidfd)
{
    sentry = pidfd;
}

long await_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* -- for an event ------------------------------------------------------------------------------------------------- */

static int interrupted(struct error *error)
{
    (void)error_refuse(error, "ended by signal %d (%s)", signals_interrupt(), strsignal(signals_interrupt()));
    return -EINTR;
}

static int too_long(const char *who, struct error *error)
{
    (void)error_refuse(error, "%s does not answer: nothing for %d seconds (--timeout)", who, limit_seconds);
    return -ETIMEDOUT;
}

int await_ready(int fd, short events, const char *who, struct error *error)
{
    enum { WANTED, SENTRY, SIGNAL, COUNT };
    const long deadline = await_now_ms() + await_limit_ms();
    for (;;) {
        struct pollfd entries[COUNT] = {[WANTED] = {.fd = fd, .events = events},
                                        [SENTRY] = {.fd = sentry, .events = POLLIN},
                                        [SIGNAL] = {.fd = signals_interrupt_fd(), .events = POLLIN}};
        long left = deadline - await_now_ms();
        int ready = poll(entries, COUNT, left > 0 ? (int)left : 0);
        if (ready < 0 && errno != EINTR)
            return error_set(error, errno, "cannot wait for %s", who);
        if (ready == 0 && left <= 0)
            return too_long(who, error);
        if (entries[WANTED].revents != 0)
            return 0;
        if (entries[SIGNAL].revents != 0 && signals_interrupt() != 0)
            return interrupted(error);
        if (entries[SENTRY].revents != 0) {
            (void)error_refuse(error, "the container's sentry has ended; %s has not answered", who);
            return -ESRCH;
        }
    }
}

ssize_t await_message(int socket, const char *who, void *data, size_t size, int *fds, size_t fd_max, size_t *ret_fd_count,
                      struct error *error)
{
    for (size_t i = 0; i < fd_max; i++)
        fds[i] = -1;
    int status = await_ready(socket, POLLIN, who, error);
    if (status < 0)
        return status;
    ssize_t got = socket_receive(socket, data, size, fds, fd_max, ret_fd_count);
    return got < 0 ? error_set(error, (int)got, "cannot hear %s", who) : got;
}

int await_sent(int socket, const char *who, const void *data, size_t size, const int *fds, size_t fd_count, struct error *error)
{
    int status = await_ready(socket, POLLOUT, who, error);
    if (status < 0)
        return status;
    status = socket_send(socket, data, size, fds, fd_count);
    return status < 0 ? error_set(error, status, "cannot reach %s", who) : 0;
}

/* A Unix socket has no way to say that the other's list of callers has room again: it is asked. */
int await_connected(int fd, const struct sockaddr *address, socklen_t size)
{
    const long deadline = await_now_ms() + await_limit_ms();
    const int flags = fcntl(fd, F_GETFL);
    (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    int result = 0;
    while (result == 0 && connect(fd, address, size) < 0) {
        struct pollfd entry = {.fd = signals_interrupt_fd(), .events = POLLIN};
        if (errno != EAGAIN && errno != EINTR)
            result = -errno;
        else if (await_now_ms() >= deadline)
            result = -ETIMEDOUT;
        else if (poll(&entry, 1, STEP_MS) > 0 && signals_interrupt() != 0)
            result = -EINTR;
    }
    (void)fcntl(fd, F_SETFL, flags);
    return result;
}

/* A FIFO is opened for writing when somebody reads it. */
int await_opened(const char *path, int flags, mode_t mode)
{
    const long deadline = await_now_ms() + await_limit_ms();
    int fd;
    while ((fd = open(path, flags | O_NONBLOCK, mode)) < 0) {
        struct pollfd entry = {.fd = signals_interrupt_fd(), .events = POLLIN};
        if (errno != ENXIO && errno != EINTR)
            return -errno;
        if (await_now_ms() >= deadline)
            return -ETIMEDOUT;
        if (poll(&entry, 1, STEP_MS) > 0 && signals_interrupt() != 0)
            return -EINTR;
    }
    return fd;
}

/* -- for an end --------------------------------------------------------------------------------------------------- */

int await_child(pid_t pid, int limit_ms, int *ret_status)
{
    const long deadline = await_now_ms() + limit_ms;
    auto_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    for (bool ended = false;;) {
        int status;
        pid_t reaped = waitpid(pid, &status, WNOHANG | __WALL);
        if (reaped == pid && ret_status != NULL)
            *ret_status = status;
        if (reaped == pid)
            return 0;
        if (reaped < 0 && errno != EINTR)
            return -errno;
        long left = deadline - await_now_ms();
        if (left <= 0)
            return -ETIMEDOUT;
        struct pollfd entry = {.fd = pidfd, .events = POLLIN};
        if (ended || pidfd < 0) /* it is somebody else's first: of one who traces it */
            (void)poll(NULL, 0, STEP_MS);
        else
            ended = poll(&entry, 1, (int)left) > 0;
    }
}

void await_killed(pid_t pid)
{
    if (pid <= 0)
        return;
    (void)kill(pid, SIGKILL);
    if (await_child(pid, KILLED_MS, NULL) == -ETIMEDOUT)
        log_message(LOG_LEVEL_WARNING, "process %d has been killed and does not end", (int)pid);
}

int await_lock(int fd, int limit_ms)
{
    const long deadline = await_now_ms() + limit_ms;
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EINTR && errno != EWOULDBLOCK)
            return -errno;
        if (await_now_ms() >= deadline)
            return -EWOULDBLOCK;
        struct pollfd entry = {.fd = signals_interrupt_fd(), .events = POLLIN};
        if (poll(&entry, 1, STEP_MS) > 0 && signals_interrupt() != 0)
            return -EINTR;
    }
    return 0;
}
