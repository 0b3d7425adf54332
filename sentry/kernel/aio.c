/* SPDX-License-Identifier: Apache-2.0 */
/* Which processes share an account, and how much there is for all of them. */
#include "sentry/kernel/aio.h"

#include <errno.h>
#include <linux/kcmp.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/confine.h"
#include "sentry/kernel/table.h"

CONFINE_ALLOW_IF(kcmp, 2, UINT32_MAX, KCMP_VM, "do two processes share their memory, and so what they have set up in it");

struct sharing {
    struct process_table *table;
    const struct process *process;
    struct aio_account *account; /* borrowed */
};

static bool shares_memory(const struct process *one, const struct process *other)
{
    return one != other && syscall(SYS_kcmp, one->pid, other->pid, KCMP_VM, 0, 0) == 0;
}

/* Is an account that came by fork of a memory that is not the process's? Only the living can be compared, so the one it was opened
 * for must be there still; its id may be another's by now, but not that and the time of its start. */
static bool is_anothers(struct process_table *table, const struct aio_account *account, const struct process *process)
{
    if (account->owner == process->pid)
        return false;
    const struct task *task = task_find(table, account->owner);
    return task != NULL && task->process->context->aio == account && task->process->pid == account->owner &&
           thread_start_time(table->sentry, account->owner) == account->owner_start && !shares_memory(task->process, process);
}

static int find_account(struct process *other, void *data)
{
    struct sharing *sharing = data;
    if (other->context->aio == NULL || !shares_memory(sharing->process, other))
        return 0;
    sharing->account = other->context->aio;
    return 1;
}

static int commit(struct process_table *table, struct process *process, struct aio_account *account)
{
    struct context *context = process_edit(process);
    if (context == NULL)
        return -ENOMEM;
    (void)aio_account_put(context->aio);
    context->aio = aio_account_get(account);
    return process_commit(table, process, context);
}

static int join_account(struct process *other, void *data)
{
    const struct sharing *sharing = data;
    if (other->context->aio == sharing->account || !shares_memory(sharing->process, other))
        return 0;
    return commit(sharing->table, other, sharing->account);
}

static bool has_account(struct process_table *table, const struct process *process)
{
    return process->context->aio != NULL && !is_anothers(table, process->context->aio, process);
}

/* The account of a process's memory; a new one for a memory that has none yet. Owned. */
static int account_of(struct process_table *table, struct process *process, uid_t user, struct aio_account **ret_account)
{
    if (!has_account(table, process))
        (void)process_all_known(table); /* others come in between: it may have one by then */
    if (has_account(table, process)) {
        *ret_account = aio_account_get(process->context->aio);
        return 0;
    }
    struct sharing sharing = {.table = table, .process = process};
    (void)process_for_each_at_once(table, find_account, &sharing);
    struct aio_account *account = sharing.account != NULL
                                      ? aio_account_get(sharing.account)
                                      : aio_account_new(table, user, process->pid, thread_start_time(table->sentry, process->pid));
    if (account == NULL)
        return -ENOMEM;
    sharing.account = account;
    int result = commit(table, process, account);
    if (result == 0) /* whom it has cloned before */
        result = process_for_each_at_once(table, join_account, &sharing);
    if (result < 0) {
        (void)aio_account_put(account);
        return result;
    }
    *ret_account = account;
    return 0;
}

size_t aio_granted(struct process_table *table)
{
    (void)pthread_mutex_lock(&table->aio.mutex);
    size_t granted = table->aio.events.taken;
    (void)pthread_mutex_unlock(&table->aio.mutex);
    return granted;
}

static bool has_room(struct process_table *table, uid_t user, unsigned int events, size_t most)
{
    (void)pthread_mutex_lock(&table->aio.mutex);
    table->aio.events.all = most;
    bool room = share_has_room(&table->aio.events, user, events);
    (void)pthread_mutex_unlock(&table->aio.mutex);
    return room;
}

int aio_grant(struct process_table *table, struct process *process, uid_t user, unsigned int events, size_t most,
              struct aio_account **ret_account)
{
    if (!has_room(table, user, events, most))
        stamp_collect(table);
    if (!has_room(table, user, events, most))
        return -EAGAIN;
    struct aio_account *account;
    int result = account_of(table, process, user, &account);
    if (result < 0)
        return result;
    result = aio_account_add(account, events);
    if (result < 0) {
        (void)aio_account_put(account);
        return result;
    }
    *ret_account = account;
    return 0;
}
