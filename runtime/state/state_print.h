/* SPDX-License-Identifier: Apache-2.0 */
/* A container's state as the runtime specification has it, with the fields runc adds. */
#ifndef RUNTIME_STATE_STATE_PRINT_H
#define RUNTIME_STATE_STATE_PRINT_H

#include "runtime/state/container.h"

struct json_writer;

/* The pid `state` and `list` show: 0 once the container has stopped. */
pid_t state_pid(const struct container *container, enum container_status status);

/* owner: "" from `state`, as with runc. */
void state_write(struct json_writer *writer, const struct container *container, enum container_status status,
                 const char *owner);

#endif
