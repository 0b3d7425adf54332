/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raises a thread of the guest's (sentry/kernel/rank.h), where the runtime left us CAP_SYS_NICE to do it with. Which of them is up
 * to the sentry; how far is not, unless the container has been granted the capability itself.
 */
#include <errno.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gofer/server.h"
#include "postern/confine.h"

CONFINE_ALLOW(sched_setattr, "raises a thread of the guest's");
CONFINE_ALLOW_IF(setpriority, 0, UINT32_MAX, PRIO_PROCESS, "raises a thread of the guest's");
CONFINE_ALLOW_IF(getpriority, 0, UINT32_MAX, PRIO_PROCESS, "its own nice value: how far is far enough");
CONFINE_ALLOW_IF(ioprio_set, 0, UINT32_MAX, IOPRIO_WHO_PROCESS, "ranks of disk requests a container has been granted");

enum { NICE_HIGHEST = -20 };

static int highest(const struct server *server)
{
    if (server->ranks == RANKS_ALL)
        return NICE_HIGHEST;
    int floor = getpriority(PRIO_PROCESS, 0) - SCHEDULE_MARKS;
    return floor < NICE_HIGHEST ? NICE_HIGHEST : floor;
}

static int set_policy(const struct server *server, pid_t tid, const struct sched_attributes *attributes)
{
    const uint32_t policy = attributes->policy;
    bool fair = policy == SCHED_OTHER || policy == SCHED_BATCH || policy == SCHED_IDLE;
    if (server->ranks != RANKS_ALL && (!fair || attributes->nice < highest(server)))
        return -EPERM;
    return syscall(SYS_sched_setattr, tid, attributes, 0) < 0 ? -errno : 0;
}

static int set_nice(const struct server *server, pid_t tid, int nice)
{
    if (nice < highest(server))
        return -EACCES;
    return setpriority(PRIO_PROCESS, (id_t)tid, nice) < 0 ? -errno : 0;
}

static int set_io(const struct server *server, pid_t tid, int priority)
{
    if (server->ranks != RANKS_ALL)
        return -EPERM;
    return syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, tid, priority) < 0 ? -errno : 0;
}

static int set(const struct server *server, struct gofer_rank *rank)
{
    enum { SENTRY_PID = 1 };
    if (rank->tid <= SENTRY_PID)
        return -EPERM;
    rank->attributes.size = sizeof(rank->attributes);
    switch (rank->what) {
    case GOFER_RANK_POLICY:
        return set_policy(server, rank->tid, &rank->attributes);
    case GOFER_RANK_NICE:
        return set_nice(server, rank->tid, rank->value);
    case GOFER_RANK_IO:
        return set_io(server, rank->tid, rank->value);
    default:
        return -EINVAL;
    }
}

int op_rank(struct exchange *exchange)
{
    const struct server *server = exchange->server;
    const size_t size = exchange->request->data_size, count = size / sizeof(struct gofer_rank);
    int error = -EINVAL;
    if (server->ranks == RANKS_NONE)
        return -EPERM;
    if (size % sizeof(struct gofer_rank) != 0 || count > GOFER_RANKS_MAX)
        return -EINVAL;
    for (size_t i = 0; i < count; i++) {
        struct gofer_rank rank;
        memcpy(&rank, (const char *)exchange->data + i * sizeof(rank), sizeof(rank));
        int result = set(server, &rank);
        exchange->reply->value += result == 0;
        error = result < 0 ? result : error;
    }
    return exchange->reply->value > 0 ? 0 : error;
}
