/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the host schedules a guest's thread. What needs no privilege the guest does itself, judged. What CAP_SYS_NICE is good for is done by
 * the gofer, which is left that by the runtime if the container has it (runtime/cell/scheduling.h).
 */
#ifndef SENTRY_KERNEL_RANK_H
#define SENTRY_KERNEL_RANK_H

#include <stdbool.h>
#include <sys/types.h>

struct gofer_rank;
struct process;
struct sentry;

/* Is CAP_SYS_NICE good for anything here? */
bool rank_granted(const struct sentry *sentry);

/* By the gofer, for somebody who has the capability. 0 or -errno; -EPERM for a realtime policy where that cannot be (slack.c). */
int rank_set(struct process *process, const struct gofer_rank *rank);

/* setpriority(2) on one thread, for somebody who may. capable: by CAP_SYS_NICE. */
int rank_set_nice(struct process *process, pid_t tid, int nice, bool capable);

#endif
