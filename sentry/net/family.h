/* SPDX-License-Identifier: Apache-2.0 */
/* Which kinds of sockets there are in a container, and what is said of those that are not. */
#ifndef SENTRY_NET_FAMILY_H
#define SENTRY_NET_FAMILY_H

#include <stdbool.h>
#include <stdint.h>

/* Are there only flags in a socket's type that socket(2) knows? */
bool family_flags_ok(int type);

/* What creating a socket gives, in the kernel's order of checks: CALL_CONTINUE where the host's word is right, or -errno. */
int64_t family_create(int domain, int type, int protocol);

/* What socketpair(2) says of a domain other than AF_UNIX. */
int family_pair_error(int domain, int type, int protocol);

#endif
