/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stamp: the number of a process's context, kept by the host kernel in the soft limit of RLIMIT_LOCKS, where
 * fork copies it and exec leaves it. Its hard limit stays infinite: the runtime starts the cell so, and to lower it takes
 * a call the guest cannot make.
 *
 * A context is freed when two scans in a row found no process stamped with it. One is not enough: a process may
 * fork behind the scan's back and exit before the scan comes to it.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "postern/confine.h"
#include "sentry/kernel/table.h"
#include "sentry/sentry.h"

CONFINE_ALLOW(prlimit64, "reads and writes the stamp");

enum {
    UNSEEN_SCANS_MAX = 2,
    SCAN_AFTER_COMMITS = 256,
};

int stamp_read(struct process_table *table, pid_t pid, struct context **ret_context)
{
    struct rlimit stamp;
    if (prlimit(pid, RLIMIT_LOCKS, NULL, &stamp) < 0)
        return -errno;
    if (stamp.rlim_cur == RLIM_INFINITY)
        return -ENOENT;
    struct context *context = id_map_get(&table->contexts, stamp.rlim_cur);
    if (context == NULL)
        return -EBADF;
    *ret_context = context;
    return 0;
}

int stamp_process(struct process_table *table, pid_t pid, struct context *context)
{
    context->id = ++table->last_context;
    (void)pthread_mutex_lock(&table->mutex);
    int result = id_map_set(&table->contexts, context->id, context);
    (void)pthread_mutex_unlock(&table->mutex);
    if (result < 0)
        return result;
    const struct rlimit stamp = {.rlim_cur = context->id, .rlim_max = RLIM_INFINITY};
    if (prlimit(pid, RLIMIT_LOCKS, &stamp, NULL) < 0) {
        result = -errno;
        (void)pthread_mutex_lock(&table->mutex);
        id_map_remove(&table->contexts, context->id, context);
        (void)pthread_mutex_unlock(&table->mutex);
        return result;
    }
    (void)context_get(context);
    return 0;
}

static int mark_seen(pid_t pid, void *data)
{
    struct context *context;
    if (stamp_read(data, pid, &context) == 0)
        context->seen = true;
    return 0;
}

/* Takes the next context nobody has been stamped with for two scans out of the table, or returns NULL. */
static struct context *take_unused(struct process_table *table, size_t *slot)
{
    for (; *slot < table->contexts.capacity; (*slot)++) {
        struct context *context = table->contexts.slots[*slot].value;
        if (context == NULL || context->unseen_scans < UNSEEN_SCANS_MAX || atomic_load(&context->references) > 1)
            continue;
        (void)pthread_mutex_lock(&table->mutex);
        id_map_remove(&table->contexts, context->id, context); /* may move another entry here: look again */
        (void)pthread_mutex_unlock(&table->mutex);
        return context;
    }
    return NULL;
}

static void scan(struct process_table *table)
{
    struct id_map *contexts = &table->contexts;
    for (size_t i = 0; i < contexts->capacity; i++)
        if (contexts->slots[i].value != NULL)
            ((struct context *)contexts->slots[i].value)->seen = false;
    if (scan_pids(table->sentry, 0, mark_seen, table) < 0)
        return;
    size_t live = 0;
    for (size_t i = 0; i < contexts->capacity; i++) {
        struct context *context = contexts->slots[i].value;
        if (context == NULL)
            continue;
        live += context->seen;
        context->unseen_scans = context->seen ? 0 : (unsigned char)(context->unseen_scans + 1);
        if (context->unseen_scans > UNSEEN_SCANS_MAX)
            context->unseen_scans = UNSEEN_SCANS_MAX;
    }
    size_t slot = 0;
    struct context *unused;
    while ((unused = take_unused(table, &slot)) != NULL)
        (void)context_put(unused); /* without the mutex: it lets go of dentries */
    table->commits_until_scan = SCAN_AFTER_COMMITS + 2 * (unsigned int)live;
}

void stamp_collect(struct process_table *table)
{
    for (int i = 0; i < UNSEEN_SCANS_MAX; i++)
        scan(table);
}

void stamp_count_commit(struct process_table *table)
{
    if (table->commits_until_scan == 0)
        table->commits_until_scan = SCAN_AFTER_COMMITS;
    if (--table->commits_until_scan == 0)
        scan(table);
}
