/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_BASE_EXIT_STATUS_H
#define RUNTIME_BASE_EXIT_STATUS_H

/* Exit statuses that do not come from the container's program. */
enum {
    EXIT_USAGE = 1,            /* also: the container could not be set up */
    EXIT_TIMED_OUT = 124,      /* postern do ended its command when the time was up */
    EXIT_SANDBOX_DIED = 125,   /* sentry or gofer failed while the program ran */
    EXIT_NOT_EXECUTABLE = 126, /* the program was found, but cannot be executed */
    EXIT_EXEC_FAILED = 255,    /* postern exec could not run its process, as runc says it */
    EXIT_NOT_FOUND = 127,      /* the program was not found */
};

#endif
