/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SENTRY_SYSCALLS_NAMESPACE_H
#define SENTRY_SYSCALLS_NAMESPACE_H

#include <stdint.h>

struct call;

/* unshare(2) with CLONE_NEWNS. */
int64_t unshare_mounts(struct call *call);

#endif
