/* SPDX-License-Identifier: Apache-2.0 */
/* What the runtime does while the container runs: one poll loop for signals, the console, the sentry's messages, and
 * the deaths of init and sentry. */
#ifndef RUNTIME_LIFECYCLE_MONITOR_H
#define RUNTIME_LIFECYCLE_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

struct console;
struct notify;
struct container;
struct sandbox;
struct signals;

struct monitor_options {
    struct console *console; /* or NULL */
    struct notify *notify;   /* or NULL: whoever is to be told when the program is ready */
    int64_t deadline;        /* milliseconds of the monotonic clock; 0: none */
    bool stops;              /* the init is postern-init: when the command behind that is stopped, so are we (runtime/console/job.h) */
};

/* Waits until the container's init has ended. Of the container it is the cgroup that is looked at when something was
 * killed. Returns the exit status for our caller: the program's, 128+n when signal n killed it,
 * EXIT_TIMED_OUT if it had to be killed at the deadline, or EXIT_SANDBOX_DIED after saying why. Who had to be reaped for that has pid 0 in *sandbox afterwards; the others are left
 * to sandbox_destroy. */
int monitor_run(struct sandbox *sandbox, const struct container *container, const struct signals *signals,
                const struct monitor_options *options);

#endif
