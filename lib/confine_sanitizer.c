/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a sentry and a gofer built with sanitizers may call besides: what their runtimes call. This file is in no other build
 * (CMakeLists.txt), and a test holds the lists of the release to that (tests/harness/sanitized).
 */
#include "postern/confine.h"

#define BECAUSE(what) "sanitizer: " what

CONFINE_ALLOW(gettid, BECAUSE("whose stack it is"));
CONFINE_ALLOW(getpid, BECAUSE("the name of a report"));
CONFINE_ALLOW(sigaltstack, BECAUSE("a thread begins or ends"));
CONFINE_ALLOW(sched_getaffinity, BECAUSE("a thread begins"));
CONFINE_ALLOW(mmap, BECAUSE("shadow memory"));
CONFINE_ALLOW(munmap, BECAUSE("shadow memory"));
CONFINE_ALLOW(mprotect, BECAUSE("shadow memory"));
CONFINE_ALLOW(madvise, BECAUSE("shadow memory"));
CONFINE_ALLOW(prctl, BECAUSE("names of threads and of memory"));
CONFINE_ALLOW(sched_yield, BECAUSE("its own locks"));
CONFINE_ALLOW(nanosleep, BECAUSE("its own locks"));
CONFINE_ALLOW(clock_nanosleep, BECAUSE("its own locks"));
CONFINE_ALLOW(futex, BECAUSE("its own locks"));
CONFINE_ALLOW(clock_gettime, BECAUSE("how long it has been"));
CONFINE_ALLOW(restart_syscall, BECAUSE("sleeps on after it was stopped and continued"));
CONFINE_ALLOW(gettimeofday, BECAUSE("how long it has been"));
CONFINE_ALLOW(rt_sigaction, BECAUSE("a report of a fault"));
CONFINE_ALLOW(rt_sigprocmask, BECAUSE("a thread begins or ends"));
CONFINE_ALLOW(rt_sigreturn, BECAUSE("a report of a fault"));
CONFINE_ALLOW(prlimit64, BECAUSE("how large the stack is"));
CONFINE_ALLOW(open, BECAUSE("a report, and the symbols for it"));
CONFINE_ALLOW(openat, BECAUSE("a report, and the symbols for it"));
CONFINE_ALLOW(read, BECAUSE("symbols"));
CONFINE_ALLOW(pread64, BECAUSE("symbols"));
CONFINE_ALLOW(lseek, BECAUSE("symbols"));
CONFINE_ALLOW(stat, BECAUSE("symbols"));
CONFINE_ALLOW(mkdir, BECAUSE("the folder of a report"));
CONFINE_ALLOW(fstat, BECAUSE("symbols"));
CONFINE_ALLOW(newfstatat, BECAUSE("symbols"));
CONFINE_ALLOW(readlink, BECAUSE("symbols"));
CONFINE_ALLOW(getcwd, BECAUSE("symbols"));
CONFINE_ALLOW(write, BECAUSE("a report"));
CONFINE_ALLOW(close, BECAUSE("a report"));
CONFINE_ALLOW(tgkill, BECAUSE("the end, after a report"));

/* --- options: there is no environment to read them from --- */

#define REPORTS POSTERN_BUILD_FOLDER "/reports/"
#define COMMON "color=never:detect_leaks=0:exitcode=86:"

/* Sentries are all number 1 where they are: the time tells their reports apart. (Before anything is ready: this file is not
 * sanitized itself.) */
static const char *unique(char *options)
{
    unsigned long long time = __builtin_ia32_rdtsc();
    for (char *at = options; *at != '\0'; at++) {
        if (*at == '#') {
            *at = (char)('a' + time % 16);
            time /= 16;
        }
    }
    return options;
}

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    static char options[] = COMMON "log_path=" REPORTS "address-############:quarantine_size_mb=64";
    return unique(options);
}

const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void)
{
    static char options[] = COMMON "log_path=" REPORTS "undefined-############:print_stacktrace=1:halt_on_error=1";
    return unique(options);
}

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    static char options[] = COMMON "log_path=" REPORTS "thread-############:halt_on_error=1:second_deadlock_stack=1:history_size=4";
    return unique(options);
}
