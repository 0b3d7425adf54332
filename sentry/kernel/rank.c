/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/kernel/rank.h"

#include <errno.h>
#include <sched.h>
#include <sys/resource.h>

#include "postern/boot.h"
#include "postern/confine.h"
#include "postern/gofer_protocol.h"
#include "sentry/fs/gofer_client.h"
#include "sentry/kernel/table.h"
#include "sentry/sentry.h"

CONFINE_ALLOW(setpriority, "nice values of guest threads, judged");

enum { POLICY_DEADLINE = 6 };

bool rank_granted(const struct sentry *sentry)
{
    return sentry->boot->ranks != 0;
}

static bool is_realtime(const struct gofer_rank *rank)
{
    int policy = rank->what == GOFER_RANK_ATTR ? (int)rank->attributes.policy : rank->policy & ~SCHED_RESET_ON_FORK;
    bool sets_policy = rank->what == GOFER_RANK_ATTR || rank->what == GOFER_RANK_SCHEDULER;
    return sets_policy && (policy == SCHED_FIFO || policy == SCHED_RR || policy == POLICY_DEADLINE);
}

/* As long as the gofer is at it, no thread of the process is given a tag: it might be the one that loses it. */
int rank_set(struct process *process, const struct gofer_rank *rank)
{
    struct gofer *gofer = process->table->sentry->gofer;
    if (!is_realtime(rank))
        return gofer_rank(gofer, rank);
    if (process->context->once_tagged)
        return -EPERM;
    (void)process_get(process);
    process->becoming_realtime++;
    int result = gofer_rank(gofer, rank);
    process->becoming_realtime--;
    process_put(process);
    return result;
}

int rank_set_nice(struct process *process, pid_t tid, int nice, bool capable)
{
    int result = setpriority(PRIO_PROCESS, (id_t)tid, nice) < 0 ? -errno : 0;
    if (result != -EACCES || !capable || !rank_granted(process->table->sentry))
        return result;
    const struct gofer_rank rank = {.what = GOFER_RANK_NICE, .tid = tid, .value = nice};
    return rank_set(process, &rank);
}
