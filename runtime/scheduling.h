/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the host schedules a container's processes, on processors and disks: process.scheduler, process.ioPriority and
 * process.execCPUAffinity. Set from outside, by the runtime, because a guest's process has not the right to any of it; the
 * guest reads it back natively (sched_getattr, ioprio_get).
 */
#ifndef RUNTIME_SCHEDULING_H
#define RUNTIME_SCHEDULING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "postern/schedule.h"

struct error;
struct oci_process;

/* For a process that has one thread and has not begun. Sentry and gofer get it too, so that work they do for the guest has
 * the guest's rank; but a deadline, which is a reservation of one process, only the guest's (is_guest). */
int scheduling_set(const struct oci_process *process, pid_t pid, bool is_guest, struct error *error);

/* The RLIMIT_NICE by which the sentry can raise the guest's threads of low rank itself (sentry/kernel/rank.h). */
uint64_t scheduling_nice_limit(const struct oci_process *process);

/* What the gofer is left CAP_SYS_NICE for, if we have it on the machine itself: what the container may do that has it too, or else to
 * raise threads where we may not set that limit. */
enum ranks scheduling_gofer_ranks(const struct oci_process *process, bool own_users);

/* The processors of a process of exec, before and after it joins its cgroup (which changes them). */
int scheduling_set_initial_cpus(const struct oci_process *process, pid_t pid, struct error *error);
int scheduling_set_final_cpus(const struct oci_process *process, pid_t pid, struct error *error);

#endif
