/* SPDX-License-Identifier: Apache-2.0 */
/* One more process in a container: what exec and the container's own hooks share. */
#ifndef RUNTIME_SANDBOX_ENTER_H
#define RUNTIME_SANDBOX_ENTER_H

#include "runtime/cell/cell.h"
#include "runtime/state/container.h"

struct error;

struct enter {
    int folder, init, console; /* state folder, pidfd of the container's init, its terminal's slave or -1; all borrowed */
    const struct container *container;
    const char *const *cgroups; /* folders below the container's cgroup, as cgroup_add_below has them */
    size_t cgroup_count;
    struct cell_plan plan;
};

/* Starts it up to its program. ret_cell->pid is not 0 as soon as there is a process, also after a failure: it must be killed and
 * waited for then. *ret_control: the connection to the sentry, owned by the caller. */
int enter_container(const struct enter *enter, struct cell *ret_cell, int *ret_control, struct error *error);

#endif
