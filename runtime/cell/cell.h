/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cell: the namespaces a guest lives in and its first process, up to the moment it executes the container's program. Until then that
 * process is postern-cell (cell/), which is told what to do by a file in memory and, step by step, over a socket.
 *
 *   cell_spawn    clones the container's init, nested in the sandbox's pid namespace and a child of the caller; it makes its
 *                 namespaces' filesystems and waits
 *   cell_confine  it enters the empty root, gives everything up, installs the filter; its listener comes back
 *   cell_find     it looks its program up; the sentry has to serve it by then
 *   cell_execute  it executes the program; returns when that has been done
 */
#ifndef RUNTIME_CELL_CELL_H
#define RUNTIME_CELL_CELL_H

#include <stdint.h>
#include <sys/types.h>

#include "runtime/cell/cell_boot.h"

struct error;

struct cell {
    pid_t pid;        /* as the caller's pid namespace knows it */
    pid_t outer_pid;  /* as the sandbox's pid namespace knows it */
    int pidfd;        /* these three owned by the caller */
    int socket;
    int procfs;       /* of the guest's pid namespace */
    char hostname[65];          /* of a uts namespace that was joined; else "" */
    int64_t boottime_offset_ns; /* what was added to the guest's CLOCK_BOOTTIME */
};

int cell_spawn(int sentry_pidfd, const struct cell_plan *plan, struct cell *ret_cell, struct error *error);

/* The same for a process that joins a running cell: `init` is a pidfd of its first process. procfs stays -1. */
int cell_join(int init, const struct cell_plan *plan, struct cell *ret_cell, struct error *error);

/* console: slave of the container's terminal; start: listening socket by which it is started later, instead of over
 * cell->socket. Both borrowed, or -1. *ret_listener is owned by the caller. */
int cell_confine(const struct cell *cell, int console, int start, int *ret_listener, struct error *error);

/* On failure, which is the process's end, the error's code is that of the look-up. program is argv[0], for the words. */
int cell_find(const struct cell *cell, const char *program, struct error *error);

/* Executes the program, over cell->socket or a connection to the start socket. A file that turns out to be no program is the
 * process's to report, on its standard error, as with runc: it ends with status 1. */
int cell_execute(int socket, struct error *error);

#endif
