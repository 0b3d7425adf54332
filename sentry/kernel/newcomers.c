/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/kernel/newcomers.h"

#include <errno.h>
#include <stdatomic.h>
#include <time.h>

#include "postern/confine.h"
#include "sentry/kernel/table.h"

CONFINE_ALLOW(clock_gettime, "how long a newcomer may be on its way");

enum { ON_THE_WAY_SECONDS = 120 };

static time_t now_seconds(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

bool newcomer_has_id(struct process_table *table, pid_t vtid)
{
    struct thread_ids ids;
    struct context *context;
    (void)pthread_mutex_lock(&table->mutex);
    const struct task *task = id_map_get(&table->by_vtid, (uint64_t)vtid);
    const bool known = task != NULL && task_alive(task);
    bool found = known && task->process->context->before_program;
    (void)pthread_mutex_unlock(&table->mutex);
    if (known || ids_of_vtid(table, NULL, vtid, &ids) < 0)
        return found;
    (void)pthread_mutex_lock(&table->mutex);
    int result = stamp_read(table, ids.tgid, &context);
    found = result == -ENOENT || result == -EBADF || (result == 0 && context->before_program);
    (void)pthread_mutex_unlock(&table->mutex);
    return found;
}

bool newcomers_present(const struct process_table *table)
{
    return atomic_load(&table->newcomers) > 0 ||
           (atomic_load(&table->announced) > 0 && now_seconds() < atomic_load(&table->announced_until));
}

void newcomers_announce(struct process_table *table)
{
    atomic_store(&table->announced_until, now_seconds() + ON_THE_WAY_SECONDS);
    atomic_fetch_add(&table->announced, 1);
}

void newcomers_withdraw(struct process_table *table)
{
    atomic_fetch_sub(&table->announced, 1);
}
