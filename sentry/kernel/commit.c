/* SPDX-License-Identifier: Apache-2.0 */
/* Changing what a process is: a new context, or new credentials of one thread. */
#include <errno.h>
#include <linux/kcmp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/confine.h"
#include "sentry/kernel/table.h"
#include "sentry/vfs/vfs.h"

CONFINE_ALLOW_IF(kcmp, 2, UINT32_MAX, KCMP_FS, "do two processes share their working directory");
CONFINE_ALLOW_IF(kcmp, 2, UINT32_MAX, KCMP_FILES, "do two processes share their descriptors");

struct cred *task_cred(const struct task *task)
{
    return task->cred != NULL ? task->cred : task->process->context->cred;
}

struct cred *process_cred(const struct process *process)
{
    for (const struct task *task = process->tasks; task != NULL; task = task->next)
        if (task->tid == process->pid)
            return task_cred(task);
    return process->context->cred;
}

bool task_no_new_privs(const struct task *task)
{
    return task->process->context->no_new_privs || task_cred(task)->no_new_privs;
}

struct context *process_edit(const struct process *process)
{
    return context_copy(process->context);
}

struct context *task_edit(const struct task *task)
{
    return task->gone ? NULL : process_edit(task->process);
}

static int commit(struct process_table *table, struct process *process, struct context *context)
{
    limits_tighten(process->pid, process->context, context);
    int result = stamp_process(table, process->pid, context);
    if (result < 0) {
        limits_loosen(process->pid, context, process->context);
        (void)context_put(context);
        return result;
    }
    (void)pthread_mutex_lock(&table->mutex);
    struct context *before = process->context;
    process->context = context;
    process_count_newcomer(table, process, context->before_program);
    (void)pthread_mutex_unlock(&table->mutex);
    limits_loosen(process->pid, before, context);
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

/* The host knows of more processes than we do: a user may have as many as we will know of, and one more. */
static bool anybody_shares(struct process_table *table, const struct process *process, int kind)
{
    auto_pid_list struct pid_list list = {0};
    bool found = scan_list(table->sentry, 0, &list) < 0;
    for (size_t i = 0; i < list.count && !found; i++)
        found = list.pids[i] != process->pid && syscall(SYS_kcmp, process->pid, list.pids[i], kind, 0, 0) == 0;
    return found;
}

bool process_shares_fs(struct process_table *table, struct process *process)
{
    return process->context->fs_shared && anybody_shares(table, process, KCMP_FS);
}

/* Another thread may be making one; and the table is not the leader's, perhaps. */
bool process_shares_files(struct process_table *table, struct process *process)
{
    return process->context->files_shared &&
           (thread_count(table->sentry, process->pid) > 1 || anybody_shares(table, process, KCMP_FILES));
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
    (void)process_all_known(table); /* what is told of below is where this one is by then */
    struct fs_change change = {.table = table, .origin = process};
    return process_for_each_at_once(table, follow_fs, &change);
}

/* --- credentials --- */

int task_bind(struct process_table *table, struct task *task)
{
    if (task->bound || !task->process->context->threads_differ)
        return 0;
    bool leader = task->tid == task->process->pid; /* which cannot be mistaken: its pidfd was there first */
    uint64_t start = leader ? 0 : thread_start_time(table->sentry, task->tid);
    auto_thread_state struct thread_state state = {0};
    uint64_t slack;
    int result = thread_state_read(table, task->tid, &state, &slack);
    if (!leader && (result == -ESRCH || start != thread_start_time(table->sentry, task->tid)))
        return -ESRCH;
    struct cred *own = result < 0 ? table->nobody : state.cred;
    (void)pthread_mutex_lock(&table->mutex);
    task->cred = own != NULL ? cred_get(own) : NULL;
    task->fs = state.fs;
    task->host_start = start;
    task->bound = true;
    (void)pthread_mutex_unlock(&table->mutex);
    return 0;
}

static void unbind_all(struct process_table *table, struct process *process)
{
    (void)pthread_mutex_lock(&table->mutex);
    for (struct task *task = process->tasks; task != NULL; task = task->next) {
        task->cred = cred_put(task->cred);
        task->fs = 0;
        task->bound = false;
    }
    (void)pthread_mutex_unlock(&table->mutex);
}

int process_forget_threads(struct process_table *table, struct task *survivor, struct context *context)
{
    const struct fs fs = task_fs(survivor);
    (void)pthread_mutex_lock(&table->mutex);
    survivor->fs = 0;
    (void)pthread_mutex_unlock(&table->mutex);
    context_set_fs(context, survivor, &fs);
    own_fs_drop(context);
    context->threads_differ = context->files_differ = context->files_shared = false;
    return context->tagged ? thread_reset_state(table, survivor, false, &context->tagged) : 0;
}

static void forget_cred(struct process_table *table, struct task *task)
{
    (void)pthread_mutex_lock(&table->mutex);
    task->cred = cred_put(task->cred);
    (void)pthread_mutex_unlock(&table->mutex);
}

/* The credentials become the process's; no thread has its own any more. Others carry tags still: with credentials equal to these. */
static int commit_for_all(struct process_table *table, struct task *task, struct cred *cred, bool hide, bool alone)
{
    struct process *process = task->process;
    struct context *context = task_edit(task);
    if (context == NULL) {
        (void)cred_put(cred);
        return -ENOMEM;
    }
    (void)cred_put(context->cred);
    context->cred = cred;
    context->dumpable = context->dumpable && !hide;
    context->threads_differ = context->own_fs_count > 0;
    bool reset = context->tagged, tagged = false;
    int result = reset ? thread_reset_state(table, task, true, &tagged) : 0;
    if (result < 0) {
        (void)context_put(context);
        return result;
    }
    context->tagged = reset && (tagged || !alone);
    result = process_commit(table, process, context);
    if (result < 0 && reset) /* what it makes would be what the process was */
        (void)kill(process->pid, SIGKILL);
    if (result < 0)
        return result;
    if (process->context->threads_differ)
        forget_cred(table, task);
    else
        unbind_all(table, process);
    return 0;
}

/* The thread's alone. From the first such change on, tags decide whose credentials a thread or child found later has. */
static int commit_for_one(struct process_table *table, struct task *task, struct cred *cred, bool hide)
{
    struct process *process = task->process;
    hide = hide && process->context->dumpable;
    if (!process->context->threads_differ || hide) {
        struct context *context = task_edit(task);
        if (context == NULL)
            return -ENOMEM;
        context->threads_differ = true;
        context->dumpable = context->dumpable && !hide;
        int result = thread_prepare_tag(context, process);
        if (result < 0) {
            (void)context_put(context);
            return result;
        }
        result = process_commit(table, process, context);
        if (result < 0)
            return result;
    }
    int result = task_bind(table, task);
    if (result == 0)
        result = thread_state_set_cred(table, task, cred);
    if (result < 0)
        return result;
    (void)pthread_mutex_lock(&table->mutex);
    struct cred *before = task->cred;
    task->cred = cred_get(cred);
    (void)pthread_mutex_unlock(&table->mutex);
    (void)cred_put(before);
    return 0;
}

static unsigned int count_agreeing(const struct task *task, const struct cred *cred, bool bound)
{
    unsigned int count = 0;
    for (const struct task *other = task->process->tasks; other != NULL; other = other->next)
        if (other != task && other->bound == bound && (!bound || cred_equal(task_cred(other), cred)))
            count++;
    return count;
}

/* libc changes the ids of all threads by making each do the call: with the last one they agree again. threads: how many there
 * were a moment ago. If the table has as many that are there still and agree, these were all; what they made since is like them. */
static bool others_agree(struct process_table *table, struct task *task, const struct cred *cred, unsigned int threads)
{
    if (!task->process->context->threads_differ ||
        1 + count_agreeing(task, cred, true) + count_agreeing(task, cred, false) < threads)
        return false;
    unsigned int agreeing = 1;
    for (struct task *other = task->process->tasks; other != NULL; other = other->next)
        if (other != task && task_alive(other) && task_bind(table, other) == 0)
            agreeing += cred_equal(task_cred(other), cred);
    return agreeing >= threads;
}

int task_commit_cred(struct process_table *table, struct task *task, struct cred *cred)
{
    const struct cred *before = task_cred(task);
    if (task->gone || cred_equal(before, cred)) {
        (void)cred_put(cred);
        return task->gone ? -ESRCH : 0;
    }
    bool hide = cred_change_hides(before, cred);
    unsigned int threads = thread_count(table->sentry, task->process->pid);
    if (threads <= 1 || others_agree(table, task, cred, threads))
        return commit_for_all(table, task, cred, hide, threads <= 1);
    int result = commit_for_one(table, task, cred, hide);
    (void)cred_put(cred);
    return result;
}
