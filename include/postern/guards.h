/* SPDX-License-Identifier: Apache-2.0 */
/* Guards: which arguments of a call, and which callers, the host's kernel may answer to by itself. */
#ifndef POSTERN_GUARDS_H
#define POSTERN_GUARDS_H

#include <stdbool.h>
#include <stdint.h>

/* One condition on one argument: (arg & mask) op value. 32-bit arguments are compared under a 32-bit mask:
 * the kernel ignores the upper half, so must we. Behind the six arguments is the address the call came from. */
enum guard_op { GUARD_EQ, GUARD_NE };
enum { GUARD_CALLER = 6, GUARD_WORDS };
struct guard_term {
    unsigned char argument;
    unsigned char op;
    uint64_t mask, value;
};
enum { GUARD_TERMS_MAX = 4, GUARD_CASES_MAX = 64 };

/* A guard holds if any of its cases does; a case holds if all its terms do. */
struct guard_case {
    unsigned char term_count;
    struct guard_term terms[GUARD_TERMS_MAX];
};
struct guard {
    const char *name; /* as docs say it: "flags have no namespace bit" */
    unsigned char case_count;
    const struct guard_case *cases;
};

/* Does the guard let these arguments run natively? NULL always does. */
bool guard_holds(const struct guard *guard, const uint64_t words[GUARD_WORDS]);

#endif
