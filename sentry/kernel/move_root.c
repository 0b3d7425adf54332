/* SPDX-License-Identifier: Apache-2.0 */
/* pivot_root(2) takes along whoever has the old root. */
#include <poll.h>

#include "postern/confine.h"
#include "sentry/kernel/table.h"
#include "sentry/vfs/vfs.h"

CONFINE_ALLOW(poll, "has a process ended");

static void move(struct dentry **place, const struct dentry *from, struct dentry *to)
{
    struct dentry *before = *place;
    if (before == NULL || !same_place(before, from))
        return;
    *place = dentry_get(to);
    (void)dentry_put(before);
}

/* In all contexts, so that processes nobody has seen yet are taken along too. What calls in progress use of them they hold themselves. */
void process_table_move_root(struct process_table *table, const struct dentry *from, struct dentry *to)
{
    (void)pthread_mutex_lock(&table->mutex);
    for (size_t i = 0; i < table->contexts.capacity; i++) {
        struct context *context = table->contexts.slots[i].value;
        if (table->contexts.slots[i].id == 0 || context == NULL)
            continue;
        move(&context->root, from, to);
        move(&context->cwd, from, to);
        for (size_t own = 0; own < context->own_fs_count; own++) {
            move(&context->own_fs[own].fs.root, from, to);
            move(&context->own_fs[own].fs.cwd, from, to);
        }
    }
    (void)pthread_mutex_unlock(&table->mutex);
}

bool process_table_any_place(struct process_table *table, bool (*test)(const struct dentry *place, const struct dentry *data),
                             const struct dentry *data)
{
    for (size_t i = 0; i < table->contexts.capacity; i++) {
        const struct context *context = table->contexts.slots[i].id != 0 ? table->contexts.slots[i].value : NULL;
        if (context == NULL)
            continue;
        if ((context->root != NULL && test(context->root, data)) || (context->cwd != NULL && test(context->cwd, data)))
            return true;
        for (size_t own = 0; own < context->own_fs_count; own++)
            if (test(context->own_fs[own].fs.root, data) || test(context->own_fs[own].fs.cwd, data))
                return true;
    }
    return false;
}

static bool has_ended(const struct process *process)
{
    struct pollfd descriptor = {.fd = process->pidfd, .events = POLLIN};
    return poll(&descriptor, 1, 0) == 1;
}

/* NULL: there is none. */
static struct process *find_ended(const struct process_table *table)
{
    for (size_t i = 0; i < table->by_tid.capacity; i++) {
        const struct task *task = table->by_tid.slots[i].id != 0 ? table->by_tid.slots[i].value : NULL;
        if (task != NULL && task->tid == task->process->pid && !task->process->gone && has_ended(task->process))
            return task->process;
    }
    return NULL;
}

void process_table_forget_ended(struct process_table *table)
{
    for (struct process *process = find_ended(table); process != NULL; process = find_ended(table))
        process_exited(table, process);
    stamp_collect(table);
}
