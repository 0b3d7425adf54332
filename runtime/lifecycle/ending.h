/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a container, for `delete`, and for the janitor of `do`. */
#ifndef RUNTIME_LIFECYCLE_ENDING_H
#define RUNTIME_LIFECYCLE_ENDING_H

#include <stdbool.h>

struct error;

/* Removes all that is left of a container. force: also one that runs, which is killed; that there is none is no error. */
int container_delete(const char *id, bool force, struct error *error);

#endif
