/* SPDX-License-Identifier: Apache-2.0 */
/* Prototypes of every handler, from the route table: sys_NAME for each trapped call NAME. */
#ifndef SENTRY_SYSCALLS_HANDLERS_H
#define SENTRY_SYSCALLS_HANDLERS_H

#include "sentry/platform/call.h"

#define ROUTE(name, kind, guard, otherwise, error, handler, arguments, reason) int64_t sys_##handler(struct call *call);
#include "postern/routes.def"
#undef ROUTE

/* Has a handler serve a call; again.c. */
int64_t call_run(struct call *call, call_handler handler);

#endif
