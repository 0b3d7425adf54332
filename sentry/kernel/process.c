/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process table: finding the task for an id, and noticing that one has ended.
 *
 * A remembered process is the same one as long as its pidfd takes a signal 0; a remembered thread as long as it is
 * in that thread group still. What is no more is taken out of the maps at once; it is freed when the last reference goes.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "postern/confine.h"
#include "postern/in_flight.h"
#include "sentry/kernel/table.h"
#include "sentry/platform/exec.h"
#include "sentry/platform/platform.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"

CONFINE_ALLOW(pidfd_open, "a lasting hold on each process of the sandbox");
CONFINE_ALLOW(pidfd_send_signal, "signal 0: is it there still?");
CONFINE_ALLOW(tgkill, "signal 0: is the thread there still?");
CONFINE_ALLOW(kill, "ends a process whose stamp is not ours");

enum { SWEEP_MINIMUM = 64 };

/* Each process costs a descriptor: as many as we may have. */
static size_t raise_descriptor_limit(void)
{
    enum { USUAL = 1024 };
    const size_t limit = in_flight_reserve();
    return limit != 0 ? limit : USUAL;
}

static struct cred *nobody_cred(void)
{
    enum { OVERFLOW_ID = 65534 };
    struct cred *cred = cred_new(0);
    if (cred == NULL)
        return NULL;
    cred->ruid = cred->euid = cred->suid = cred->fsuid = OVERFLOW_ID;
    cred->rgid = cred->egid = cred->sgid = cred->fsgid = OVERFLOW_ID;
    cred->no_new_privs = true;
    return cred;
}

struct process_table *process_table_new(struct sentry *sentry)
{
    const size_t descriptors = raise_descriptor_limit();
    struct process_table *table = calloc(1, sizeof(*table));
    if (table == NULL)
        return NULL;
    table->known = (struct share)SHARE_OF(descriptors / 4 * 3);
    table->sentry = sentry;
    table->pid_namespace = -1;
    (void)pthread_mutex_init(&table->mutex, NULL);
    (void)pthread_mutex_init(&table->aio.mutex, NULL);
    table->nobody = nobody_cred();
    if (table->nobody == NULL) {
        free(table);
        return NULL;
    }
    return table;
}

static uint64_t now_boottime(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

void process_table_tell_ends(struct process_table *table, void (*ended)(const struct process *process, void *data), void *data)
{
    table->on_end = ended;
    table->on_end_data = data;
}

static bool process_alive(const struct process *process)
{
    return !process->gone && (syscall(SYS_pidfd_send_signal, process->pidfd, 0, NULL, 0) == 0 || errno != ESRCH);
}

static bool thread_exists(const struct task *task)
{
    pid_t pid = task->process->pid;
    return process_alive(task->process) && (task->tid == pid || syscall(SYS_tgkill, pid, task->tid, 0) == 0 || errno != ESRCH);
}

/* The id may have gone to another thread of the same process; that matters if they may differ. */
static bool is_same_thread(const struct task *task)
{
    return !task->bound || task->tid == task->process->pid ||
           task->host_start == thread_start_time(task->process->table->sentry, task->tid);
}

bool task_alive(const struct task *task)
{
    return thread_exists(task) && is_same_thread(task);
}

/* The same for each call of a thread. In so short a time nobody makes as many threads as there are ids. */
static bool is_alive_still(struct task *task)
{
    enum { SAME_FOR_NS = 2000000 };
    if (!thread_exists(task))
        return false;
    if (!task->bound)
        return true;
    uint64_t now = now_boottime();
    if (now < task->seen_same + SAME_FOR_NS)
        return true;
    task->seen_same = now;
    return is_same_thread(task);
}

/* --- taking out --- */

static void task_unmap(struct process_table *table, struct task *task)
{
    id_map_remove(&table->by_tid, (uint64_t)task->tid, task);
    id_map_remove(&table->by_vtid, (uint64_t)task->vtid, task);
}

struct task *task_get(struct task *task)
{
    task->references++;
    return task;
}

struct process *process_get(struct process *process)
{
    process->references++;
    return process;
}

void process_put(struct process *process)
{
    if (--process->references > 0)
        return;
    (void)context_put(process->context);
    (void)exec_plan_free(process->files_due);
    if (process->pidfd >= 0)
        (void)close(process->pidfd);
    if (process->counted)
        share_give(&process->table->known, process->counted_for, 1);
    free(process);
}

struct task *task_put(struct task *task)
{
    if (task == NULL || --task->references > 0)
        return NULL;
    (void)cred_put(task->cred);
    process_put(task->process);
    free(task);
    return NULL;
}

/* The table lets go of a task that is in its process's list no more. */
static void task_drop(struct process_table *table, struct task *task)
{
    task_unmap(table, task);
    task->gone = true;
    (void)task_put(task);
}

void process_count_newcomer(struct process_table *table, struct process *process, bool newcomer)
{
    if (process->newcomer != newcomer)
        atomic_fetch_add(&table->newcomers, newcomer ? 1 : -1u);
    process->newcomer = newcomer;
}

/* From here on no lookup finds it. */
static void process_bury(struct process_table *table, struct process *process)
{
    if (!process->gone && table->on_end != NULL)
        table->on_end(process, table->on_end_data);
    (void)pthread_mutex_lock(&table->mutex);
    if (!process->gone) {
        table->ended[(size_t)process->pid % ENDED_KEPT].pid = process->pid;
        table->ended[(size_t)process->pid % ENDED_KEPT].vpid = process->vpid;
    }
    process->gone = true;
    process_count_newcomer(table, process, false);
    for (struct task *task = process->tasks; task != NULL; task = task->next)
        task_unmap(table, task);
    (void)pthread_mutex_unlock(&table->mutex);
}

/* The table lets go of it. */
static void process_drop(struct process_table *table, struct process *process)
{
    process_bury(table, process);
    while (process->tasks != NULL) {
        struct task *task = process->tasks;
        process->tasks = task->next;
        task_drop(table, task);
    }
    process_put(process);
}

void process_exited(struct process_table *table, struct process *process)
{
    platform_unwatch(table->sentry->platform, process->pidfd);
    process_drop(table, process);
}

static void pidfd_ready(void *data)
{
    struct process *process = data;
    process_exited(process->table, process);
}

/* Frees tasks of a process that have ended; `keep` stays whatever it looks like. */
static void sweep_tasks(struct process_table *table, struct process *process, const struct task *keep)
{
    (void)pthread_mutex_lock(&table->mutex);
    for (struct task **link = &process->tasks; *link != NULL;) {
        struct task *task = *link;
        if (task == keep || task_alive(task)) {
            link = &task->next;
            continue;
        }
        *link = task->next;
        process->task_count--;
        task_drop(table, task);
    }
    (void)pthread_mutex_unlock(&table->mutex);
    process->sweep_at = process->task_count * 2 > SWEEP_MINIMUM ? process->task_count * 2 : SWEEP_MINIMUM;
}

/* --- putting in --- */

/* NULL: means are short, or it is gone. */
static struct task *task_add(struct process_table *table, struct process *process, pid_t tid, pid_t vtid)
{
    struct task *task = calloc(1, sizeof(*task));
    if (task == NULL)
        return NULL;
    process->references++;
    *task = (struct task){.references = 1, .tid = tid, .vtid = vtid, .process = process};
    (void)pthread_mutex_lock(&table->mutex);
    bool added = id_map_set(&table->by_tid, (uint64_t)tid, task) == 0 &&
                 id_map_set(&table->by_vtid, (uint64_t)vtid, task) == 0;
    if (added) {
        task->next = process->tasks;
        process->tasks = task;
    } else {
        task_unmap(table, task);
    }
    (void)pthread_mutex_unlock(&table->mutex);
    if (!added)
        return task_put(task);
    if (++process->task_count > process->sweep_at)
        sweep_tasks(table, process, task);
    return task_bind(table, task) == 0 ? task : NULL;
}

/* Enters a process with its leader. The context is borrowed. NULL if it is gone or means are short. */
static struct process *process_add(struct process_table *table, pid_t pid, pid_t vpid, struct context *context)
{
    struct process *process = calloc(1, sizeof(*process));
    if (process == NULL)
        return NULL;
    *process = (struct process){.references = 1, .pid = pid, .vpid = vpid, .started = now_boottime(), .sweep_at = SWEEP_MINIMUM,
                                .context = context_get(context), .table = table, .pidfd = -1, .counted_for = context->cred->ruid};
    process->counted = share_take(&table->known, process->counted_for, 1);
    process->pidfd = process->counted ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    if (process->pidfd < 0 || task_add(table, process, pid, vpid) == NULL) {
        process_drop(table, process);
        return NULL;
    }
    if (platform_watch(table->sentry->platform, process->pidfd, pidfd_ready, process) < 0) {
        process_drop(table, process);
        return NULL;
    }
    return process;
}

int process_add_first(struct process_table *table, pid_t pid, struct context *context, struct process **ret_process)
{
    struct thread_ids ids;
    if (table->pid_namespace < 0)
        ids_open_namespace(table, pid);
    int result = ids_of_tid(table, pid, &ids);
    if (result == 0)
        result = stamp_process(table, pid, context);
    struct process *process = result == 0 ? process_add(table, pid, ids.vtid, context) : NULL;
    (void)context_put(context);
    if (result < 0)
        return result;
    if (process == NULL)
        return -ESRCH;
    process_count_newcomer(table, process, process->context->before_program);
    *ret_process = process;
    return 0;
}

static struct process *process_discover(struct process_table *table, const struct thread_ids *ids)
{
    struct context *context;
    int result = stamp_read(table, ids->tgid, &context);
    if (result == 0) {
        struct process *process = process_add(table, ids->tgid, ids->vtgid, context);
        struct context *again;
        if (process == NULL || (stamp_read(table, ids->tgid, &again) == 0 && again == context))
            return process;
        process_exited(table, process); /* the stamp was of one that ended, and its id is another's by now */
        return NULL;
    }
    /* Unstamped: it is still being started. A number we never gave, or gave up: it does not go on without credentials. */
    if (result == -EBADF)
        (void)kill(ids->tgid, SIGKILL);
    return NULL;
}

/* Finds what is remembered under an id and still true. */
static struct task *remembered(struct process_table *table, const struct id_map *map, pid_t id)
{
    struct task *task = id > 0 ? id_map_get(map, (uint64_t)id) : NULL;
    if (task == NULL || (is_alive_still(task) && task_bind(table, task) == 0))
        return task;
    if (!process_alive(task->process)) {
        process_bury(table, task->process);
        return NULL;
    }
    (void)pthread_mutex_lock(&table->mutex);
    task_unmap(table, task); /* the next sweep frees it */
    (void)pthread_mutex_unlock(&table->mutex);
    return NULL;
}

static struct task *task_discover(struct process_table *table, const struct thread_ids *ids)
{
    struct task *leader = remembered(table, &table->by_tid, ids->tgid);
    struct process *process = leader != NULL ? leader->process : process_discover(table, ids);
    if (process == NULL)
        return NULL;
    if (ids->tid == process->pid)
        return leader != NULL ? leader : process->tasks;
    struct task *task = task_add(table, process, ids->tid, ids->vtid);
    return task != NULL && task_alive(task) ? task : NULL;
}

struct task *task_find(struct process_table *table, pid_t tid)
{
    struct thread_ids ids;
    struct task *task = remembered(table, &table->by_tid, tid);
    if (task == NULL && ids_of_tid(table, tid, &ids) == 0)
        task = task_discover(table, &ids);
    return task;
}

struct task *task_find_vtid(struct process_table *table, pid_t vtid)
{
    struct thread_ids ids;
    struct task *task = remembered(table, &table->by_vtid, vtid);
    if (task == NULL && ids_of_vtid(table, &table->by_tid, vtid, &ids) == 0)
        task = task_discover(table, &ids);
    return task != NULL && task->process->context->before_program ? NULL : task;
}

pid_t process_guest_pid(const struct process_table *table, pid_t pid)
{
    struct thread_ids ids;
    if (pid <= 0)
        return 0;
    if (ids_of_tid(table, pid, &ids) == 0)
        return ids.vtid;
    const size_t place = (size_t)pid % ENDED_KEPT;
    return table->ended[place].pid == pid ? table->ended[place].vpid : 0;
}

struct process *process_find_vpid(struct process_table *table, pid_t vpid)
{
    struct task *task = task_find_vtid(table, vpid);
    return task != NULL && task->tid == task->process->pid ? task->process : NULL;
}

/* --- all of them --- */

/* A user may have thousands, and what is not known yet takes a tenth of a millisecond to get to know. So others come in between. */
enum { VISITS_AT_ONCE = 8 };

static int list_unlocked(const struct process_table *table, struct pid_list *ret_list)
{
    bool paused = state_pause();
    int result = scan_list(table->sentry, 0, ret_list);
    state_resume(paused);
    return result;
}

static int visit_one(struct process_table *table, pid_t pid, int (*visit)(struct process *process, void *data), void *data)
{
    const struct task *task = task_find(table, pid);
    return task == NULL || task->process->context->before_program ? 0 : visit(task->process, data);
}

int process_for_each(struct process_table *table, int (*visit)(struct process *process, void *data), void *data)
{
    auto_pid_list struct pid_list list = {0};
    int result = list_unlocked(table, &list);
    for (size_t i = 0; i < list.count && result == 0; i++) {
        if (i % VISITS_AT_ONCE == 0)
            state_give_way();
        result = visit_one(table, list.pids[i], visit, data);
    }
    return result;
}

static bool is_program(const struct program_file *one, const struct program_file *other)
{
    return one->inode == other->inode && one->device_major == other->device_major && one->device_minor == other->device_minor;
}

bool program_is_in_use(struct process_table *table, const struct program_file *program)
{
    auto_pid_list struct pid_list list = {0};
    bool used = scan_list(table->sentry, 0, &list) < 0;
    for (size_t i = 0; i < list.count && !used; i++) {
        const struct task *task = task_find(table, list.pids[i]);
        struct context *context = task != NULL ? task->process->context : NULL;
        if (task == NULL && stamp_read(table, list.pids[i], &context) < 0)
            continue;
        used = is_program(&context->program, program) || (task != NULL && is_program(&task->process->starting, program));
    }
    return used;
}

bool process_all_known(struct process_table *table)
{
    auto_pid_list struct pid_list list = {0};
    bool known = list_unlocked(table, &list) == 0;
    for (size_t i = 0; i < list.count && known; i++) {
        if (i % VISITS_AT_ONCE == 0)
            state_give_way();
        known = task_find(table, list.pids[i]) != NULL;
    }
    return known;
}

int process_for_each_at_once(struct process_table *table, int (*visit)(struct process *process, void *data), void *data)
{
    auto_pid_list struct pid_list list = {0};
    int result = scan_list(table->sentry, 0, &list);
    for (size_t i = 0; i < list.count && result == 0; i++)
        result = visit_one(table, list.pids[i], visit, data);
    return result;
}

/* --- exec --- */

static struct waiters undisturbed = WAITERS_NONE;

void process_exec_begin(struct process *process, const struct task *task)
{
    while (process->executing != NULL || process->intruders > 0)
        state_wait(&undisturbed);
    process->executing = task;
}

void process_exec_end(struct process *process)
{
    process->executing = NULL;
    process->starting = (struct program_file){0};
    state_wake(&undisturbed);
}

void process_wait_for_exec(struct process *process)
{
    process->references++;
    while (process->executing)
        state_wait(&undisturbed);
    process_put(process);
}

void process_intrude(struct process *process)
{
    while (process->executing != NULL)
        state_wait(&undisturbed);
    process->intruders++;
}

void process_intrude_end(struct process *process)
{
    if (--process->intruders == 0)
        state_wake(&undisturbed);
}

void process_collapse_to(struct process_table *table, struct process *process, struct task *survivor)
{
    (void)pthread_mutex_lock(&table->mutex);
    for (struct task *task = process->tasks, *next; task != NULL; task = next) {
        next = task->next;
        if (task != survivor)
            task_drop(table, task);
    }
    task_unmap(table, survivor);
    survivor->cred = cred_put(survivor->cred);
    survivor->bound = false;
    survivor->took_over = survivor->took_over || survivor->tid != process->pid;
    survivor->tid = process->pid;
    survivor->vtid = process->vpid;
    survivor->next = NULL;
    process->tasks = survivor;
    process->task_count = 1;
    /* Room was made above if it was needed at all: the maps have just lost at least as many entries. */
    (void)id_map_set(&table->by_tid, (uint64_t)survivor->tid, survivor);
    (void)id_map_set(&table->by_vtid, (uint64_t)survivor->vtid, survivor);
    (void)pthread_mutex_unlock(&table->mutex);
}
