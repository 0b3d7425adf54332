/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mmap(2) and memfd_create(2) of huge pages. The machine has a pool of them and no limit for a user, so a container gets some only
 * where its configuration limits how many (linux.resources.hugepageLimits). Elsewhere it is as on a machine that has none.
 */
#include <errno.h>

#include "sentry/sentry.h"
#include "sentry/syscalls/handlers.h"

static int64_t if_granted(const struct call *call)
{
    return call->sentry->boot->hugepages != 0 ? CALL_CONTINUE : -ENOMEM;
}

int64_t sys_mmap(struct call *call)
{
    return if_granted(call);
}

int64_t sys_memfd_create(struct call *call)
{
    return if_granted(call);
}
