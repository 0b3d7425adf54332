/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/platform/dispatch.h"

#include <errno.h>

#include "postern/routes.h"
#include "postern/syscall_numbers.h"
#include "sentry/platform/call.h"
#include "sentry/platform/trace.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/handlers.h"

/* `none` stands in the table where nothing is ever trapped. */
#pragma weak sys_none

static const call_handler handlers[ROUTES_MAX] = {
#define ROUTE(name, kind, guard, otherwise, error, handler, arguments, reason) [__NR_##name] = sys_##handler,
#include "postern/routes.def"
#undef ROUTE
};

static int64_t run_handler(struct call *call)
{
    return call_run(call, handlers[call->nr]);
}

static int64_t dispatch_traced(struct call *call, int64_t (*clock)(void))
{
    struct trace_line line;
    int64_t before = clock();
    trace_begin(call, &line);
    int64_t result = run_handler(call);
    trace_call(call->sentry->trace, &line, call, result, (uint64_t)(clock() - before));
    return result;
}

int64_t dispatch(struct call *call, int64_t (*clock)(void))
{
    if (call->nr < 0 || call->nr >= ROUTES_MAX || handlers[call->nr] == NULL)
        return -ENOSYS;
    call->route = route_find(call->nr);
    return call->sentry->trace == NULL ? run_handler(call) : dispatch_traced(call, clock);
}
