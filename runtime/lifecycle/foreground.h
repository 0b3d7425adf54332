/* SPDX-License-Identifier: Apache-2.0 */
/* A container from its making to its end, with its maker waiting: `run` and `do`. */
#ifndef RUNTIME_LIFECYCLE_FOREGROUND_H
#define RUNTIME_LIFECYCLE_FOREGROUND_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/lifecycle/creation.h"

/* Of the monotonic clock, in nanoseconds. */
struct foreground_times {
    int64_t begun, made, started; /* made: up to the moment before the program is executed */
};

struct foreground_options {
    struct creation_options creation; /* trace and foreground are filled in here */
    bool trace;
    const char *trace_file; /* NULL: stderr */
    bool detach;            /* do not wait: leave the container running */
    bool keep;              /* leave its state, of a stopped container, for `delete` */
    bool janitor;           /* leave nothing behind even if we are killed */
    bool stops;             /* ... with the command that postern-init runs */
    int set_up_status;      /* the exit status if the container cannot be set up */
    int64_t time_limit_ms;  /* from the program's start on; 0: none */
    /* Called when the program has been started. May be NULL. */
    void (*started)(void *data, const struct foreground_times *times);
    void *data;
};

/* Returns the exit status: the program's, or one of command.h after saying why. Nothing is left, unless detached or kept. */
int foreground_run(const struct foreground_options *options);

#endif
