/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/syscalls/subject.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/kernel/rank.h"
#include "sentry/net/vouch.h"
#include "sentry/syscalls/secureexec.h"

CONFINE_ALLOW(getpgid, "is a process in a group");
CONFINE_ALLOW_IF(openat, 0, UINT32_MAX, SENTRY_FD_PROC_OUTER, "which process a pidfd is");

struct task *subject_find(struct call *call, pid_t vtid)
{
    if (vtid == 0 || vtid == call->task->vtid)
        return call->task;
    return task_find_vtid(call->sentry->processes, vtid);
}

int subject_from_pidfd(struct call *call, int pidfd, struct task **ret_task)
{
    char path[40], text[1024];
    (void)snprintf(path, sizeof(path), "self/fdinfo/%d", pidfd);
    auto_close int info = openat(call->sentry->proc_outer, path, O_RDONLY | O_CLOEXEC);
    if (info < 0)
        return -EBADF;
    ssize_t length = read(info, text, sizeof(text) - 1);
    if (length <= 0)
        return -EBADF;
    text[length] = '\0';
    const char *line = strstr(text, "\nPid:\t");
    if (line == NULL)
        return -EBADF;
    long pid = strtol(line + sizeof("\nPid:\t") - 1, NULL, 10); /* -1: it has ended */
    struct task *task = pid > 0 ? task_find(call->sentry->processes, (pid_t)pid) : NULL;
    if (task == NULL || task->process->context->before_program)
        return -ESRCH;
    *ret_task = task;
    return 0;
}

void group_find(struct call *call, pid_t vpgid, struct group *ret_group)
{
    *ret_group = (struct group){.guest = vpgid};
    const struct task *leader = vpgid != 0 ? task_find_vtid(call->sentry->processes, vpgid) : NULL;
    if (leader != NULL)
        ret_group->host = leader->tid;
    else if (vpgid == 0)
        ret_group->host = getpgid(call->task->process->pid);
}

bool group_has(const struct call *call, const struct group *group, const struct process *process)
{
    if (group->host > 0)
        return getpgid(process->pid) == group->host;
    struct host_status status;
    return host_status_read(call->sentry, process->pid, &status) == 0 && status.vpgid == group->guest;
}

bool caller_may_attach(const struct call *call, const struct task *target)
{
    return is_own_process(call, target) ||
           cred_may_ptrace(caller_cred(call), task_cred(target), target->process->context->dumpable, false);
}

bool may_schedule(const struct call *call, const struct cred *other)
{
    const struct cred *cred = caller_cred(call);
    return cred->euid == other->euid || cred->euid == other->ruid || cred_capable(cred, CAP_SYS_NICE);
}

bool may_rank(const struct call *call)
{
    return caller_capable(call, CAP_SYS_NICE) && rank_granted(call->sentry);
}

struct cred *caller_cred_edit(struct call *call)
{
    return cred_copy(caller_cred(call));
}

/* Returns what the call returns: `value` if it went well. */
static int64_t publish(struct call *call, struct cred *changed, int64_t value)
{
    const struct cred *before = call->cred;
    bool forget = call->task->death_signal && cred_change_hides(caller_cred(call), changed);
    int result = task_commit_cred(call->sentry->processes, call->task, changed);
    if (result < 0)
        return result;
    vouch_changed(call, before->ruid, before->rgid);
    return forget ? secureexec_forget_parent(call, value) : value;
}

int64_t caller_cred_finish(struct call *call, struct cred *changed, int result)
{
    if (result < 0) {
        (void)cred_put(changed);
        return result;
    }
    return publish(call, changed, 0);
}

int64_t caller_cred_finish_with(struct call *call, struct cred *changed, int result, int64_t value)
{
    if (result < 0) {
        (void)cred_put(changed);
        return value;
    }
    int64_t published = publish(call, changed, value);
    return published == CALL_ANSWERED ? published : value;
}
