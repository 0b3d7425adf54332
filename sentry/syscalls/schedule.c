/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How threads are scheduled: getpriority(2), setpriority(2), sched_setscheduler(2) and its kin, ioprio_set(2), sched_setaffinity(2).
 * Judged by emulated ids, capabilities and limits; what is done is done by kernel/rank.h, or where nothing but the guest's own right is
 * needed by the caller itself.
 */
#include <errno.h>
#include <limits.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/kernel/newcomers.h"
#include "sentry/kernel/rank.h"
#include "sentry/syscalls/handlers.h"
#include "sentry/syscalls/subject.h"

enum { LIMIT_OF_0 = 20 /* RLIMIT_NICE for a nice value of 0, and what getpriority(2) counts from */, NICE_MOST = 19, NICE_LEAST = -20 };

/* --- who may --- */

static bool owns(const struct call *call, const struct task *target)
{
    const struct cred *cred = caller_cred(call), *other = task_cred(target);
    return is_own_process(call, target) || cred->euid == other->euid || cred->euid == other->ruid;
}

/* ioprio_set(2) asks otherwise. */
static bool owns_io(const struct call *call, const struct task *target)
{
    const struct cred *cred = caller_cred(call), *other = task_cred(target);
    return is_own_process(call, target) || cred->euid == other->ruid || cred->ruid == other->ruid;
}

static bool is_tagged(const struct process *process)
{
    return process->context->tagged;
}

static struct rank_rights rights_over(const struct call *call, const struct task *target)
{
    struct rlimit nice = {0}, realtime = {0};
    (void)limits_get(target->process, RLIMIT_NICE, &nice);
    (void)limits_get(target->process, RLIMIT_RTPRIO, &realtime);
    const int reach = nice.rlim_cur > LIMIT_OF_0 - NICE_LEAST ? LIMIT_OF_0 - NICE_LEAST : (int)nice.rlim_cur;
    return (struct rank_rights){.owner = owns(call, target),
                                .capable = caller_capable(call, CAP_SYS_NICE),
                                .lowest_nice = LIMIT_OF_0 - reach,
                                .realtime_most = realtime.rlim_cur,
                                .never_realtime = is_tagged(target->process)};
}

/* --- one thread --- */

static int64_t set_rank(struct call *call, pid_t vtid, const struct sched_attributes *wanted, unsigned int keep)
{
    const struct task *target = subject_find(call, vtid);
    if (target == NULL)
        return -ESRCH;
    const struct rank_rights rights = rights_over(call, target);
    return rank_set(call->sentry, target->tid, wanted, keep, &rights);
}

static int64_t set_by_policy(struct call *call, int policy, uint64_t address, unsigned int keep)
{
    struct sched_param parameters;
    struct sched_attributes wanted = {.policy = (uint32_t)policy & ~(uint32_t)SCHED_RESET_ON_FORK,
                                      .flags = (policy & SCHED_RESET_ON_FORK) != 0};
    if (address == 0 || arg_int(call, 0) < 0)
        return -EINVAL;
    int result = guest_read(call, address, &parameters, sizeof(parameters));
    if (result < 0)
        return result;
    wanted.priority = (uint32_t)parameters.sched_priority;
    return set_rank(call, arg_int(call, 0), &wanted, keep | RANK_KEEP_NICE);
}

int64_t sys_sched_setscheduler(struct call *call)
{
    int policy = arg_int(call, 1);
    return policy < 0 ? -EINVAL : set_by_policy(call, policy, call->args[2], 0);
}

int64_t sys_sched_setparam(struct call *call)
{
    return set_by_policy(call, 0, call->args[1], RANK_KEEP_POLICY);
}

enum { ATTRIBUTES_FIRST = 48 /* SCHED_ATTR_SIZE_VER0 */, ATTRIBUTES_MOST = 4096, KEEP_POLICY = 0x08, KEEP_PARAMETERS = 0x10, CLAMPS = 0x60 };

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
    if ((attributes.flags & CLAMPS) != 0 && size < sizeof(attributes))
        return -EINVAL;
    attributes.nice = attributes.nice < NICE_LEAST ? NICE_LEAST : attributes.nice > NICE_MOST ? NICE_MOST : attributes.nice;
    *ret_attributes = attributes;
    return 0;
}

int64_t sys_sched_setattr(struct call *call)
{
    struct sched_attributes wanted;
    if (call->args[1] == 0 || arg_int(call, 0) < 0 || arg_uint(call, 2) != 0)
        return -EINVAL;
    int result = read_attributes(call, call->args[1], &wanted);
    if (result < 0)
        return result;
    if ((int32_t)wanted.policy < 0)
        return -EINVAL;
    unsigned int keep = 0;
    keep |= (wanted.flags & KEEP_POLICY) != 0 ? RANK_KEEP_POLICY : 0;
    keep |= (wanted.flags & KEEP_PARAMETERS) != 0 ? RANK_KEEP_PARAMETERS : 0;
    return set_rank(call, arg_int(call, 0), &wanted, keep);
}

static int64_t get_rank(struct call *call, struct sched_attributes *ret_attributes)
{
    if (arg_int(call, 0) < 0)
        return -EINVAL;
    const struct task *target = subject_find(call, arg_int(call, 0));
    return target == NULL ? -ESRCH : rank_read(call->sentry, target->tid, ret_attributes);
}

int64_t sys_sched_getscheduler(struct call *call)
{
    struct sched_attributes attributes;
    int64_t result = get_rank(call, &attributes);
    if (result < 0)
        return result;
    return attributes.policy | ((attributes.flags & 1) != 0 ? (uint32_t)SCHED_RESET_ON_FORK : 0);
}

int64_t sys_sched_getattr(struct call *call)
{
    static const char zeros[ATTRIBUTES_MOST];
    struct sched_attributes attributes;
    const uint32_t size = arg_uint(call, 2), known = size < sizeof(attributes) ? size : sizeof(attributes);
    if (call->args[1] == 0 || arg_int(call, 0) < 0 || size < ATTRIBUTES_FIRST || size > ATTRIBUTES_MOST || arg_uint(call, 3) != 0)
        return -EINVAL;
    int64_t result = get_rank(call, &attributes);
    if (result < 0)
        return result;
    if (attributes.policy == SCHED_FIFO || attributes.policy == SCHED_RR)
        attributes.nice = 0;
    attributes.size = known;
    result = guest_write(call, call->args[1], &attributes, known);
    return result < 0 || size == known ? result : guest_write(call, call->args[1] + known, zeros, size - known);
}

int64_t sys_sched_setaffinity(struct call *call)
{
    pid_t vtid = arg_int(call, 0);
    if (vtid == 0 || vtid == call->task->vtid || vtid < 0)
        return CALL_CONTINUE;
    const struct task *target = subject_find(call, vtid);
    if (target == NULL)
        return -ESRCH;
    return owns(call, target) || caller_capable(call, CAP_SYS_NICE) ? CALL_CONTINUE : -EPERM;
}

/* --- all threads of a process, a group, a user --- */

struct subject {
    pid_t tid;
    struct rank_rights rights;
    bool owned_io;
};

struct subjects {
    struct call *call;
    bool (*has)(const struct subjects *subjects, const struct process *process);
    struct group group;
    uid_t user;
    struct subject *items;
    size_t count, capacity;
};

static void subjects_release(struct subjects *subjects)
{
    free(subjects->items);
}
#define auto_subjects __attribute__((cleanup(subjects_release)))

static int add(struct subjects *subjects, pid_t tid, const struct task *task)
{
    if (subjects->count == subjects->capacity) {
        size_t capacity = subjects->capacity == 0 ? 64 : subjects->capacity * 2;
        struct subject *items = reallocarray(subjects->items, capacity, sizeof(*items));
        if (items == NULL)
            return -ENOMEM;
        subjects->items = items;
        subjects->capacity = capacity;
    }
    subjects->items[subjects->count++] =
        (struct subject){.tid = tid, .rights = rights_over(subjects->call, task), .owned_io = owns_io(subjects->call, task)};
    return 0;
}

struct member {
    struct subjects *subjects;
    const struct task *task;
};

static int add_thread(pid_t tid, void *data)
{
    const struct member *member = data;
    return add(member->subjects, tid, member->task);
}

static int add_process(struct process *process, void *data)
{
    struct subjects *subjects = data;
    const struct task leader = {.tid = process->pid, .vtid = process->vpid, .process = process, .cred = process_cred(process)};
    struct member member = {.subjects = subjects, .task = &leader};
    if (!subjects->has(subjects, process))
        return 0;
    int result = process_for_each_thread(process, add_thread, &member);
    return result == -ESRCH ? 0 : result;
}

static bool has_group(const struct subjects *subjects, const struct process *process)
{
    return group_has(subjects->call, &subjects->group, process);
}

static bool has_user(const struct subjects *subjects, const struct process *process)
{
    return process_cred(process)->ruid == subjects->user;
}

/* The threads a call is about, of which the kinds of `who` are alike for the two families. -EINVAL: there is no such kind. */
static int find_subjects(struct subjects *subjects, int which, const int kinds[3], unsigned int who)
{
    struct call *call = subjects->call;
    if (which == kinds[0]) {
        const struct task *target = subject_find(call, (pid_t)who);
        return target == NULL ? -ESRCH : add(subjects, target->tid, target);
    }
    if (which == kinds[1]) {
        if ((pid_t)who > 0 && newcomer_has_id(call->sentry->processes, (pid_t)who)) /* it leads a group of its own */
            return -ESRCH;
        subjects->has = has_group;
        group_find(call, (pid_t)who, &subjects->group);
    } else if (which == kinds[2]) {
        subjects->has = has_user;
        subjects->user = who == 0 ? caller_cred(call)->ruid : who;
    } else {
        return -EINVAL;
    }
    int result = process_for_each(call->sentry->processes, add_process, subjects);
    return result < 0 ? result : subjects->count == 0 ? -ESRCH : 0;
}

static const int priority_kinds[] = {PRIO_PROCESS, PRIO_PGRP, PRIO_USER};
static const int io_kinds[] = {IOPRIO_WHO_PROCESS, IOPRIO_WHO_PGRP, IOPRIO_WHO_USER};

int64_t sys_getpriority(struct call *call)
{
    auto_subjects struct subjects subjects = {.call = call};
    int64_t most = find_subjects(&subjects, arg_int(call, 0), priority_kinds, arg_uint(call, 1));
    if (most < 0)
        return most;
    most = -ESRCH;
    for (size_t i = 0; i < subjects.count; i++) {
        struct sched_attributes attributes;
        if (rank_read(call->sentry, subjects.items[i].tid, &attributes) == 0 && LIMIT_OF_0 - attributes.nice > most)
            most = LIMIT_OF_0 - attributes.nice;
    }
    return most;
}

/* What a call on many returns: that one went well, unless another did not. */
static int64_t sum(int64_t so_far, int result)
{
    if (result == -ESRCH)
        return so_far;
    return result < 0 ? result : so_far == -ESRCH ? 0 : so_far;
}

int64_t sys_setpriority(struct call *call)
{
    int nice = arg_int(call, 2);
    auto_subjects struct subjects subjects = {.call = call};
    int64_t result = find_subjects(&subjects, arg_int(call, 0), priority_kinds, arg_uint(call, 1));
    if (result < 0)
        return result;
    nice = nice < NICE_LEAST ? NICE_LEAST : nice > NICE_MOST ? NICE_MOST : nice;
    result = -ESRCH;
    for (size_t i = 0; i < subjects.count; i++)
        result = sum(result, rank_set_nice(call->sentry, subjects.items[i].tid, nice, &subjects.items[i].rights));
    return result;
}

/* --- disks --- */

enum { IO_CLASS_SHIFT = 13, IO_CLASS_MASK = 7, IO_LEVEL_MASK = 7 };

/* ioprio_check_cap of Linux: a class all may have, one for the privileged, and none. */
static int check_io(const struct call *call, int priority)
{
    switch (priority >> IO_CLASS_SHIFT & IO_CLASS_MASK) {
    case IOPRIO_CLASS_RT:
        return caller_capable(call, CAP_SYS_ADMIN) || caller_capable(call, CAP_SYS_NICE) ? 0 : -EPERM;
    case IOPRIO_CLASS_BE:
    case IOPRIO_CLASS_IDLE:
        return 0;
    case IOPRIO_CLASS_NONE:
        return (priority & IO_LEVEL_MASK) != 0 ? -EINVAL : 0;
    default:
        return -EINVAL;
    }
}

int64_t sys_ioprio_set(struct call *call)
{
    const int priority = arg_int(call, 2);
    auto_subjects struct subjects subjects = {.call = call};
    int64_t result = check_io(call, priority);
    if (result == 0)
        result = find_subjects(&subjects, arg_int(call, 0), io_kinds, arg_uint(call, 1));
    if (result < 0)
        return result;
    result = -ESRCH;
    for (size_t i = 0; i < subjects.count; i++) {
        const struct subject *subject = &subjects.items[i];
        if (!subject->owned_io && !subject->rights.capable)
            return -EPERM;
        result = sum(result, rank_set_io(call->sentry, subject->tid, priority));
        if (result < 0 && result != -ESRCH)
            return result;
    }
    return result;
}
