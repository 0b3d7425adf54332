/* SPDX-License-Identifier: Apache-2.0 */
/* The resource limits (ulimit) whoever called us has left us. */
#ifndef RUNTIME_BASE_LIMITS_H
#define RUNTIME_BASE_LIMITS_H

#include <stdbool.h>
#include <sys/resource.h>

struct error;
struct oci_process;

/* Notes the limits found and lifts those that could stop us, sentry or gofer half way, as far as we may. Once, before anything else:
 * whoever is started inherits them. */
void limits_lift(void);

/* The limits found, again: for hooks. Those that cannot be lowered stay. */
void limits_restore(void);

/* One of them; false for the one that carries our stamp, which is no caller's business. */
bool limits_callers(int resource, struct rlimit *ret_limit);

/* RLIMIT_LOCKS of what enters a sandbox is without bounds until the sentry stamps it: another number would be another process's. */
int limits_clear_stamp(struct error *error);

/* For a process of ours that goes on: no higher ranks than the caller could give itself, which were lifted along with the others. */
void limits_give_up_ranks(void);

/* Of a container's process: the configuration's, or else the caller's. *ret_entry: of process.rlimits, or -1. */
struct rlimit limits_shown(const struct oci_process *process, int resource, int *ret_entry);

/* The same as the host is to have it, which is higher where the sentry keeps it (postern/limits.h). False: the host's stays as it is. */
bool limits_native(const struct oci_process *process, int resource, struct rlimit *ret_limit, int *ret_entry);

/* Whether what is left is enough to make a container. */
int limits_check(struct error *error);

#endif
