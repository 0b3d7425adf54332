/* SPDX-License-Identifier: Apache-2.0 */
/* What the guest's processes use, summed over the guest's own procfs: the base of stat, loadavg and meminfo. Any
 * thread. */
#ifndef SENTRY_FS_PROC_USAGE_H
#define SENTRY_FS_PROC_USAGE_H

#include <stdint.h>
#include <sys/types.h>

struct sentry;

struct proc_usage {
    unsigned int processes, threads, running, blocked;
    uint64_t user_ticks, system_ticks;    /* waited-for children included */
    uint64_t private_pages, shared_pages; /* the latter of the process that has most */
    uint64_t virtual_pages;
    pid_t last_pid; /* the highest there is */
};

void proc_usage_read(const struct sentry *sentry, struct proc_usage *ret_usage);

/* Adds what /proc/PID/stat and statm say; a malformed text adds nothing. For tests. */
void proc_usage_add_stat(struct proc_usage *usage, const char *stat);
void proc_usage_add_statm(struct proc_usage *usage, const char *statm);

#endif
