/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/kernel/rank_judge.h"

#include <errno.h>
#include <sched.h>

#include "sentry/kernel/rank_host.h"

/* Of a deadline, in ns: sched_deadline_period_min_us and _max_us as they are by default. */
#define RUNTIME_LEAST UINT64_C(1024)
#define PERIOD_LEAST UINT64_C(100000)
#define PERIOD_MOST (UINT64_C(4194304) * 1000)
enum { REALTIME_MOST = 99 };

static bool is_fair(uint32_t policy)
{
    return policy == SCHED_OTHER || policy == SCHED_BATCH;
}

static bool is_realtime(uint32_t policy)
{
    return policy == SCHED_FIFO || policy == SCHED_RR;
}

static bool deadline_fits(const struct sched_attributes *wanted)
{
    const uint64_t period = wanted->period != 0 ? wanted->period : wanted->deadline;
    return wanted->deadline != 0 && wanted->runtime >= RUNTIME_LEAST && period <= INT64_MAX && wanted->deadline <= period &&
           wanted->runtime <= wanted->deadline && period >= PERIOD_LEAST && period <= PERIOD_MOST;
}

static bool is_valid(const struct sched_attributes *wanted)
{
    const uint32_t policy = wanted->policy;
    if (!is_fair(policy) && !is_realtime(policy) && policy != SCHED_IDLE && policy != RANK_DEADLINE)
        return false;
    if ((wanted->flags & ~(uint64_t)RANK_FLAGS_ALL) != 0 || wanted->priority > REALTIME_MOST)
        return false;
    return is_realtime(policy) == (wanted->priority != 0) && (policy != RANK_DEADLINE || deadline_fits(wanted));
}

static bool is_privilege(const struct sched_attributes *now, const struct sched_attributes *wanted, const struct rank_rights *rights)
{
    if (is_fair(wanted->policy) && wanted->nice < now->nice && wanted->nice < rights->lowest_nice)
        return true;
    if (is_realtime(wanted->policy) && wanted->policy != now->policy && rights->realtime_most == 0)
        return true;
    if (is_realtime(wanted->policy) && wanted->priority > now->priority && wanted->priority > rights->realtime_most)
        return true;
    if (now->policy == SCHED_IDLE && wanted->policy != SCHED_IDLE && now->nice < rights->lowest_nice)
        return true;
    return wanted->policy == RANK_DEADLINE || !rights->owner ||
           ((now->flags & RANK_RESET_ON_FORK) != 0 && (wanted->flags & RANK_RESET_ON_FORK) == 0);
}

int rank_judge(const struct sched_attributes *now, const struct sched_attributes *wanted, const struct rank_rights *rights)
{
    if (!is_valid(wanted))
        return -EINVAL;
    if (!rights->capable && is_privilege(now, wanted, rights))
        return -EPERM;
    bool realtime = is_realtime(wanted->policy) || wanted->policy == RANK_DEADLINE;
    return realtime && rights->never_realtime ? -EPERM : 0;
}
