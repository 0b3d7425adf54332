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
CONFINE_ALLOW(futex, "mutexes between the main thread and the FUSE thread");
CONFINE_ALLOW(clock_gettime, "where the vDSO has no clock of its own");
CONFINE_ALLOW(rt_sigreturn, "returns from a signal handler");
CONFINE_ALLOW(restart_syscall, "goes on waiting after the sandbox was stopped and continued");

/* What many files need. Paths are opened beneath our two procfs only; all else comes by descriptor. */
CONFINE_ALLOW_IF(openat, 0, UINT32_MAX, SENTRY_FD_PROC_OUTER, "processes of the sandbox, in our procfs");
CONFINE_ALLOW_IF(openat, 0, UINT32_MAX, SENTRY_FD_PROC_INNER, "processes as the guest sees them, in its procfs");
CONFINE_ALLOW_IF(faccessat2, 0, UINT32_MAX, SENTRY_FD_PROC_INNER, "is there such a process");
CONFINE_ALLOW(newfstatat, "which object a link in procfs leads to");
CONFINE_ALLOW(readlinkat, "the path of a descriptor, in our procfs");
CONFINE_ALLOW(getdents64, "folders of procfs, folders a guest reads");
CONFINE_ALLOW(lseek, "a guest's position in a folder");
CONFINE_ALLOW(read, "files of procfs, requests of FUSE");
CONFINE_ALLOW(pread64, "headers of programs");
CONFINE_ALLOW(write, "memory files made for a guest");
CONFINE_ALLOW(writev, "answers to FUSE");
CONFINE_ALLOW(statx, "which object is behind a descriptor");
CONFINE_ALLOW(fstat, "which object is behind a descriptor");
CONFINE_ALLOW(fstatfs, "the file system behind a descriptor");
CONFINE_ALLOW(fcntl, "how a descriptor was opened; seals");
CONFINE_ALLOW(close, "descriptors");
CONFINE_ALLOW(memfd_create, "contents of synthetic files, the stub");
CONFINE_ALLOW(fchmod, "modes of memory files");
CONFINE_ALLOW(pidfd_open, "processes of the sandbox");
CONFINE_ALLOW(pidfd_send_signal, "kill, judged");
CONFINE_ALLOW(kill, "kill, judged");
CONFINE_ALLOW(tgkill, "tgkill, judged");
CONFINE_ALLOW(prlimit64, "the stamp; limits of guests, judged");
CONFINE_ALLOW(getpriority, "priorities of guests");
CONFINE_ALLOW(setpriority, "priorities of guests, judged");
CONFINE_ALLOW(sched_getaffinity, "the processors a guest may use");
CONFINE_ALLOW(sysinfo, "load and uptime");
CONFINE_ALLOW(getrandom, "identifiers, keys of hash tables");
CONFINE_ALLOW(getpgid, "process groups of guests");
CONFINE_ALLOW(getsid, "sessions of guests");

int sentry_confine(struct error *error)
{
    static const struct rlimit no_core;
    if (setrlimit(RLIMIT_CORE, &no_core) < 0)
        return error_set(error, errno, "cannot forbid core files");
    return confine_apply(error);
}
