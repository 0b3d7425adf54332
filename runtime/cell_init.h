/* SPDX-License-Identifier: Apache-2.0 */
/* What the container's first process does before it is the container's program. Only cell.c uses this. */
#ifndef RUNTIME_CELL_INIT_H
#define RUNTIME_CELL_INIT_H

#include <stdbool.h>
#include <stdint.h>

#include "postern/error.h"

struct config_seccomp;
struct joined;
struct oci_linux;
struct oci_personality;
struct oci_process;

enum cell_step {
    CELL_MOUNTED = 1, /* init -> runtime: fds = {procfs} */
    CELL_CONFINE,     /* runtime -> init: fds = {console slave?, start socket?} as has_console and has_start say */
    CELL_CONFINED,    /* init -> runtime: fds = {listener} */
    CELL_FIND,        /* runtime -> init; answered by the same, whose error's code says if the program is there */
    CELL_EXECUTE,     /* runtime -> init; answered by end of file, or a message whose error says why not */
};

struct cell_message {
    uint32_t step;
    int64_t boottime_offset_ns;
    int has_console, has_start;
    struct error error;
};

/* What a process of the cell needs to know; borrowed until it ends. */
struct cell_plan {
    const struct oci_process *process;
    const struct config_seccomp *seccomp; /* the config's filter; NULL: none */
    const struct oci_personality *personality; /* NULL: as it is */
    const struct oci_linux *host; /* namespaces to join by path, sysctls; NULL if it joins */
    const char *hostname;
    const char *program;          /* the name to execute by; NULL: the first argument */
    unsigned int own_streams; /* bits 0 to 2: not connected to the terminal */
    bool hold_signals; /* the program starts with all of them blocked */
    int preserve_fds; /* this many descriptors from 3 on stay open (LISTEN_FDS, --preserve-fds) */
    bool joins;       /* the namespaces are there already: postern exec */
};

const char *cell_plan_program(const struct cell_plan *plan);

/* Keeps the plan; before the fork, so that it can be prepared in peace. */
void cell_init_prepare(const struct cell_plan *plan);

/* To be inherited by the process; before the user namespace is joined, in which /proc/self is no longer ours to write. */
void cell_init_set_oom_score(void);

/* The life of a process of the cell; ends in its program or in _exit. socket is owned; joined: what is not the cell's own. */
void cell_init_run(int socket, int64_t boottime_offset_ns, const struct joined *joined) __attribute__((noreturn));

#endif
