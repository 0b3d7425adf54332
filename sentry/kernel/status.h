/* SPDX-License-Identifier: Apache-2.0 */
/* What proc_outer/PID/status says of a process, read on demand. */
#ifndef SENTRY_KERNEL_STATUS_H
#define SENTRY_KERNEL_STATUS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct sentry;

struct host_status {
    char comm[64];
    char state;
    pid_t ppid, tgid;        /* outer ids; ppid 0: the parent is outside the sandbox */
    pid_t tracer;            /* the thread of ours that follows it; 0: none */
    pid_t vpid, vtgid;       /* the guest's ids of the thread and its group */
    pid_t vpgid, vsid;       /* process group and session, 0 if led from outside */
    unsigned int pid_levels; /* numbers on the NSpid line: at least 2 for a guest's process */
    uint64_t signals_pending, shared_pending, blocked, ignored, caught;
    unsigned int threads;
};

/* 0, -ESRCH if it is gone, or -errno. */
int host_status_read(const struct sentry *sentry, pid_t tid, struct host_status *ret_status);

/* Takes the text of a status file apart (and to pieces); -EPROTO if a line that must be there is not. */
int host_status_parse(char *text, struct host_status *ret_status);

/* The value of personality(2) a thread has. 0, or -errno. */
int thread_personality(const struct sentry *sentry, pid_t tid, unsigned int *ret_personality);

/* How many seccomp filters there are on a thread, ours and the host's too. 0 or -errno. */
int thread_filters(const struct sentry *sentry, pid_t tid, unsigned int *ret_count);
/* The same from the text of a status file; 0 if it does not say. */
unsigned int status_filters(const char *text);

/* How long a thread has computed, in clock ticks; 0 if it is gone. */
uint64_t thread_user_time(const struct sentry *sentry, pid_t tid);

/* CLOCK_BOOTTIME, in microseconds, by which a thread was there; 0 if it is gone. */
uint64_t thread_born_before(const struct sentry *sentry, pid_t tid);

/* Has the process a signal that a native call would be interrupted for? Those that are blocked, ignored, or ignored by
 * default and without a handler do not count. */
bool status_signal_deliverable(const struct host_status *status);
/* One that is for the process, and so perhaps for another thread of it: the kernel has told one of them, and procfs does not say which. */
bool status_signal_for_any(const struct host_status *status);

#endif
