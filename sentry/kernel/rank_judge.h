/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a thread may be scheduled otherwise, as sched_setattr(2) judges: for kernel/rank.c only. */
#ifndef SENTRY_KERNEL_RANK_JUDGE_H
#define SENTRY_KERNEL_RANK_JUDGE_H

#include "sentry/kernel/rank.h"

/* now: what it has; wanted: what it shall have, whole. 0, -EINVAL or -EPERM. */
int rank_judge(const struct sched_attributes *now, const struct sched_attributes *wanted, const struct rank_rights *rights);

#endif
