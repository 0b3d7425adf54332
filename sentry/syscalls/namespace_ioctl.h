/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SENTRY_SYSCALLS_NAMESPACE_IOCTL_H
#define SENTRY_SYSCALLS_NAMESPACE_IOCTL_H

#include <stdbool.h>
#include <stdint.h>

struct call;

/* Answers a request on one of the container's namespaces. False: the descriptor (our copy) is of something else. */
bool namespace_ioctl(struct call *call, int fd, unsigned int command, int64_t *ret_answer);

#endif
