/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How threads of the guest's are scheduled, for a container that has CAP_SYS_NICE and a runtime that had it to give. Which of them and how
 * has been judged by the sentry (sentry/kernel/rank.h); what the machine makes of it is the machine's to say.
 */
#include <errno.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gofer/server.h"
#include "postern/confine.h"

enum { IOPRIO_WHO_PROCESS = 1 };

CONFINE_GRANTED(sched_setscheduler, "how a guest's thread is scheduled, for a container that has CAP_SYS_NICE");
CONFINE_GRANTED(sched_setparam, "how a guest's thread is scheduled, for a container that has CAP_SYS_NICE");
CONFINE_GRANTED(sched_setattr, "how a guest's thread is scheduled, for a container that has CAP_SYS_NICE");
CONFINE_GRANTED(setpriority, "how a guest's thread is scheduled, for a container that has CAP_SYS_NICE");
CONFINE_GRANTED(ioprio_set, "how a guest's thread is scheduled, for a container that has CAP_SYS_NICE");

static long set(const struct gofer_rank *rank)
{
    const struct sched_param parameter = {.sched_priority = rank->value};
    switch (rank->what) {
    case GOFER_RANK_SCHEDULER:
        return syscall(SYS_sched_setscheduler, rank->tid, rank->policy, &parameter);
    case GOFER_RANK_PARAM:
        return syscall(SYS_sched_setparam, rank->tid, &parameter);
    case GOFER_RANK_ATTR:
        return syscall(SYS_sched_setattr, rank->tid, &rank->attributes, 0);
    case GOFER_RANK_NICE:
        return setpriority(PRIO_PROCESS, (id_t)rank->tid, rank->value);
    case GOFER_RANK_IO:
        return syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, rank->tid, rank->value);
    default:
        errno = EINVAL;
        return -1;
    }
}

int op_rank(struct exchange *exchange)
{
    enum { SENTRY_PID = 1 };
    struct gofer_rank rank;
    if (!exchange->server->ranks)
        return -EPERM;
    if (exchange->request->data_size != sizeof(rank))
        return -EINVAL;
    memcpy(&rank, exchange->data, sizeof(rank));
    rank.attributes.size = sizeof(rank.attributes);
    if (rank.tid <= SENTRY_PID || rank.tid == exchange->server->pid)
        return -EPERM;
    return set(&rank) < 0 ? -errno : 0;
}
