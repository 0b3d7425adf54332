/* SPDX-License-Identifier: Apache-2.0 */
/* What postern-cell is told (postern/cell.h), from what the runtime knows. */
#ifndef RUNTIME_CELL_CELL_BOOT_H
#define RUNTIME_CELL_CELL_BOOT_H

#include "runtime/cell/cell.h"

struct error;
struct joined;

/* Writes it into a sealed memory file. joined: of namespaces_join; join_flags, clone_flags: CLONE_NEW* of what is joined by
 * CELL_FD_NAMESPACES, and of what is made. 0 or -errno. */
int cell_boot_write(const struct cell_plan *plan, const struct joined *joined, unsigned int join_flags, unsigned int clone_flags,
                    int *ret_fd, struct error *error);

#endif
