/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/kernel/limits.h"

#include <errno.h>

#include "postern/boot.h"
#include "postern/confine.h"
#include "postern/limits.h"
#include "sentry/kernel/cred.h"
#include "sentry/kernel/process.h"

CONFINE_ALLOW(prlimit64, "limits of guest processes, judged");

void limits_begin(struct limits *limits, const struct boot_config *boot)
{
    *limits = (struct limits){0};
    for (unsigned int resource = 0; resource < RLIM_NLIMITS; resource++) {
        limits->of[resource] = (struct rlimit){RLIM_INFINITY, RLIM_INFINITY};
        if (limit_is_emulated(resource, boot->cap_bounding))
            limits->emulated |= 1u << resource;
    }
    for (uint32_t i = 0; i < boot->rlimit_count; i++)
        if (boot->rlimits[i].resource < RLIM_NLIMITS)
            limits->of[boot->rlimits[i].resource] = (struct rlimit){boot->rlimits[i].soft, boot->rlimits[i].hard};
}

/* Does a capability make the soft limit void? The host's limit is all threads': if one may have less than others, none has more. */
static bool is_void(const struct context *context, unsigned int resource)
{
    if (!limits_emulated(&context->limits, resource) || context->threads_differ)
        return false;
    if (resource == RLIMIT_MEMLOCK)
        return cred_capable(context->cred, CAP_IPC_LOCK);
    return resource == RLIMIT_NPROC && (cred_capable(context->cred, CAP_SYS_RESOURCE) || cred_capable(context->cred, CAP_SYS_ADMIN));
}

static int host_get(pid_t pid, unsigned int resource, struct rlimit *ret_limit)
{
    return prlimit(pid, (__rlimit_resource_t)resource, NULL, ret_limit) < 0 ? -errno : 0;
}

static int host_set(pid_t pid, unsigned int resource, const struct rlimit *limit)
{
    return prlimit(pid, (__rlimit_resource_t)resource, limit, NULL) < 0 ? -errno : 0;
}

int limits_get(const struct process *process, unsigned int resource, struct rlimit *ret_limit)
{
    const struct context *context = process->context;
    struct rlimit host;
    if (resource >= RLIM_NLIMITS)
        return -EINVAL;
    const struct rlimit *shown = &context->limits.of[resource];
    if (limit_is_ours(resource)) {
        *ret_limit = *shown;
        return 0;
    }
    int result = host_get(process->pid, resource, &host);
    if (result < 0)
        return result;
    if (limits_emulated(&context->limits, resource)) {
        host.rlim_max = shown->rlim_max;
        if (is_void(context, resource))
            host.rlim_cur = shown->rlim_cur;
    }
    *ret_limit = host;
    return 0;
}

/* The host's soft limit, below a hard one that stays as it is. */
static int set_soft(const struct process *process, unsigned int resource, const struct rlimit *limit)
{
    struct rlimit host;
    int result = host_get(process->pid, resource, &host);
    if (result < 0)
        return result;
    if (limit->rlim_max > host.rlim_max)
        return -EPERM; /* more than the runtime had to give */
    host.rlim_cur = is_void(process->context, resource) ? host.rlim_max : limit->rlim_cur;
    return host_set(process->pid, resource, &host);
}

int limits_set(struct process_table *table, struct process *process, unsigned int resource, const struct rlimit *limit, bool may_raise)
{
    struct rlimit before;
    int result = limits_get(process, resource, &before);
    if (result < 0)
        return result;
    if (limit->rlim_cur > limit->rlim_max)
        return -EINVAL;
    if (!limits_emulated(&process->context->limits, resource))
        return host_set(process->pid, resource, limit);
    if (limit->rlim_max > before.rlim_max && !may_raise)
        return -EPERM;
    struct context *context = process_edit(process);
    if (context == NULL)
        return -ENOMEM;
    context->limits.of[resource] = *limit;
    result = limit_is_ours(resource) ? 0 : set_soft(process, resource, limit);
    if (result < 0) {
        (void)context_put(context);
        return result;
    }
    return process_commit(table, process, context);
}

/* --- capabilities come and go --- */

static void follow(pid_t pid, const struct context *before, const struct context *after, bool loosen)
{
    static const unsigned int resources[] = {RLIMIT_MEMLOCK, RLIMIT_NPROC};
    for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++) {
        const unsigned int resource = resources[i];
        bool now = is_void(after, resource);
        struct rlimit host;
        if (now != loosen || now == (before != NULL && is_void(before, resource)) || host_get(pid, resource, &host) < 0)
            continue;
        host.rlim_cur = now ? host.rlim_max : after->limits.of[resource].rlim_cur;
        (void)host_set(pid, resource, &host);
    }
}

void limits_tighten(pid_t pid, const struct context *before, const struct context *after)
{
    follow(pid, before, after, false);
}

void limits_loosen(pid_t pid, const struct context *before, const struct context *after)
{
    follow(pid, before, after, true);
}
