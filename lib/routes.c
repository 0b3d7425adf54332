/* SPDX-License-Identifier: Apache-2.0 */
#include "postern/routes.h"

#include <errno.h>

#include "lib/guards.h"
#include "postern/syscall_numbers.h"

#define ROUTE_none ROUTE_ABSENT

/* Only what can be trapped has a handler. */
#define IS_TRAPPED(kind, otherwise)                                                                                    \
    ((ROUTE_##kind) != ROUTE_ABSENT && ((ROUTE_##kind) != ROUTE_HOST || (ROUTE_##otherwise) != ROUTE_ABSENT))

#define ROUTE(call_name, call_kind, call_guard, call_otherwise, call_error, call_handler, call_arguments, call_reason) \
    [__NR_##call_name] = {                                                                                             \
        .name = #call_name,                                                                                            \
        .nr = __NR_##call_name,                                                                                        \
        .kind = ROUTE_##call_kind,                                                                                     \
        .guard = GUARD_##call_guard == GUARD_none ? NULL : &guards[GUARD_##call_guard],                                \
        .otherwise = ROUTE_##call_otherwise,                                                                           \
        .error = call_error,                                                                                           \
        .handler = IS_TRAPPED(call_kind, call_otherwise) ? #call_handler : NULL,                                       \
        .arguments = call_arguments,                                                                                   \
        .reason = call_reason,                                                                                         \
    },

const struct route routes[ROUTES_MAX] = {
#include "postern/routes.def"
};
#undef ROUTE

#define ROUTE(...) +1
const size_t routes_count = 0
#include "postern/routes.def"
    ;
#undef ROUTE

static const struct route unknown_route = {
    .name = "unknown",
    .nr = -1,
    .kind = ROUTE_ABSENT,
    .otherwise = ROUTE_ABSENT,
    .error = ENOSYS,
    .arguments = "hex,hex,hex,hex,hex,hex",
    .reason = "in no line of the table",
};

const char *route_kind_name(enum route_kind kind)
{
    static const char *const names[] = {
        [ROUTE_ABSENT] = "absent", [ROUTE_HOST] = "host",         [ROUTE_SENTRY] = "sentry",
        [ROUTE_GOFER] = "gofer",   [ROUTE_CONTINUE] = "continue",
    };
    return (size_t)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "unknown";
}

const struct route *route_find(int nr)
{
    if (nr < 0 || nr >= ROUTES_MAX || routes[nr].name == NULL)
        return &unknown_route;
    return &routes[nr];
}
