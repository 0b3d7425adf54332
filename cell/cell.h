/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern-cell, part by part. Two processes run it: the first enters the sandbox's namespaces and clones the second, which is to be the
 * container's (cell_live), and ends.
 */
#ifndef CELL_CELL_H
#define CELL_CELL_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "postern/error.h"

struct cell_boot;

enum { GUEST_ID = 0 /* in the sandbox's user namespace */ };

/* enter.c: joins and makes the namespaces, and clones the container's process, a child of whoever is our parent. Returns 1 in that
 * process; 0 in the caller, when the runtime has been told; or -errno. */
int cell_enter(const struct cell_boot *boot, int64_t *ret_boottime_offset_ns, struct error *error);

/* life.c: up to the program, or to the end. */
void cell_live(const struct cell_boot *boot, int64_t boottime_offset_ns) __attribute__((noreturn));

/* setup.c: what a process is given and what it gives up; the order is the caller's. All: 0 or -errno. */
void setup_signals(const struct cell_boot *boot);
int setup_filesystems(const struct cell_boot *boot, int socket, int64_t boottime_offset_ns, int *ret_procfs, struct error *error);
int setup_namespaces(const struct cell_boot *boot, int procfs, struct error *error);
int setup_terminal(const struct cell_boot *boot, int console, struct error *error);
int setup_personality(const struct cell_boot *boot, struct error *error);
int setup_descriptors(const struct cell_boot *boot, int *socket, int *start, struct error *error);
int setup_limits(const struct cell_boot *boot, struct error *error);

/* program.c. Both are done when the process is confined and served already: every call in there traps, and the sentry answers as it
 * would the program itself. */
struct program {
    const char *name;        /* by which it is looked for */
    char **arguments, **environment;
    char path[PATH_MAX];     /* found */
};

/* The words behind the boot structure, as lists. 0 or -ENOMEM. */
int program_take(const struct cell_boot *boot, struct program *ret_program);
/* The name, or the first file of that name in the PATH of the environment that may be executed. -ENOENT, -EACCES (it is a
 * folder or not executable) or what else the look-up gave. */
int program_find(struct program *program);
/* On failure it says so on the standard error, and ends the process. */
void program_execute(const struct program *program) __attribute__((noreturn));

#endif
