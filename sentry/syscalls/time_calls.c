/* SPDX-License-Identifier: Apache-2.0 */
/* Setting clocks: no guest may, whatever it seems to hold. Asking is left to the host, which refuses any change to the guest. */
#include <errno.h>
#include <time.h>

#include "sentry/syscalls/handlers.h"

int64_t sys_settimeofday(struct call *call)
{
    return call->args[0] == 0 && call->args[1] == 0 ? 0 : -EPERM;
}

int64_t sys_clock_settime(struct call *call)
{
    return arg_int(call, 0) == CLOCK_REALTIME ? -EPERM : -EINVAL;
}

int64_t sys_adjtimex(struct call *call)
{
    (void)call;
    return CALL_CONTINUE;
}

int64_t sys_clock_adjtime(struct call *call)
{
    (void)call;
    return CALL_CONTINUE;
}
