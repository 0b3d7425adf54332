/* SPDX-License-Identifier: Apache-2.0 */
/* Changing what a process is: a new context, or new credentials of one thread. */
#include <errno.h>
#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/confine.h"
#include "sentry/kernel/table.h"
#include "sentry/vfs/vfs.h"

CONFINE_ALLOW_IF(kcmp, 2, UINT32_MAX, KCMP_FS, "do two processes share their working directory");

struct cred *task_cred(const struct task *task)
{
    return task->cred != NULL ? task->cred : task->process->context->cred;
}

struct context *process_edit(const struct process *process)
{
    return context_copy(process->context);
}

static bool threads_differ(const struct process *process)
{
    for (const struct task *task = process->tasks; task != NULL; task = task->next)
        if (task->cred != NULL)
            return true;
    return false;
}

static int commit(struct process_table *table, struct process *process, struct context *context)
{
    if (context->thread_cred != NULL && !threads_differ(process))
        context->thread_cred = cred_put(context->thread_cred);
    int result = stamp_process(table, process->pid, context);
    if (result < 0) {
        (void)context_put(context);
        return result;
    }
    (void)pthread_mutex_lock(&table->mutex);
    struct context *before = process->context;
    process->context = context;
    process_count_newcomer(table, process, context->before_program);
    (void)pthread_mutex_unlock(&table->mutex);
    (void)context_put(before);
    stamp_count_commit(table);
    return 0;
}

static bool same_fs(const struct context *a, const struct context *b)
{
    return a->root == b->root && a->cwd == b->cwd && a->umask == b->umask;
}

static void copy_fs(struct context *to, const struct context *from)
{
    struct dentry *root = to->root, *cwd = to->cwd;
    to->root = dentry_get(from->root);
    to->cwd = dentry_get(from->cwd);
    to->umask = from->umask;
    (void)dentry_put(root);
    (void)dentry_put(cwd);
}

static bool host_shares_fs(const struct process *one, const struct process *other)
{
    return syscall(SYS_kcmp, one->pid, other->pid, KCMP_FS, 0, 0) == 0;
}

static int find_sharer(struct process *process, void *data)
{
    const struct process *origin = data;
    return process != origin && process->context->fs_shared && host_shares_fs(origin, process);
}

bool process_shares_fs(struct process_table *table, struct process *process)
{
    return process->context->fs_shared && process_for_each(table, find_sharer, process) != 0;
}

struct fs_change {
    struct process_table *table;
    const struct process *origin;
};

/* Which processes share is the host's to know: CLONE_FS and unshare(2) run natively. */
static int follow_fs(struct process *process, void *data)
{
    const struct fs_change *change = data;
    const struct process *origin = change->origin;
    if (process == origin || !process->context->fs_shared || same_fs(process->context, origin->context) ||
        !host_shares_fs(origin, process))
        return 0;
    struct context *context = process_edit(process);
    if (context == NULL)
        return -ENOMEM;
    copy_fs(context, origin->context);
    return commit(change->table, process, context);
}

int process_commit(struct process_table *table, struct process *process, struct context *context)
{
    bool moved = context->fs_shared && !same_fs(context, process->context);
    int result = commit(table, process, context);
    if (result < 0 || !moved)
        return result;
    struct fs_change change = {.table = table, .origin = process};
    return process_for_each(table, follow_fs, &change);
}

/* The credentials become the process's; no thread has its own any more. */
static int commit_for_all(struct process_table *table, struct process *process, struct cred *cred, bool hide)
{
    struct context *context = process_edit(process);
    if (context == NULL) {
        (void)cred_put(cred);
        return -ENOMEM;
    }
    (void)cred_put(context->cred);
    context->cred = cred;
    context->thread_cred = cred_put(context->thread_cred);
    context->dumpable = context->dumpable && !hide;
    int result = process_commit(table, process, context);
    if (result < 0)
        return result;
    (void)pthread_mutex_lock(&table->mutex);
    for (struct task *task = process->tasks; task != NULL; task = task->next)
        task->cred = cred_put(task->cred);
    (void)pthread_mutex_unlock(&table->mutex);
    return 0;
}

/* The thread's alone. The process gets a new stamp nevertheless: what it forks from now on may be the thread's child. */
static int commit_for_one(struct process_table *table, struct task *task, struct cred *cred, bool hide)
{
    struct context *context = process_edit(task->process);
    if (context == NULL) {
        (void)cred_put(cred);
        return -ENOMEM;
    }
    (void)cred_put(context->thread_cred);
    context->thread_cred = cred_get(cred);
    context->thread_tgid = task->process->pid;
    context->thread_tid = task->tid;
    context->dumpable = context->dumpable && !hide;
    uint64_t start = thread_start_time(table->sentry, task->tid);
    (void)pthread_mutex_lock(&table->mutex);
    struct cred *before = task->cred;
    task->cred = cred;
    task->host_start = start;
    (void)pthread_mutex_unlock(&table->mutex);
    (void)cred_put(before);
    return process_commit(table, task->process, context);
}

/* libc changes the ids of all threads by making each do the call: with the last one they agree again. */
static bool others_agree(const struct task *task, const struct cred *cred, unsigned int threads)
{
    unsigned int agreeing = 1;
    for (const struct task *other = task->process->tasks; other != NULL; other = other->next)
        agreeing += other != task && cred_equal(task_cred(other), cred);
    if (agreeing < threads)
        return false;
    agreeing = 1;
    for (const struct task *other = task->process->tasks; other != NULL; other = other->next)
        agreeing += other != task && cred_equal(task_cred(other), cred) && task_alive(other);
    return agreeing >= threads;
}

int task_commit_cred(struct process_table *table, struct task *task, struct cred *cred)
{
    const struct cred *before = task_cred(task);
    if (cred_equal(before, cred)) {
        (void)cred_put(cred);
        return 0;
    }
    bool hide = cred_change_hides(before, cred);
    unsigned int threads = thread_count(table->sentry, task->process->pid);
    if (threads <= 1 || others_agree(task, cred, threads))
        return commit_for_all(table, task->process, cred, hide);
    return commit_for_one(table, task, cred, hide);
}
