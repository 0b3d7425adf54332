/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SENTRY_PLATFORM_DELIVER_H
#define SENTRY_PLATFORM_DELIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct call;

/*
 * call_give_fd() for an O_PATH descriptor (borrowed), which SECCOMP_IOCTL_NOTIF_ADDFD does not take: the caller
 * receives it over a socket. Some 100 microseconds. CALL_ANSWERED, or -errno to answer with.
 */
int64_t call_install_path_fd(struct call *call, int fd, bool close_on_exec);

/*
 * Answers the call with `value`, after the caller has received such descriptors (borrowed) too and their numbers have been written to
 * the addresses. CALL_ANSWERED, or -errno: then the call waits still.
 */
int64_t call_return_path_fds(struct call *call, int64_t value, const int *fds, const uint64_t *addresses, size_t count,
                             bool close_on_exec);

/*
 * call_give_fd() for a terminal (borrowed) that becomes the caller's controlling one, if the kernel agrees: only
 * the caller itself can ask for that.
 */
int64_t call_install_terminal(struct call *call, int fd, bool close_on_exec);

#endif
