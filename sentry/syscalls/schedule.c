/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies: sched_setscheduler(2), sched_setparam(2), sched_setattr(2), sched_setaffinity(2). Judged here, then done by the host for the
 * caller itself; or for it, where it has CAP_SYS_NICE and that is good for something (kernel/rank.h).
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "postern/cleanup.h"
#include "postern/gofer_protocol.h"
#include "sentry/kernel/rank.h"
#include "sentry/syscalls/handlers.h"
#include "sentry/syscalls/subject.h"

static int64_t judge(struct call *call)
{
    pid_t vtid = arg_int(call, 0);
    if (vtid == 0 || vtid == call->task->vtid || vtid < 0)
        return CALL_CONTINUE;
    const struct task *target = subject_find(call, vtid);
    if (target == NULL)
        return -ESRCH;
    return may_schedule(call, task_cred(target)) || is_own_process(call, target) ? CALL_CONTINUE : -EPERM;
}

/* All checks but the one on capabilities are the host's. */
static int64_t set_for_caller(struct call *call, struct gofer_rank *rank)
{
    const struct task *target = subject_find(call, arg_int(call, 0));
    if (target == NULL)
        return -ESRCH;
    rank->tid = target->tid;
    return rank_set(target->process, rank);
}

static int64_t set_by_parameter(struct call *call, int what, int policy, uint64_t address)
{
    struct sched_param parameter;
    if (address == 0 || arg_int(call, 0) < 0)
        return -EINVAL;
    int result = guest_read(call, address, &parameter, sizeof(parameter));
    if (result < 0)
        return result;
    struct gofer_rank rank = {.what = what, .policy = policy, .value = parameter.sched_priority};
    return set_for_caller(call, &rank);
}

int64_t sys_sched_setscheduler(struct call *call)
{
    if (!may_rank(call))
        return judge(call);
    int policy = arg_int(call, 1);
    return policy < 0 ? -EINVAL : set_by_parameter(call, GOFER_RANK_SCHEDULER, policy, call->args[2]);
}

int64_t sys_sched_setparam(struct call *call)
{
    return may_rank(call) ? set_by_parameter(call, GOFER_RANK_PARAM, 0, call->args[1]) : judge(call);
}

enum { ATTRIBUTES_FIRST = 48 /* SCHED_ATTR_SIZE_VER0 */, ATTRIBUTES_MOST = 4096, FLAGS_CLAMP = 0x60 };

/* What is behind what we know must be zero. */
static int read_rest(struct call *call, uint64_t address, size_t size)
{
    auto_free char *rest = malloc(ATTRIBUTES_MOST);
    if (rest == NULL)
        return -ENOMEM;
    int result = guest_read(call, address, rest, size);
    for (size_t i = 0; result == 0 && i < size; i++)
        result = rest[i] != '\0' ? -E2BIG : 0;
    return result;
}

/* Tells the size that would have been right. */
static int wrong_size(struct call *call, uint64_t address)
{
    const uint32_t size = sizeof(struct sched_attributes);
    int result = guest_write(call, address, &size, sizeof(size));
    return result == -ESRCH ? result : -E2BIG;
}

static int read_attributes(struct call *call, uint64_t address, struct sched_attributes *ret_attributes)
{
    struct sched_attributes attributes = {0};
    uint32_t size;
    int result = guest_read(call, address, &size, sizeof(size));
    if (result < 0)
        return result;
    size = size == 0 ? ATTRIBUTES_FIRST : size;
    if (size < ATTRIBUTES_FIRST || size > ATTRIBUTES_MOST)
        return wrong_size(call, address);
    result = guest_read(call, address, &attributes, size < sizeof(attributes) ? size : sizeof(attributes));
    if (result == 0 && size > sizeof(attributes))
        result = read_rest(call, address + sizeof(attributes), size - sizeof(attributes));
    if (result < 0)
        return result == -E2BIG ? wrong_size(call, address) : result;
    if ((attributes.flags & FLAGS_CLAMP) != 0 && size < sizeof(attributes))
        return -EINVAL;
    *ret_attributes = attributes;
    return 0;
}

int64_t sys_sched_setattr(struct call *call)
{
    if (!may_rank(call))
        return judge(call);
    struct gofer_rank rank = {.what = GOFER_RANK_ATTR};
    if (call->args[1] == 0 || arg_int(call, 0) < 0 || arg_uint(call, 2) != 0)
        return -EINVAL;
    int result = read_attributes(call, call->args[1], &rank.attributes);
    return result < 0 ? result : set_for_caller(call, &rank);
}

int64_t sys_sched_setaffinity(struct call *call)
{
    return judge(call);
}
