/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Root, working directory and umask of threads that have their own (unshare(2) with CLONE_FS). What they are stands in the
 * process's context, so that a child has them as of its fork; which of them is a thread's says its tag. Threads that such a
 * thread makes share with it.
 */
#include <errno.h>
#include <stdlib.h>

#include "sentry/kernel/table.h"
#include "sentry/vfs/vfs.h"

enum { OWN_MAX = 512, PRUNE_MINIMUM = 8, PRUNE_PASSES = 8 };

static struct own_fs *find_own(const struct context *context, uint64_t id)
{
    for (size_t i = 0; id != 0 && i < context->own_fs_count; i++)
        if (context->own_fs[i].id == id)
            return &context->own_fs[i];
    return NULL;
}

struct fs context_fs(const struct context *context, uint64_t id)
{
    const struct own_fs *own = find_own(context, id);
    return own != NULL ? own->fs : (struct fs){.root = context->root, .cwd = context->cwd, .umask = context->umask};
}

struct fs task_fs(const struct task *task)
{
    return context_fs(task->process->context, task->fs);
}

static struct fs get(const struct fs *fs)
{
    (void)dentry_get(fs->root);
    (void)dentry_get(fs->cwd);
    return *fs;
}

static void put(const struct fs *fs)
{
    (void)dentry_put(fs->root);
    (void)dentry_put(fs->cwd);
}

void context_set_fs(struct context *context, const struct task *task, const struct fs *fs)
{
    struct own_fs *own = find_own(context, task->fs);
    struct fs before = {.root = context->root, .cwd = context->cwd};
    if (own != NULL) {
        before = own->fs;
        own->fs = get(fs);
    } else {
        struct fs now = get(fs);
        context->root = now.root;
        context->cwd = now.cwd;
        context->umask = now.umask;
    }
    put(&before);
}

int own_fs_copy(struct context *to, const struct context *from)
{
    if (from->own_fs_count == 0)
        return 0;
    to->own_fs = calloc(from->own_fs_count, sizeof(*to->own_fs));
    if (to->own_fs == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < from->own_fs_count; i++)
        to->own_fs[i] = (struct own_fs){.id = from->own_fs[i].id, .fs = get(&from->own_fs[i].fs)};
    to->own_fs_count = from->own_fs_count;
    return 0;
}

void own_fs_drop(struct context *context)
{
    for (size_t i = 0; i < context->own_fs_count; i++)
        put(&context->own_fs[i].fs);
    free(context->own_fs);
    context->own_fs = NULL;
    context->own_fs_count = 0;
}

/* --- having one's own --- */

static int mark_used(struct process_table *table, pid_t pid, struct context *context)
{
    auto_pid_list struct pid_list threads = {0};
    unsigned int count = thread_count(table->sentry, pid);
    if (scan_list(table->sentry, pid, &threads) < 0 || threads.count < count)
        return -EAGAIN;
    for (size_t i = 0; i < threads.count; i++) {
        auto_thread_state struct thread_state state = {0};
        uint64_t slack;
        if (thread_state_read(table, threads.pids[i], &state, &slack) < 0)
            return -EAGAIN;
        struct own_fs *own = find_own(context, state.fs);
        if (own != NULL)
            own->used = true;
    }
    return 0;
}

/* Those that no thread has any more. As with tags, a round in which a thread ended does not count. */
static void prune(struct process_table *table, pid_t pid, struct context *context)
{
    int result = -EAGAIN;
    for (int pass = 0; result < 0 && pass < PRUNE_PASSES; pass++)
        result = mark_used(table, pid, context);
    size_t kept = 0;
    for (size_t i = 0; i < context->own_fs_count; i++) {
        if (result < 0 || context->own_fs[i].used)
            context->own_fs[kept++] = context->own_fs[i];
        else
            put(&context->own_fs[i].fs);
    }
    context->own_fs_count = kept;
}

static bool is_power_of_two(size_t number)
{
    return (number & (number - 1)) == 0;
}

static int add_own(struct process_table *table, struct context *context, const struct task *task, uint64_t id)
{
    size_t count = context->own_fs_count;
    uint64_t begun;
    if (count >= PRUNE_MINIMUM && (is_power_of_two(count) || count >= OWN_MAX) && search_begin(table, &begun)) {
        prune(table, task->process->pid, context);
        search_end(table, begun);
    }
    if (context->own_fs_count >= OWN_MAX)
        return -ENOMEM;
    struct own_fs *larger = reallocarray(context->own_fs, context->own_fs_count + 1, sizeof(*larger));
    if (larger == NULL)
        return -ENOMEM;
    const struct fs now = task_fs(task);
    context->own_fs = larger;
    context->own_fs[context->own_fs_count++] = (struct own_fs){.id = id, .fs = get(&now)};
    return 0;
}

int task_unshare_fs(struct process_table *table, struct task *task)
{
    struct process *process = task->process;
    if (thread_count(table->sentry, process->pid) <= 1)
        return 0;
    struct context *context = task_edit(task);
    if (context == NULL)
        return -ENOMEM;
    uint64_t id = ++table->last_own_fs;
    context->threads_differ = true;
    int result = add_own(table, context, task, id);
    if (result == 0)
        result = thread_prepare_tag(context, process);
    if (result < 0) {
        (void)context_put(context);
        return result;
    }
    result = process_commit(table, process, context);
    if (result == 0)
        result = task_bind(table, task);
    if (result == 0)
        result = thread_state_set_fs(table, task, id);
    if (result < 0)
        return result;
    (void)pthread_mutex_lock(&table->mutex);
    task->fs = id;
    (void)pthread_mutex_unlock(&table->mutex);
    return 0;
}
