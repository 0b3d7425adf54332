/* SPDX-License-Identifier: Apache-2.0 */
/* What the host knows of how a thread is scheduled: for kernel/rank.c only. */
#ifndef SENTRY_KERNEL_RANK_HOST_H
#define SENTRY_KERNEL_RANK_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "postern/schedule.h"

struct sentry;

/* SCHED_FLAG_ of <linux/sched.h>, which does not go together with <sched.h>. */
enum { RANK_RESET_ON_FORK = 1, RANK_FLAGS_KEPT = 0x18, RANK_FLAGS_ALL = 0x7f };
enum { RANK_DEADLINE = 6 /* SCHED_DEADLINE */ };

/* 0 is a thread of ours: the caller. 0 or -ESRCH. */
int rank_host_read(pid_t tid, struct sched_attributes *ret_attributes);
/* Policy and what belongs to it. A nice value counts only for SCHED_OTHER and SCHED_BATCH. 0 or -errno, here and below. */
int rank_host_write(const struct sentry *sentry, pid_t tid, const struct sched_attributes *attributes);
/* SCHED_BATCH with the nice value of a mark, RANK_RAISES_MAX at most. How many have been done. */
enum { RANK_RAISES_MAX = 64 };
struct rank_raise {
    pid_t tid;
    struct sched_attributes attributes;
};
unsigned int rank_host_raise(const struct sentry *sentry, const struct rank_raise *raises, size_t count);
/* setpriority(2) and ioprio_set(2) */
int rank_host_write_nice(const struct sentry *sentry, pid_t tid, int nice);
int rank_host_write_io(const struct sentry *sentry, pid_t tid, int priority);
/* Can one of this process be raised so far? */
bool rank_host_can_raise(const struct sentry *sentry, pid_t pid, int nice);

#endif
