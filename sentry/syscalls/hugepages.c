/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mmap(2) and memfd_create(2) of huge pages. The machine has a pool of them and no limit for a user, so a container gets some only
 * where its configuration limits how many (linux.resources.hugepageLimits). Elsewhere it is as on a machine that has none.
 */
#include <errno.h>
#include <linux/memfd.h>
#include <stdbool.h>

#include "sentry/gate/twin.h"
#include "sentry/sentry.h"
#include "sentry/stub/gate.h"
#include "sentry/syscalls/handlers.h"

static int64_t if_granted(const struct call *call)
{
    return call->sentry->boot->hugepages != 0 ? CALL_CONTINUE : -ENOMEM;
}

int64_t sys_mmap(struct call *call)
{
    if (call->ip == GATE_ADDRESS + GATE_ASK)
        return twins_asked(call);
    return if_granted(call);
}

/* Programs ask with wrong flags whether there is such a call. */
static bool are_memfd_flags(unsigned int flags)
{
    const unsigned int either = 0x18 /* MFD_NOEXEC_SEAL and MFD_EXEC, Linux 6.3 */;
    const unsigned int known = MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB | either;
    const unsigned int sizes = (unsigned int)MFD_HUGE_MASK << MFD_HUGE_SHIFT;
    return (flags & ~(known | sizes)) == 0 && (flags & either) != either;
}

int64_t sys_memfd_create(struct call *call)
{
    return are_memfd_flags(arg_uint(call, 1)) ? if_granted(call) : -EINVAL;
}
