/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cell: the namespaces a guest lives in and its first process, up to the moment it executes the container's program.
 *
 *   cell_spawn    clones the container's init, nested in the sandbox's pid namespace and a child of the caller; it makes its
 *                 namespaces' filesystems and waits
 *   cell_confine  it enters the empty root, gives everything up, installs the filter; its listener comes back
 *   cell_execute  it executes the program; returns when that has worked or failed
 */
#ifndef RUNTIME_CELL_H
#define RUNTIME_CELL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct error;
struct oci_config;

struct cell {
    pid_t pid;        /* as the caller's pid namespace knows it */
    pid_t outer_pid;  /* as the sandbox's pid namespace knows it */
    int pidfd;        /* these three owned by the caller */
    int socket;
    int procfs;       /* of the guest's pid namespace */
    int mqueue;       /* of the guest's ipc namespace; -1 where the host has none */
    int64_t boottime_offset_ns; /* what was subtracted from CLOCK_BOOTTIME and CLOCK_MONOTONIC */
};

int cell_spawn(int sentry_pidfd, const struct oci_config *config, struct cell *ret_cell, struct error *error);

/* console: slave of the container's terminal (borrowed), or -1. *ret_listener is owned by the caller. */
int cell_confine(const struct cell *cell, int console, int *ret_listener, struct error *error);

/* On failure the error's code is execve's errno. */
int cell_execute(const struct cell *cell, const struct oci_config *config, struct error *error);

#endif
