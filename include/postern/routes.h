/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one table: where each x86-64 system call is served. routes.def has a line a call; the BPF
 * filter, the sentry's dispatch, `postern routes` and docs/routes.md all come from it. A call in no line is absent.
 */
#ifndef POSTERN_ROUTES_H
#define POSTERN_ROUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum route_kind {
    ROUTE_ABSENT,   /* errno in BPF */
    ROUTE_HOST,     /* the host kernel, in the cell; if the guard does not hold: route_table.otherwise */
    ROUTE_SENTRY,   /* answered from the sentry's state */
    ROUTE_GOFER,    /* the sentry resolves and checks, the gofer acts */
    ROUTE_CONTINUE, /* checked or noted, then run by the host */
};

enum { ROUTES_MAX = 512 };

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

struct route {
    const char *name;
    int nr;
    enum route_kind kind;
    const struct guard *guard;       /* ROUTE_HOST: when it may run natively; NULL: always */
    enum route_kind otherwise;       /* if the guard does not hold: ROUTE_SENTRY, ROUTE_GOFER, ROUTE_CONTINUE or ROUTE_ABSENT */
    int error;                       /* ROUTE_ABSENT: the errno */
    const char *handler;             /* name of the sentry's handler without "sys_", or NULL */
    const char *arguments;           /* how to print them: see sentry/platform/trace.h */
    const char *reason;
};

/* The table, by call number; entries without a line have name NULL. */
extern const struct route routes[ROUTES_MAX];
extern const size_t routes_count;

const char *route_kind_name(enum route_kind kind);
/* Does the guard let these arguments run natively? NULL always does. */
bool guard_holds(const struct guard *guard, const uint64_t words[GUARD_WORDS]);

const struct route *route_find(int nr); /* never NULL: unknown numbers give an absent route */

#endif
