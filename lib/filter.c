/* SPDX-License-Identifier: Apache-2.0 */
#include "postern/filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include "lib/bpf.h"
#include "postern/routes.h"

static uint32_t verdict_of(enum route_kind kind, int error)
{
    switch (kind) {
    case ROUTE_HOST:
        return SECCOMP_RET_ALLOW;
    case ROUTE_SENTRY:
    case ROUTE_GOFER:
    case ROUTE_CONTINUE:
        return SECCOMP_RET_USER_NOTIF;
    case ROUTE_ABSENT:
        break;
    }
    return SECCOMP_RET_ERRNO | ((uint32_t)error & SECCOMP_RET_DATA);
}

static bool is_of_limits(const struct route *route)
{
    return route->nr == SYS_getrlimit || route->nr == SYS_setrlimit || route->nr == SYS_prlimit64;
}

static struct bpf_rule rule_of(const struct route *route, bool limits_trapped)
{
    if (limits_trapped && is_of_limits(route))
        return (struct bpf_rule){.nr = route->nr, .verdict = verdict_of(route->otherwise, route->error)};
    return (struct bpf_rule){
        .nr = route->nr,
        .verdict = verdict_of(route->kind, route->error),
        .otherwise = verdict_of(route->otherwise, route->error),
        .cases = route->guard != NULL ? route->guard->cases : NULL,
        .case_count = route->guard != NULL ? route->guard->case_count : 0,
    };
}

int filter_build(bool limits_trapped, struct sock_fprog *ret_program, struct error *error)
{
    struct bpf_rule rules[ROUTES_MAX];
    size_t count = 0;
    for (size_t nr = 0; nr < ROUTES_MAX; nr++) {
        if (routes[nr].name != NULL)
            rules[count++] = rule_of(&routes[nr], limits_trapped);
    }
    int result = bpf_build(rules, count, SECCOMP_RET_ERRNO | ENOSYS, SECCOMP_RET_KILL_PROCESS, ret_program);
    return result < 0 ? error_set(error, result, "cannot build the system call filter") : 0;
}
