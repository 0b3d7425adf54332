/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a thread of the guest's is scheduled, where that takes CAP_SYS_NICE: for a container that has it (runtime/scheduling.h). Which
 * thread and how has been judged by the sentry (sentry/kernel/rank.h); here that it is none of ours.
 */
#include <errno.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gofer/server.h"
#include "postern/confine.h"

CONFINE_ALLOW(sched_setattr, "how a guest's thread is scheduled, for a container that has CAP_SYS_NICE");
CONFINE_ALLOW_IF(setpriority, 0, UINT32_MAX, PRIO_PROCESS, "the nice value of a guest's thread, likewise");
CONFINE_ALLOW_IF(ioprio_set, 0, UINT32_MAX, IOPRIO_WHO_PROCESS, "the rank of its disk requests, likewise");

static int set(struct gofer_rank *rank)
{
    enum { SENTRY_PID = 1 };
    if (rank->tid <= SENTRY_PID)
        return -EPERM;
    long result = -1;
    rank->attributes.size = sizeof(rank->attributes);
    switch (rank->what) {
    case GOFER_RANK_POLICY:
        result = syscall(SYS_sched_setattr, rank->tid, &rank->attributes, 0);
        break;
    case GOFER_RANK_NICE:
        result = setpriority(PRIO_PROCESS, (id_t)rank->tid, rank->value);
        break;
    case GOFER_RANK_IO:
        result = syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, rank->tid, rank->value);
        break;
    default:
        return -EINVAL;
    }
    return result < 0 ? -errno : 0;
}

int op_rank(struct exchange *exchange)
{
    struct gofer_rank rank;
    if (!exchange->server->ranks)
        return -EPERM;
    if (exchange->request->data_size != sizeof(rank))
        return -EINVAL;
    memcpy(&rank, exchange->data, sizeof(rank));
    return set(&rank);
}
