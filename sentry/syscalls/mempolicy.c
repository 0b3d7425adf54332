/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mbind(2), set_mempolicy(2), get_mempolicy(2): on which of the machine's nodes memory lies. Few programs ask, and all live without an
 * answer, as the seccomp profiles of Docker and Podman give none without CAP_SYS_NICE. The code behind has had its share of faults.
 */
#include <errno.h>

#include "sentry/kernel/cred.h"
#include "sentry/syscalls/handlers.h"

static int64_t for_schedulers(const struct call *call)
{
    return cred_capable(call->cred, CAP_SYS_NICE) ? CALL_CONTINUE : -EPERM;
}

int64_t sys_mbind(struct call *call)
{
    return for_schedulers(call);
}

int64_t sys_set_mempolicy(struct call *call)
{
    return for_schedulers(call);
}

int64_t sys_get_mempolicy(struct call *call)
{
    return for_schedulers(call);
}
