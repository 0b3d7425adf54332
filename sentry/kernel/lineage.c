/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children of threads whose credentials differ from their process's (raw setuid(2) and friends, per thread).
 *
 * The stamp is the process's: a child found with it may have been forked by any of the threads. While they differ,
 * the context says which thread changed last and to what, so that every change makes a new stamp; the host tells
 * which thread has the child. Where that can no longer be told, because the parent is gone, the child gets what the thread
 * changed to: threads that do this give privileges up.
 */
#include <errno.h>

#include "sentry/kernel/table.h"

enum { DEPTH_MAX = 32 };

static struct cred *cred_of_forker(struct process_table *table, const struct process *parent,
                                   const struct context *context, pid_t child)
{
    if (is_child_of_thread(table->sentry, parent->pid, context->thread_tid, child))
        return context->thread_cred;
    for (const struct task *task = parent->tasks; task != NULL; task = task->next)
        if (task->cred != NULL && is_child_of_thread(table->sentry, parent->pid, task->tid, child))
            return task->cred;
    return context->cred;
}

/* Borrowed. */
static struct cred *inherited_cred(struct process_table *table, const struct process *process)
{
    const struct context *context = process->context;
    const struct task *parent = NULL;
    struct host_status status;
    if (table->lineage_depth < DEPTH_MAX && host_status_read(table->sentry, process->pid, &status) == 0) {
        table->lineage_depth++;
        parent = task_find(table, status.ppid);
        table->lineage_depth--;
    }
    if (parent != NULL && parent->process->pid == context->thread_tgid)
        return cred_of_forker(table, parent->process, context, process->pid);
    if (parent != NULL && parent->process->resolved_from == context->id)
        return parent->process->resolved_cred; /* forked by a child of the thread, before we had seen that one */
    return context->thread_cred;
}

int lineage_resolve(struct process_table *table, struct process *process)
{
    struct cred *cred = cred_get(inherited_cred(table, process));
    process->resolved_from = process->context->id;
    process->resolved_cred = cred;
    struct context *context = process_edit(process);
    if (context == NULL)
        return -ENOMEM;
    (void)cred_put(context->cred);
    context->cred = cred_get(cred);
    context->thread_cred = cred_put(context->thread_cred);
    return process_commit(table, process, context);
}
