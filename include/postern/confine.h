/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What our own programs may call. Beside the code that needs a call stands a line that says so:
 *
 *     CONFINE_ALLOW(sendmsg, "answers the runtime");
 *     CONFINE_ALLOW_IF(openat, 0, UINT32_MAX, SENTRY_FD_PROC_OUTER, "reads /proc of the sandbox");
 *     CONFINE_GRANTED(sched_setattr, "what a container with the capability for it asks for");
 *
 * The lines of all files linked into a program are its list; confine_apply() makes them the law. A call in no line
 * kills the program. `PROGRAM --allowed` prints the list, and docs/exposure.md is held to it.
 */
#ifndef POSTERN_CONFINE_H
#define POSTERN_CONFINE_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "postern/error.h"
#include "postern/syscall_numbers.h"

struct confine_entry {
    int nr;
    int argument; /* -1: any arguments */
    int error;    /* not 0: the call fails with it, which is no fault of ours */
    bool granted; /* only for a program that has been granted more than it has as a rule */
    uint64_t mask, value;
    const char *name, *reason;
};

#define CONFINE_JOIN_(a, b) a##b
#define CONFINE_NAME_(counter) CONFINE_JOIN_(confine_entry_, counter)
#define CONFINE_ENTRY_(syscall, argument, error, granted, mask, value, reason)                                               \
    static const struct confine_entry CONFINE_NAME_(__COUNTER__) __attribute__((section("confine_list"), used, aligned(8))) = { \
        __NR_##syscall, argument, error, granted, mask, value, #syscall, reason}

#define CONFINE_ALLOW(syscall, reason) CONFINE_ENTRY_(syscall, -1, 0, false, 0, 0, reason)

/* What the C library tries first and does without. */
#define CONFINE_ABSENT(syscall, reason) CONFINE_ENTRY_(syscall, -1, ENOSYS, false, 0, 0, reason)

/* Only for a program that has been granted more than it has as a rule. */
#define CONFINE_GRANTED(syscall, reason) CONFINE_ENTRY_(syscall, -1, 0, true, 0, 0, reason)

/* Only where (argument & mask) == value. Several lines for one call: any of them may hold. An int is compared under
 * UINT32_MAX: the kernel does not look at the upper half of the register. */
#define CONFINE_ALLOW_IF(syscall, argument, mask, value, reason)                                                       \
    CONFINE_ENTRY_(syscall, argument, 0, false, mask, (uint64_t)(value) & (uint64_t)(mask), reason)

/* Makes the list the law for all threads of this process, for good; sets no_new_privs. granted: with the lines for that. 0 or -errno. */
int confine_apply(bool granted, struct error *error);

/* One line an entry, sorted by name: "openat if argument 0 & 0xffffffff is 0x6: reason". 0 or -errno. */
int confine_print(FILE *file);

#endif
