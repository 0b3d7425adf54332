/* SPDX-License-Identifier: Apache-2.0 */
/* Who calls, and which process a call is about. */
#ifndef SENTRY_SYSCALLS_SUBJECT_H
#define SENTRY_SYSCALLS_SUBJECT_H

#include <stdbool.h>

#include "sentry/kernel/process.h"
#include "sentry/platform/call.h"
#include "sentry/sentry.h"

static inline const struct cred *caller_cred(const struct call *call)
{
    return call->cred;
}

static inline bool caller_capable(const struct call *call, unsigned int capability)
{
    return cred_capable(caller_cred(call), capability);
}

/* The task with a guest-visible thread id, 0 meaning the caller; NULL if there is none. */
struct task *subject_find(struct call *call, pid_t vtid);

static inline bool is_own_process(const struct call *call, const struct task *task)
{
    return task->process == call->task->process;
}

/* May the caller reach into a process, as ptrace(2) would judge it? */
bool caller_may_attach(const struct call *call, const struct task *target);

/* May the caller change how somebody is scheduled? And may it do what takes CAP_SYS_NICE on the machine (kernel/rank.h)? */
bool may_schedule(const struct call *call, const struct cred *other);
bool may_rank(const struct call *call);

/* The task behind a pidfd of which we hold a copy: 0, -EBADF if it is no pidfd, -ESRCH if the process is gone. */
int subject_from_pidfd(struct call *call, int pidfd, struct task **ret_task);

/* A process group of the guest's, 0 meaning the caller's. */
struct group {
    pid_t host;  /* its id outside, or 0: its leader is gone */
    pid_t guest; /* then it is told by this */
};
void group_find(struct call *call, pid_t vpgid, struct group *ret_group);
bool group_has(const struct call *call, const struct group *group, const struct process *process);

/* The caller is about to have a descriptor table of its own, apart from its process's. 0 or -errno. */
int call_note_own_files(struct call *call);

/* A private copy of the caller's credentials, or NULL: then return -ENOMEM. */
struct cred *caller_cred_edit(struct call *call);
/* Publishes the copy if `result`, of the call that changed it, is not an error; else drops it. Returns what the
 * handler returns. */
int64_t caller_cred_finish(struct call *call, struct cred *changed, int result);
/* The same for a call that never fails: it returns `value`, whatever comes of it. */
int64_t caller_cred_finish_with(struct call *call, struct cred *changed, int result, int64_t value);

#endif
