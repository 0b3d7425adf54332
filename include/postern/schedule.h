/* SPDX-License-Identifier: Apache-2.0 */
/* How a thread is scheduled, as sched_getattr(2) and sched_setattr(2) have it: the C library knows neither, and <linux/sched/types.h>
 * does not go together with its <sched.h>. */
#ifndef POSTERN_SCHEDULE_H
#define POSTERN_SCHEDULE_H

#include <stdint.h>

struct sched_attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
    uint32_t util_min, util_max;
};

_Static_assert(sizeof(struct sched_attributes) == 56, "SCHED_ATTR_SIZE_VER1");

/* What the gofer is left CAP_SYS_NICE for (runtime/scheduling.h). */
enum ranks {
    RANKS_NONE = 0,
    RANKS_RAISE, /* the guest's threads of low rank that hold up others, where it cannot be done without */
    RANKS_ALL,   /* whatever it is good for: the container has it */
};

/* Threads of low rank that hold up others are raised for as long as they do (sentry/kernel/rank.h): above the sentry by so many
 * steps of nice at most. */
enum { SCHEDULE_MARKS = 8 };

#endif
