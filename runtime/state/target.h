/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands on one container have in common: ID on the command line, its state, its lock. */
#ifndef RUNTIME_STATE_TARGET_H
#define RUNTIME_STATE_TARGET_H

#include <stdbool.h>

#include "runtime/state/container.h"

struct error;

struct target {
    int folder, lock; /* -1: not open, not locked */
    struct container container;
};

#define TARGET_NONE                                                                                                    \
    {                                                                                                                  \
        .folder = -1, .lock = -1                                                                                       \
    }

/* Opens and reads the container of options_global()->root; with `locked` nobody else changes it meanwhile. */
int target_open(const char *id, bool locked, struct target *ret_target, struct error *error);
enum container_status target_status(const struct target *target);
void target_close(struct target *target);

#define auto_target __attribute__((cleanup(target_close)))

#endif
