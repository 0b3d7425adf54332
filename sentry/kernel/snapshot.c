/* SPDX-License-Identifier: Apache-2.0 */
/* What other threads than the main one may know of a process: copies, made under the table's mutex. */
#include <errno.h>
#include <string.h>

#include "sentry/kernel/table.h"

static void fill(struct process_snapshot *snapshot, const struct context *context, const struct cred *cred, uint64_t fs)
{
    memcpy(&snapshot->cred, cred, sizeof(snapshot->cred));
    snapshot->group_count = cred->group_count;
    size_t shown = cred->group_count < SNAPSHOT_GROUPS ? cred->group_count : SNAPSHOT_GROUPS;
    memcpy(snapshot->groups, cred->groups, shown * sizeof(gid_t));
    snapshot->umask = context_fs(context, fs).umask;
    snapshot->oom_score_adj = context->oom_score_adj;
    snapshot->dumpable = context->dumpable;
    snapshot->host_filters = context->host_filters;
    snapshot->cred.no_new_privs |= context->no_new_privs;
}

/* With what a thread has of its own, as far as nobody has found that out yet. */
static int fill_thread(const struct process_table *table, struct process_snapshot *snapshot, const struct context *context, pid_t tid)
{
    auto_thread_state struct thread_state state = {0};
    uint64_t slack;
    int result = context->threads_differ ? thread_state_read(table, tid, &state, &slack) : 0;
    if (result == 0)
        fill(snapshot, context, state.cred != NULL ? state.cred : context->cred, state.fs);
    return result;
}

static int snapshot_known(struct process_table *table, pid_t vpid, struct process_snapshot *snapshot)
{
    const struct task *task = id_map_get(&table->by_vtid, (uint64_t)vpid);
    if (task == NULL || !task_alive(task) || task->process->context->before_program)
        return -ESRCH;
    snapshot->pid = task->tid;
    snapshot->vpid = task->vtid;
    if (!task->bound)
        return fill_thread(table, snapshot, task->process->context, task->tid);
    fill(snapshot, task->process->context, task_cred(task), task->fs);
    return 0;
}

/* A process that has made no trapped call yet is not in the table, which is the main thread's to change. */
static int snapshot_unseen(struct process_table *table, pid_t vpid, struct process_snapshot *snapshot)
{
    struct thread_ids ids;
    int result = ids_of_vtid(table, NULL, vpid, &ids);
    if (result < 0)
        return result;
    struct context *context;
    (void)pthread_mutex_lock(&table->mutex);
    result = stamp_read(table, ids.tgid, &context);
    if (result == 0 && context->before_program)
        result = -ESRCH;
    if (result == 0)
        result = fill_thread(table, snapshot, context, ids.tid);
    (void)pthread_mutex_unlock(&table->mutex);
    snapshot->pid = ids.tid;
    snapshot->vpid = vpid;
    return result < 0 ? -ESRCH : 0;
}

int process_snapshot(struct process_table *table, pid_t vpid, struct process_snapshot *ret_snapshot)
{
    if (vpid <= 0)
        return -ESRCH;
    struct process_snapshot snapshot = {0};
    (void)pthread_mutex_lock(&table->mutex);
    int result = snapshot_known(table, vpid, &snapshot);
    (void)pthread_mutex_unlock(&table->mutex);
    if (result < 0)
        result = snapshot_unseen(table, vpid, &snapshot);
    if (result == 0)
        memcpy(ret_snapshot, &snapshot, sizeof(snapshot));
    return result;
}

/* Who waits for an answer has made a call, and is known. */
static bool is_capable(struct process_table *table, pid_t tid, unsigned int capability)
{
    (void)pthread_mutex_lock(&table->mutex);
    const struct task *task = tid > 0 ? id_map_get(&table->by_tid, (uint64_t)tid) : NULL;
    bool capable = task != NULL && cred_capable(task_cred(task), capability);
    (void)pthread_mutex_unlock(&table->mutex);
    return capable;
}

int process_snapshot_slack(struct process_table *table, pid_t vpid, pid_t reader, uint64_t *ret_slack)
{
    struct process_snapshot snapshot;
    int result = process_snapshot(table, vpid, &snapshot);
    if (result < 0)
        return result;
    if (reader != snapshot.pid && !is_capable(table, reader, CAP_SYS_NICE))
        return -EPERM;
    (void)pthread_mutex_lock(&table->mutex);
    result = thread_get_slack(table, snapshot.pid, ret_slack);
    (void)pthread_mutex_unlock(&table->mutex);
    return result;
}

enum process_look process_may_look(struct process_table *table, pid_t reader, pid_t vpid)
{
    struct process_snapshot snapshot;
    if (reader <= 0 || process_snapshot(table, vpid, &snapshot) < 0)
        return PROCESS_LOOK_REFUSED;
    enum process_look look = PROCESS_LOOK_REFUSED;
    (void)pthread_mutex_lock(&table->mutex);
    const struct task *task = id_map_get(&table->by_tid, (uint64_t)reader);
    const struct task *subject = id_map_get(&table->by_vtid, (uint64_t)vpid);
    if (subject != NULL && subject->process->executing != NULL)
        look = PROCESS_LOOK_REFUSED;
    else if (snapshot.pid == reader)
        look = PROCESS_LOOK_ITSELF;
    else if (task != NULL && subject != NULL && subject->process == task->process)
        look = PROCESS_LOOK_GRANTED;
    else if (task != NULL && cred_may_ptrace(task_cred(task), &snapshot.cred, snapshot.dumpable, true))
        look = PROCESS_LOOK_GRANTED;
    (void)pthread_mutex_unlock(&table->mutex);
    return look;
}
