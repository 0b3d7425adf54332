/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the host schedules a guest's thread: policy, nice value, realtime priority. All changes go through here, and are made
 * from outside: with the guest's own id, who may lower what is his; what is more than that, by the gofer if the runtime has given it
 * the right to (boot->gofer_ranks), or within RLIMIT_NICE.
 *
 * Threads of low rank, which get a processor only when nobody else wants it, can be raised for a while (platform/boost.h), and given back
 * what they had. A raised one carries a *mark*: a rank nobody else has (SCHED_BATCH with a nice value above the sentry's), which stands
 * for the rank it had. fork(2) and clone(2) copy it like any other; so what a raised thread makes meanwhile gets back the same, whoever
 * made it and however late it is found. What is read and set here is never the mark, but what it stands for.
 *
 * Numbers of threads are the host's. None of this needs the state lock; all of it lets go of it.
 */
#ifndef SENTRY_KERNEL_RANK_H
#define SENTRY_KERNEL_RANK_H

#include <stdbool.h>
#include <sys/types.h>

#include "postern/schedule.h"

struct sentry;

/* Before guests are served: what the sentry's own rank is. */
void rank_init(void);

/* What its owner knows, `nice` filled in whatever the policy. 0 or -ESRCH. */
int rank_read(const struct sentry *sentry, pid_t tid, struct sched_attributes *ret_attributes);

/* Who may raise a thread. */
struct rank_rights {
    bool owner;             /* by its ids */
    bool capable;           /* has CAP_SYS_NICE */
    int lowest_nice;        /* that RLIMIT_NICE of the thread's process allows */
    uint64_t realtime_most; /* RLIMIT_RTPRIO */
    bool never_realtime;    /* see kernel/slack.c */
};

/* sched_setscheduler(2), sched_setparam(2), sched_setattr(2). */
enum { RANK_KEEP_POLICY = 1, RANK_KEEP_PARAMETERS = 2, RANK_KEEP_NICE = 4 };
int rank_set(const struct sentry *sentry, pid_t tid, const struct sched_attributes *wanted, unsigned int keep,
             const struct rank_rights *rights);

/* setpriority(2) */
int rank_set_nice(const struct sentry *sentry, pid_t tid, int nice, const struct rank_rights *rights);

/* ioprio_set(2) of a class only root may have. */
int rank_set_io(const struct sentry *sentry, pid_t tid, int priority);

/* A process has come from outside, with a rank of its own. */
void rank_look_at(const struct sentry *sentry, pid_t pid);

/* Raises every thread of low rank, and says how many it was. */
unsigned int rank_raise(const struct sentry *sentry);
/* Gives all back what they had; *ret_low: how many threads of low rank there are. False: one may have escaped, so look again soon. */
bool rank_give_back(const struct sentry *sentry, unsigned int *ret_low);

#endif
