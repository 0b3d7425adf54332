/* SPDX-License-Identifier: Apache-2.0 */
/* How a thread is scheduled, as sched_setattr(2) has it: the C library does not know it, and <linux/sched/types.h> does not go together
 * with its <sched.h>. */
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

#endif
