/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one table: where each x86-64 system call is served. routes.def has a line a call; the BPF
 * filter, the sentry's dispatch, `postern routes` and docs/routes.md all come from it. A call in no line is absent.
 */
#ifndef POSTERN_ROUTES_H
#define POSTERN_ROUTES_H

#include <stddef.h>

#include "postern/guards.h"

enum route_kind {
    ROUTE_ABSENT,   /* errno in BPF */
    ROUTE_HOST,     /* the host kernel, in the cell; if the guard does not hold: route.otherwise */
    ROUTE_SENTRY,   /* answered from the sentry's state */
    ROUTE_GOFER,    /* the sentry resolves and checks, the gofer acts */
    ROUTE_CONTINUE, /* checked or noted, then run by the host */
};

enum { ROUTES_MAX = 512 };

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

const struct route *route_find(int nr); /* never NULL: unknown numbers give an absent route */

#endif
