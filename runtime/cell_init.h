/* SPDX-License-Identifier: Apache-2.0 */
/* What the container's first process does before it is the container's program. Only cell.c uses this. */
#ifndef RUNTIME_CELL_INIT_H
#define RUNTIME_CELL_INIT_H

#include <stdint.h>

#include "postern/error.h"

struct oci_config;

enum cell_step {
    CELL_MOUNTED = 1, /* init -> runtime: fds = {procfs, mqueue} (one of them if there is no mqueue) */
    CELL_CONFINE,     /* runtime -> init: fds = {console slave} or none */
    CELL_CONFINED,    /* init -> runtime: fds = {listener} */
    CELL_EXECUTE,     /* runtime -> init; answered by end of file, or a message whose error says why not */
};

struct cell_message {
    uint32_t step;
    int64_t boottime_offset_ns;
    struct error error;
};

/* Keeps what the init will need; before the fork, so that it can be prepared in peace. Borrowed until the process ends. */
void cell_init_prepare(const struct oci_config *config);

/* To be inherited by the init; before the user namespace is joined, in which /proc/self is no longer ours to write. */
void cell_init_set_oom_score(void);

/* The first process's life; ends in the container's program or in _exit. socket is owned. */
void cell_init_run(int socket, int64_t boottime_offset_ns) __attribute__((noreturn));

#endif
