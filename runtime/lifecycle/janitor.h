/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that outlives a killed runtime and removes what that could not: its container's state folder and cgroup.
 * (The container's processes end by themselves.) It is in a session of its own, so that what kills the runtime's job
 * does not kill it too. Should that be killed as well, the next janitor finds what is left.
 */
#ifndef RUNTIME_LIFECYCLE_JANITOR_H
#define RUNTIME_LIFECYCLE_JANITOR_H

#include <sys/types.h>

struct error;

struct janitor {
    pid_t pid; /* 0: none */
    int alive; /* as long as it is open, the runtime lives */
};

#define JANITOR_NONE ((struct janitor){.alive = -1})

/* Names of containers that need no name: what is left of dead ones is swept away. */
#define JANITOR_PREFIX "do-"

/* Before anything of the container is made. */
int janitor_start(const char *id, struct janitor *ret_janitor, struct error *error);

/* When nothing of it is left. Safe on JANITOR_NONE. */
void janitor_dismiss(struct janitor *janitor);

#endif
