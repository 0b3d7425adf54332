/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/fs/proc_usage.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/fs/procfs.h"
#include "sentry/sentry.h"

CONFINE_ALLOW(clock_gettime, "how long a sum is good");
CONFINE_ALLOW(futex, "the last sum, which both threads use");

void proc_usage_add_stat(struct proc_usage *usage, const char *stat)
{
    /* The name may hold anything, parentheses too; behind the last one nothing of it is left. */
    const char *rest = strrchr(stat, ')');
    char state;
    uint64_t user, system, children_user, children_system, threads;
    if (rest == NULL || sscanf(rest + 1,
                               " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64 " %" SCNu64
                               " %" SCNu64 " %*d %*d %" SCNu64,
                               &state, &user, &system, &children_user, &children_system, &threads) != 6)
        return;
    usage->processes++;
    usage->threads += (unsigned int)threads;
    usage->running += state == 'R';
    usage->blocked += state == 'D';
    usage->user_ticks += user + children_user;
    usage->system_ticks += system + children_system;
}

void proc_usage_add_statm(struct proc_usage *usage, const char *statm)
{
    uint64_t size, resident, shared;
    if (sscanf(statm, "%" SCNu64 " %" SCNu64 " %" SCNu64, &size, &resident, &shared) != 3 || shared > resident)
        return;
    usage->virtual_pages += size;
    usage->private_pages += resident - shared;
    if (shared > usage->shared_pages)
        usage->shared_pages = shared;
}

static void add_process(const struct sentry *sentry, int pid, struct proc_usage *usage)
{
    char path[32];
    auto_text struct text stat = {0}, statm = {0};
    snprintf(path, sizeof(path), "%d/stat", pid);
    if (text_read_file(&stat, sentry->proc_inner, path, 4096) == 0 && stat.length > 0)
        proc_usage_add_stat(usage, stat.data);
    snprintf(path, sizeof(path), "%d/statm", pid);
    if (text_read_file(&statm, sentry->proc_inner, path, 4096) == 0 && statm.length > 0)
        proc_usage_add_statm(usage, statm.data);
    usage->last_pid = pid;
}

static void add_up(const struct sentry *sentry, struct proc_usage *ret_usage)
{
    *ret_usage = (struct proc_usage){0};
    auto_free int *pids = NULL;
    size_t count = 0;
    if (proc_list_numbers(sentry, ".", &pids, &count) < 0)
        return;
    for (size_t i = 0; i < count; i++)
        add_process(sentry, pids[i], ret_usage);
}

static uint64_t now_ns(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* A sum is good for ten times as long as it took to make: whoever reads meminfo in a loop among a thousand processes
 * gets a tenth of a CPU for it, no more. */
void proc_usage_read(const struct sentry *sentry, struct proc_usage *ret_usage)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static struct proc_usage last;
    static uint64_t good_until;
    uint64_t start = now_ns();
    (void)pthread_mutex_lock(&mutex);
    bool good = start < good_until;
    if (good)
        *ret_usage = last;
    (void)pthread_mutex_unlock(&mutex);
    if (good)
        return;

    add_up(sentry, ret_usage);
    uint64_t end = now_ns();
    (void)pthread_mutex_lock(&mutex);
    last = *ret_usage;
    good_until = end + (end - start) * 10;
    (void)pthread_mutex_unlock(&mutex);
}
