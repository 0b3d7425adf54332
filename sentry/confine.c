/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/confine.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "postern/boot.h"
#include "postern/confine.h"

/* What the C library calls on its own account. No memory becomes code after this. */
CONFINE_ALLOW(brk, "malloc");
CONFINE_ALLOW_IF(mmap, 2, PROT_EXEC, 0, "malloc");
CONFINE_ALLOW_IF(mprotect, 2, PROT_EXEC, 0, "malloc");
CONFINE_ALLOW(munmap, "malloc");
CONFINE_ALLOW(mremap, "malloc");
CONFINE_ALLOW(madvise, "malloc");
CONFINE_ALLOW(futex, "mutexes between the threads");
CONFINE_ALLOW(clock_gettime, "where the vDSO has no clock of its own");
CONFINE_ALLOW(rt_sigreturn, "returns from a signal handler");
CONFINE_ALLOW(restart_syscall, "goes on waiting after the sandbox was stopped and continued");

/* fstatat(3) and faccessat(3) are one call or another, by version of the C library and flags. */
CONFINE_ALLOW_IF(faccessat2, 0, UINT32_MAX, SENTRY_FD_PROC_INNER, "is there such a process");

int sentry_confine(struct error *error)
{
    static const struct rlimit no_core;
    if (setrlimit(RLIMIT_CORE, &no_core) < 0)
        return error_set(error, errno, "cannot forbid core files");
    return confine_apply(false, error);
}
