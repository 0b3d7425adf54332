/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SENTRY_SYSCALLS_SECCOMP_H
#define SENTRY_SYSCALLS_SECCOMP_H

#include <stdbool.h>
#include <stdint.h>

struct call;

/* prctl(PR_SET_SECCOMP), prctl(PR_GET_SECCOMP) */
int64_t prctl_set_seccomp(struct call *call);
int64_t prctl_get_seccomp(struct call *call);

/* Is there a filter on the caller that nobody put there who might have put a set-id program under it? Asked of the host, because a
 * filter may have come over a process that was just being forked (SECCOMP_FILTER_FLAG_TSYNC), after its stamp was copied. */
bool caller_has_foreign_filter(const struct call *call);

#endif
