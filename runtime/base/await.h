/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting that ends. What a command waits for may never come: a sentry may be stopped, a disk may hang, somebody may keep a lock.
 * So every wait of the runtime for a part of a container has a limit of time, ends when the container's sentry has ended, and when
 * a signal asks us to end (signals.h). Each is an error like any other to the caller, who then takes down what he made.
 */
#ifndef RUNTIME_BASE_AWAIT_H
#define RUNTIME_BASE_AWAIT_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

struct error;

/* The limit: --timeout, or "timeout" in /etc/postern.conf, in seconds. */
enum { AWAIT_SECONDS_DEFAULT = 60, AWAIT_SECONDS_MAX = 24 * 60 * 60 };
void await_set_limit(int seconds);
int await_limit_ms(void);

/* The sentry whose end is that of all waiting from here on: a pidfd, borrowed, or -1. */
void await_watch(int sentry);

/* Until the descriptor has one of the events (poll(2)). 0; or -errno with *error set: -ETIMEDOUT, -ESRCH when the sentry has ended,
 * -EINTR when a signal said so. `who` is the subject of that sentence. */
int await_ready(int fd, short events, const char *who, struct error *error);

/* socket_receive, waited for. Returns the size, 0 at end of file, or -errno with *error set. */
ssize_t await_message(int socket, const char *who, void *data, size_t size, int *fds, size_t fd_max, size_t *ret_fd_count,
                      struct error *error);

/* socket_send to somebody who may not read. 0 or -errno with *error set. */
int await_sent(int socket, const char *who, const void *data, size_t size, const int *fds, size_t fd_count, struct error *error);

/* connect(2) of a Unix socket to somebody who may not take it. 0 or -errno. */
int await_connected(int fd, const struct sockaddr *address, socklen_t size);

/* open(2) of a file to be written that may be a FIFO nobody reads. O_NONBLOCK is set. The descriptor, or -errno. */
int await_opened(const char *path, int flags, mode_t mode);

/* A child's end, for the limit and no longer; -ETIMEDOUT. *ret_status, which may be NULL, as of waitpid(2). Signals do not end it:
 * it is how things are taken down. */
int await_child(pid_t pid, int limit_ms, int *ret_status);

/* SIGKILL, and the end, for as long as a killed process may need. Says so when that is not enough. pid <= 0: nobody. */
void await_killed(pid_t pid);

/* An open file's lock (flock(2)), for the limit: 0 or -errno. */
int await_lock(int fd, int limit_ms);

/* Milliseconds of the monotonic clock. */
long await_now_ms(void);

#endif
