/* SPDX-License-Identifier: Apache-2.0 */
/* What postern-cell is told (postern/cell.h), from what the runtime knows. */
#ifndef RUNTIME_CELL_CELL_BOOT_H
#define RUNTIME_CELL_CELL_BOOT_H

#include <stdbool.h>

struct config_seccomp;
struct error;
struct joined;
struct oci_linux;
struct oci_personality;
struct oci_process;

/* What a process of the cell needs to know; borrowed. */
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

/* Writes it into a sealed memory file. joined: of namespaces_join; join_flags, clone_flags: CLONE_NEW* of what is joined by
 * CELL_FD_NAMESPACES, and of what is made. 0 or -errno. */
int cell_boot_write(const struct cell_plan *plan, const struct joined *joined, unsigned int join_flags, unsigned int clone_flags,
                    int *ret_fd, struct error *error);

#endif
