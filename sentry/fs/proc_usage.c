/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/fs/proc_usage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "postern/cleanup.h"
#include "sentry/fs/procfs.h"
#include "sentry/sentry.h"

void proc_usage_add_stat(struct proc_usage *usage, const char *stat)
{
    /* The name may hold anything, parentheses too; behind the last one nothing of it is left. */
    const char *rest = strrchr(stat, ')');
    char state;
    uint64_t user, system, children_user, children_system, threads;
    if (rest == NULL ||
        sscanf(rest + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %*d %*d %" SCNu64,
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

void proc_usage_read(const struct sentry *sentry, struct proc_usage *ret_usage)
{
    *ret_usage = (struct proc_usage){0};
    auto_free int *pids = NULL;
    size_t count = 0;
    if (proc_list_numbers(sentry, ".", &pids, &count) < 0)
        return;
    for (size_t i = 0; i < count; i++)
        add_process(sentry, pids[i], ret_usage);
}
