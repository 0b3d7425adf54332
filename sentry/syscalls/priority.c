/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nice values and ranks of disk requests: getpriority(2), setpriority(2), ioprio_set(2). They are about a thread, or all threads of a
 * group or a user. Judged here, then done by the host for the caller itself; but the host knows one user only, and nobody with
 * CAP_SYS_NICE: what is about a user, or for who has that, is done thread by thread (kernel/rank.h).
 */
#include <errno.h>
#include <linux/ioprio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/confine.h"
#include "postern/gofer_protocol.h"
#include "sentry/kernel/newcomers.h"
#include "sentry/kernel/rank.h"
#include "sentry/syscalls/handlers.h"
#include "sentry/syscalls/subject.h"

CONFINE_ALLOW(getpriority, "nice values of all processes of a guest's user");

enum { LIMIT_OF_0 = 20 /* what getpriority(2) counts from */, NICE_MOST = 19, NICE_LEAST = -20 };

/* --- whom a call is about --- */

struct family {
    int process, group, user;
    bool (*may)(const struct call *call, const struct cred *other);
};

static bool may_set_io(const struct call *call, const struct cred *other)
{
    const struct cred *cred = caller_cred(call);
    return cred->euid == other->ruid || cred->ruid == other->ruid || cred_capable(cred, CAP_SYS_NICE);
}

static const struct family nice_family = {PRIO_PROCESS, PRIO_PGRP, PRIO_USER, may_schedule};
static const struct family io_family = {IOPRIO_WHO_PROCESS, IOPRIO_WHO_PGRP, IOPRIO_WHO_USER, may_set_io};

struct subject {
    pid_t tid;
    struct process *process; /* a reference */
    bool allowed;
};

struct subjects {
    struct call *call;
    const struct family *family;
    bool of_group;
    struct group group;
    uid_t user;
    struct subject *items;
    size_t count, capacity;
};

static void subjects_release(struct subjects *subjects)
{
    for (size_t i = 0; i < subjects->count; i++)
        process_put(subjects->items[i].process);
    free(subjects->items);
}
#define auto_subjects __attribute__((cleanup(subjects_release)))

static int add(struct subjects *subjects, pid_t tid, struct process *process, bool allowed)
{
    if (subjects->count == subjects->capacity) {
        size_t capacity = subjects->capacity == 0 ? 64 : subjects->capacity * 2;
        struct subject *items = reallocarray(subjects->items, capacity, sizeof(*items));
        if (items == NULL)
            return -ENOMEM;
        subjects->items = items;
        subjects->capacity = capacity;
    }
    subjects->items[subjects->count++] = (struct subject){.tid = tid, .process = process_get(process), .allowed = allowed};
    return 0;
}

static bool is_allowed(const struct subjects *subjects, const struct process *process, const struct cred *cred)
{
    return process == subjects->call->task->process || subjects->family->may(subjects->call, cred);
}

struct member {
    struct subjects *subjects;
    struct process *process;
};

static int add_thread(pid_t tid, void *data)
{
    const struct member *member = data;
    struct subjects *subjects = member->subjects;
    return add(subjects, tid, member->process, is_allowed(subjects, member->process, process_cred(member->process)));
}

static int add_process(struct process *process, void *data)
{
    struct subjects *subjects = data;
    struct member member = {.subjects = subjects, .process = process};
    bool wanted = subjects->of_group ? group_has(subjects->call, &subjects->group, process)
                                     : process_cred(process)->ruid == subjects->user;
    int result = wanted ? process_for_each_thread(process, add_thread, &member) : 0;
    return result == -ESRCH ? 0 : result;
}

static int add_task(struct subjects *subjects, const struct task *task)
{
    if (task == NULL)
        return -ESRCH;
    return add(subjects, task->tid, task->process, is_allowed(subjects, task->process, task_cred(task)));
}

/* At least one, or -ESRCH; -EINVAL: there is no such kind. */
static int find_subjects(struct subjects *subjects, int which, unsigned int who)
{
    struct call *call = subjects->call;
    const struct family *family = subjects->family;
    if (which == family->process)
        return add_task(subjects, subject_find(call, (pid_t)who));
    subjects->of_group = which == family->group;
    if (!subjects->of_group && which != family->user)
        return -EINVAL;
    if (subjects->of_group && (pid_t)who > 0 && newcomer_has_id(call->sentry->processes, (pid_t)who))
        return -ESRCH; /* it leads a group of its own */
    if (subjects->of_group)
        group_find(call, (pid_t)who, &subjects->group);
    subjects->user = who == 0 ? caller_cred(call)->ruid : who;
    int result = process_for_each(call->sentry->processes, add_process, subjects);
    return result < 0 ? result : subjects->count == 0 ? -ESRCH : 0;
}

/* --- the host does it, if this is allowed for all of them --- */

static int64_t judge(struct call *call, const struct family *family)
{
    auto_subjects struct subjects subjects = {.call = call, .family = family};
    int64_t result = find_subjects(&subjects, arg_int(call, 0), arg_uint(call, 1));
    for (size_t i = 0; i < subjects.count && result == 0; i++)
        result = subjects.items[i].allowed ? 0 : -EPERM;
    return result < 0 ? result : CALL_CONTINUE;
}

/* --- nice values --- */

static int64_t priority_of_user(struct call *call)
{
    auto_subjects struct subjects subjects = {.call = call, .family = &nice_family};
    int64_t most = find_subjects(&subjects, PRIO_USER, arg_uint(call, 1));
    for (size_t i = 0; i < subjects.count && most >= 0; i++) {
        long priority = syscall(SYS_getpriority, PRIO_PROCESS, subjects.items[i].tid);
        most = priority > most ? priority : most;
    }
    return most != 0 ? most : -ESRCH;
}

int64_t sys_getpriority(struct call *call)
{
    if (arg_int(call, 0) == PRIO_USER)
        return priority_of_user(call);
    const pid_t vtid = arg_int(call, 1);
    return vtid > 0 && newcomer_has_id(call->sentry->processes, vtid) ? -ESRCH : CALL_CONTINUE;
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
    const bool capable = may_rank(call);
    if (!capable && arg_int(call, 0) != PRIO_USER)
        return judge(call, &nice_family);
    auto_subjects struct subjects subjects = {.call = call, .family = &nice_family};
    int64_t result = find_subjects(&subjects, arg_int(call, 0), arg_uint(call, 1));
    if (result < 0)
        return result;
    nice = nice < NICE_LEAST ? NICE_LEAST : nice > NICE_MOST ? NICE_MOST : nice;
    result = -ESRCH;
    for (size_t i = 0; i < subjects.count; i++) {
        const struct subject *subject = &subjects.items[i];
        result = sum(result, subject->allowed ? rank_set_nice(subject->process, subject->tid, nice, capable) : -EPERM);
    }
    return result;
}

/* --- disks --- */

/* The host judges what is asked for before it looks for whom it is for. */
static int64_t set_io(struct subjects *subjects, int priority)
{
    int64_t result = -ESRCH;
    for (size_t i = 0; i < subjects->count; i++) {
        const struct subject *subject = &subjects->items[i];
        const struct gofer_rank rank = {.what = GOFER_RANK_IO, .tid = subject->tid, .value = priority};
        result = sum(result, rank_set(subject->process, &rank));
        if (result < 0 && result != -ESRCH)
            return result;
    }
    return result;
}

int64_t sys_ioprio_set(struct call *call)
{
    if (!may_rank(call))
        return arg_int(call, 0) == IOPRIO_WHO_USER ? -EPERM : judge(call, &io_family);
    auto_subjects struct subjects subjects = {.call = call, .family = &io_family};
    int64_t result = find_subjects(&subjects, arg_int(call, 0), arg_uint(call, 1));
    return result < 0 ? result : set_io(&subjects, arg_int(call, 2));
}
