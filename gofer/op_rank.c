/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How threads of the guest's are scheduled, where that takes CAP_SYS_NICE. Which of them and how is up to the sentry
 * (sentry/kernel/rank.h). Not how far: a container that has the capability gets what it is good for, through a gofer that has been granted
 * the calls for it. Any other gets threads raised for a moment, and what our own filter lets through is good for nothing else: one policy, by
 * which nobody is ahead of others, and nice values that do not go far.
 */
#include <errno.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gofer/server.h"
#include "postern/confine.h"

/* Nice values: from -SCHEDULE_MARKS to -1, and those below. */
CONFINE_ALLOW_IF(sched_setscheduler, 1, UINT32_MAX - SCHED_RESET_ON_FORK, SCHED_BATCH, "raises a guest's thread that holds up others");
CONFINE_ALLOW_IF(setpriority, 2, UINT32_MAX - (SCHEDULE_MARKS - 1), -SCHEDULE_MARKS, "raises a guest's thread that holds up others");
CONFINE_ALLOW_IF(setpriority, 2, UINT32_MAX - 31, 0, "raises a guest's thread that holds up others");
CONFINE_GRANTED(sched_setattr, "how a guest's thread is scheduled, for a container that has CAP_SYS_NICE");
CONFINE_GRANTED(setpriority, "how a guest's thread is scheduled, for a container that has CAP_SYS_NICE");
CONFINE_GRANTED(ioprio_set, "how a guest's thread is scheduled, for a container that has CAP_SYS_NICE");

_Static_assert((SCHEDULE_MARKS & (SCHEDULE_MARKS - 1)) == 0, "a mask tells whether a nice value is one of them");

static bool is_ours(const struct server *server, pid_t tid)
{
    enum { SENTRY_PID = 1 };
    return tid <= SENTRY_PID || tid == server->pid;
}

static int set(struct gofer_rank *rank)
{
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
    if (exchange->server->ranks != RANKS_ALL)
        return -EPERM;
    if (exchange->request->data_size != sizeof(rank))
        return -EINVAL;
    memcpy(&rank, exchange->data, sizeof(rank));
    return is_ours(exchange->server, rank.tid) ? -EPERM : set(&rank);
}

/* In this order: what it makes of its kind in between is no better off. */
static bool raise_thread(const struct gofer_raise *raise)
{
    static const struct sched_param none;
    const int policy = SCHED_BATCH | (raise->reset_on_fork != 0 ? SCHED_RESET_ON_FORK : 0);
    if (raise->nice < -SCHEDULE_MARKS || raise->nice > GOFER_NICE_MOST)
        return false;
    return syscall(SYS_sched_setscheduler, raise->tid, policy, &none) == 0 &&
           setpriority(PRIO_PROCESS, (id_t)raise->tid, raise->nice) == 0;
}

int op_raise(struct exchange *exchange)
{
    const size_t size = exchange->request->data_size, count = size / sizeof(struct gofer_raise);
    if (exchange->server->ranks == RANKS_NONE)
        return -EPERM;
    if (size % sizeof(struct gofer_raise) != 0 || count > GOFER_RAISES_MAX)
        return -EINVAL;
    for (size_t i = 0; i < count; i++) {
        struct gofer_raise raise;
        memcpy(&raise, (const char *)exchange->data + i * sizeof(raise), sizeof(raise));
        exchange->reply->value += !is_ours(exchange->server, raise.tid) && raise_thread(&raise);
    }
    return 0;
}
