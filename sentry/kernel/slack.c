/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread's tag (tags.h) in the host kernel: the low bits of its timer slack, which only we write (prctl(2)'s options are
 * trapped, the file in the guest's /proc is ours). clone(2) copies the slack, and exec leaves it.
 *
 * That a new thread or child is who its maker was holds because a tag changes only while the thread that carries it is in a
 * call we have in hand. So whatever the kernel is about to make, however long that takes it, is a copy of a thread that is
 * there and carries the same tag still. Nothing is ever tagged from outside: what has no tag has the process's.
 *
 * Since Linux 6.12 a thread under a realtime policy has no slack. A thread with a tag therefore never gets there: the
 * process's RLIMIT_RTPRIO is 0, for good and for all it makes, before its first tag, nobody's CAP_SYS_NICE is good for that (rank.c), and
 * one that is there gets no tag. (The other
 * way round would be as bad: leaving the policy brings back the slack a thread was made with.)
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/kernel/table.h"
#include "sentry/sentry.h"

CONFINE_ALLOW(prlimit64, "no realtime policy for threads with tags");
CONFINE_ALLOW(write, "timer slack of guest threads, which carries the tags");
CONFINE_ALLOW(clock_gettime, "when tags were last looked for; the vDSO may have no such clock");

enum { SWEEP_MINIMUM = 256, SWEEP_PASSES = 8, SEARCH_PAUSE_MS = 10, SEARCH_SHARE = 10 };

static int open_slack(const struct process_table *table, pid_t tid, int flags)
{
    char path[32];
    (void)snprintf(path, sizeof(path), "%d/timerslack_ns", tid);
    int fd = openat(table->sentry->proc_outer, path, flags | O_CLOEXEC | O_NOFOLLOW);
    return fd >= 0 ? fd : errno == ENOENT ? -ESRCH : -errno;
}

static int read_slack(const struct process_table *table, pid_t tid, uint64_t *ret_slack)
{
    char text[32];
    auto_close int fd = open_slack(table, tid, O_RDONLY);
    if (fd < 0)
        return fd;
    ssize_t length = read(fd, text, sizeof(text) - 1);
    if (length <= 0)
        return length < 0 ? -errno : -ESRCH;
    text[length] = '\0';
    *ret_slack = strtoull(text, NULL, 10);
    return 0;
}

static int write_slack(const struct process_table *table, pid_t tid, uint64_t slack)
{
    char text[32];
    int length = snprintf(text, sizeof(text), "%llu", (unsigned long long)slack);
    auto_close int fd = open_slack(table, tid, O_WRONLY);
    if (fd < 0)
        return fd;
    return write(fd, text, (size_t)length) == length ? 0 : -errno;
}

/* What the host has in place of a slack that is asked for. */
static uint64_t with_tag(uint64_t slack, unsigned int tag)
{
    return (slack & ~(uint64_t)(TAG_COUNT - 1)) | tag;
}

static unsigned int tag_of(uint64_t native)
{
    return (unsigned int)(native % TAG_COUNT);
}

static uint64_t slack_shown(const struct thread_state *state, uint64_t native)
{
    if (native == 0)
        return 0;
    return state->slack != 0 ? state->slack : with_tag(native, TAG_NONE);
}

void thread_state_release(struct thread_state *state)
{
    state->cred = cred_put(state->cred);
}

int thread_state_read(const struct process_table *table, pid_t tid, struct thread_state *ret_state, uint64_t *ret_slack)
{
    uint64_t native;
    int result = read_slack(table, tid, &native);
    if (result < 0)
        return result;
    struct thread_state state = {0};
    const struct thread_state *known = tags_state(&table->tags, tag_of(native));
    if (known != NULL)
        state = *known;
    else if (native != 0 && tag_of(native) != TAG_NONE)
        state.cred = table->nobody; /* nothing of ours wrote that */
    if (state.cred != NULL)
        (void)cred_get(state.cred);
    *ret_slack = slack_shown(&state, native);
    *ret_state = state;
    return 0;
}

int thread_enter_slack(const struct process_table *table, pid_t pid)
{
    uint64_t native;
    int result = read_slack(table, pid, &native);
    if (result < 0 || native == 0 || tag_of(native) == TAG_NONE)
        return result;
    return write_slack(table, pid, with_tag(native, TAG_NONE));
}

/* --- which tags are carried --- */

static uint64_t clock_ms(clockid_t clock)
{
    struct timespec now = {0};
    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* What a search takes is the processor's time: one that was put off by others is not dearer. */
bool search_begin(const struct process_table *table, uint64_t *ret_begun)
{
    *ret_begun = clock_ms(CLOCK_THREAD_CPUTIME_ID);
    return clock_ms(CLOCK_MONOTONIC) >= table->no_search_before;
}

void search_end(struct process_table *table, uint64_t begun)
{
    uint64_t rest = (clock_ms(CLOCK_THREAD_CPUTIME_ID) - begun) * SEARCH_SHARE;
    table->no_search_before = clock_ms(CLOCK_MONOTONIC) + (rest > SEARCH_PAUSE_MS ? rest : SEARCH_PAUSE_MS);
}

static int mark_process(pid_t pid, void *data)
{
    struct process_table *table = data;
    struct context *context;
    int result = stamp_read(table, pid, &context);
    if (result < 0)
        return result == -ESRCH ? -EAGAIN : 0;
    if (!context->tagged)
        return 0;
    auto_pid_list struct pid_list threads = {0};
    unsigned int count = thread_count(table->sentry, pid);
    if (scan_list(table->sentry, pid, &threads) < 0 || threads.count < count)
        return -EAGAIN;
    for (size_t i = 0; i < threads.count; i++) {
        uint64_t native;
        if (read_slack(table, threads.pids[i], &native) < 0)
            return -EAGAIN;
        tags_mark(&table->tags, tag_of(native));
    }
    return 0;
}

/* A thread that ends under our eyes may have made another behind our back: then the round did not count. */
static void sweep(struct process_table *table)
{
    uint64_t begun;
    if (!search_begin(table, &begun))
        return;
    tags_unmark(&table->tags);
    int result = -EAGAIN;
    for (int pass = 0; result == -EAGAIN && pass < SWEEP_PASSES; pass++)
        result = scan_pids(table->sentry, 0, mark_process, table);
    if (result == 0) {
        (void)pthread_mutex_lock(&table->mutex);
        tags_sweep(&table->tags);
        (void)pthread_mutex_unlock(&table->mutex);
    }
    table->tags_sweep_at = table->tags.count * 2 > SWEEP_MINIMUM ? table->tags.count * 2 : SWEEP_MINIMUM;
    search_end(table, begun);
}

static int find_number(struct process_table *table, const struct thread_state *state, uid_t owner)
{
    (void)pthread_mutex_lock(&table->mutex);
    int tag = tags_number(&table->tags, state, owner);
    (void)pthread_mutex_unlock(&table->mutex);
    return tag;
}

static int number_of(struct process_table *table, const struct thread_state *state, uid_t owner)
{
    if (table->tags.count >= table->tags_sweep_at)
        sweep(table);
    int tag = find_number(table, state, owner);
    if (tag == -EAGAIN) {
        sweep(table);
        tag = find_number(table, state, owner);
    }
    return tag;
}

/* --- changing a thread's own --- */

static int forbid_realtime(const struct process *process)
{
    const struct rlimit none = {0, 0};
    struct rlimit limit;
    if (prlimit(process->pid, RLIMIT_RTPRIO, NULL, &limit) < 0)
        return -errno;
    if (limit.rlim_cur == 0 && limit.rlim_max == 0)
        return 0;
    return prlimit(process->pid, RLIMIT_RTPRIO, &none, NULL) < 0 ? -errno : 0;
}

static bool may_be_realtime(const struct process *process)
{
    struct rlimit limit;
    return process->becoming_realtime > 0 || prlimit(process->pid, RLIMIT_RTPRIO, NULL, &limit) < 0 || limit.rlim_max != 0;
}

int thread_prepare_tag(struct context *context, const struct process *process)
{
    if (context->tagged)
        return 0;
    if (process->becoming_realtime > 0)
        return -EAGAIN;
    int result = forbid_realtime(process);
    context->tagged = result == 0;
    context->once_tagged = context->once_tagged || context->tagged;
    return result;
}

/* slack: as near as the host shall have it; with state->slack, the same. */
static int write_state(struct process_table *table, const struct task *task, const struct thread_state *state, uint64_t slack)
{
    int tag = number_of(table, state, task_cred(task)->ruid);
    if (tag < 0)
        return tag;
    uint64_t native = with_tag(slack, (unsigned int)tag), written = native;
    int result = write_slack(table, task->tid, native);
    if (result == 0 && tag != TAG_NONE)
        result = read_slack(table, task->tid, &written);
    if (result < 0)
        return result;
    return written == native ? 0 : -EAGAIN;
}

int thread_state_set_cred(struct process_table *table, const struct task *task, struct cred *cred)
{
    auto_thread_state struct thread_state state = {0};
    uint64_t slack;
    int result = thread_state_read(table, task->tid, &state, &slack);
    if (result < 0)
        return result;
    (void)cred_put(state.cred);
    state.cred = cred_get(cred);
    return write_state(table, task, &state, slack);
}

int thread_state_set_fs(struct process_table *table, const struct task *task, uint64_t fs)
{
    auto_thread_state struct thread_state state = {0};
    uint64_t slack;
    int result = thread_state_read(table, task->tid, &state, &slack);
    if (result < 0)
        return result;
    state.fs = fs;
    return write_state(table, task, &state, slack);
}

int thread_reset_state(struct process_table *table, const struct task *task, bool keep_fs, bool *ret_tagged)
{
    auto_thread_state struct thread_state state = {0};
    uint64_t slack;
    int result = thread_state_read(table, task->tid, &state, &slack);
    if (result < 0)
        return result;
    state.cred = cred_put(state.cred);
    state.fs = keep_fs ? state.fs : 0;
    result = write_state(table, task, &state, slack);
    if ((result == -EAGAIN || result == -ENOMEM) && state.fs == 0) { /* then its slack is not to the nanosecond */
        state.slack = 0;
        result = write_state(table, task, &state, slack);
    }
    if (result == 0)
        *ret_tagged = state.slack != 0 || state.fs != 0;
    return result;
}

/* --- the slack itself --- */

static int set_slack(struct process_table *table, struct task *task, const struct thread_state *state, uint64_t slack)
{
    struct thread_state wanted = *state;
    wanted.slack = 0;
    if (tag_of(slack) == TAG_NONE || may_be_realtime(task->process))
        return write_state(table, task, &wanted, slack);
    if (!task->process->context->tagged) {
        struct context *context = task_edit(task);
        if (context == NULL)
            return -ENOMEM;
        context->tagged = context->once_tagged = true;
        int result = process_commit(table, task->process, context);
        if (result < 0)
            return result;
    }
    wanted.slack = slack;
    int result = write_state(table, task, &wanted, slack);
    if (result != -EAGAIN)
        return result;
    wanted.slack = 0;
    return write_state(table, task, &wanted, slack);
}

int thread_get_slack(const struct process_table *table, pid_t tid, uint64_t *ret_slack)
{
    auto_thread_state struct thread_state state = {0};
    return thread_state_read(table, tid, &state, ret_slack);
}

int thread_set_slack(struct process_table *table, struct task *task, uint64_t slack)
{
    auto_thread_state struct thread_state state = {0};
    uint64_t before;
    int result = task->gone ? -ESRCH : thread_state_read(table, task->tid, &state, &before);
    if (result < 0)
        return result;
    if (task->made_with_slack == 0)
        task->made_with_slack = before;
    if (slack == 0)
        slack = task->made_with_slack;
    return before == 0 ? 0 : set_slack(table, task, &state, slack); /* 0: a realtime policy; the host does nothing then */
}
