/* SPDX-License-Identifier: Apache-2.0 */
/* Our caller's resource limits: meant for the program it runs, not for what we run it with. */
#ifndef RUNTIME_LIMITS_H
#define RUNTIME_LIMITS_H

#include <sys/resource.h>

struct error;
struct oci_process;

/* Notes the limits found and lifts those that could stop us, sentry or gofer half way, as far as we may. Once, before anything else:
 * whoever is started inherits them. */
void limits_lift(void);

/* The limits found, again: for hooks. Those that cannot be lowered stay. */
void limits_restore(void);

/* What a limit was when noted: what is shown to a container's process if its configuration says nothing. */
struct rlimit limits_found(int resource);

/* The limits of a container's process, as runc would give them, or where the sentry keeps them, as the host is to have them for it
 * (postern/limits.h). By the process itself. 0 or -errno. */
int limits_set_guest(const struct oci_process *process, struct error *error);

/* For a process of ours that goes on: what it has no use for was lifted all the same. nice: the RLIMIT_NICE it keeps. */
void limits_give_up(rlim_t nice);

/* Whether what is left is enough to make a container. */
int limits_check(struct error *error);

#endif
