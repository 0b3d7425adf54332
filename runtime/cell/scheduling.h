/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the host schedules a container's processes, on processors and disks: process.scheduler, process.ioPriority and
 * process.execCPUAffinity. Set from outside, by the runtime, because a guest's process has not the right to any of it; the
 * guest reads it back natively (sched_getattr, ioprio_get).
 */
#ifndef RUNTIME_CELL_SCHEDULING_H
#define RUNTIME_CELL_SCHEDULING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct error;
struct oci_process;

/* For a process that has one thread and has not begun. Sentry and gofer get it too, so that work they do for the guest has
 * the guest's rank; but a deadline, which is a reservation of one process, only the guest's (is_guest). */
int scheduling_set(const struct oci_process *process, pid_t pid, bool is_guest, struct error *error);

/* To whichever processors the caller of the runtime was bound: a container has those of its cgroup, as with runc since 1.2. */
void scheduling_reset_cpus(pid_t pid);

/* Is the container to have what CAP_SYS_NICE is good for? It has to have been granted that, and we must have it, on the machine itself. */
bool scheduling_grants(const struct oci_process *process, bool own_users);

/* The processors of a process of exec, before and after it joins its cgroup (which changes them). */
int scheduling_set_initial_cpus(const struct oci_process *process, pid_t pid, struct error *error);
int scheduling_set_final_cpus(const struct oci_process *process, pid_t pid, struct error *error);

#endif
