/* SPDX-License-Identifier: Apache-2.0 */
/* Our caller's resource limits: meant for the program it runs, not for what we run it with. */
#ifndef RUNTIME_LIMITS_H
#define RUNTIME_LIMITS_H

#include <stdbool.h>

struct error;
struct rlimit;

/* Notes the limits found and lifts those that could stop us, sentry or gofer half way, as far as we may. Once, before anything else:
 * whoever is started inherits them. */
void limits_lift(void);

/* The limits found, again: for the container's processes and hooks, which are given what runc would give them. Those that cannot be
 * lowered stay. */
void limits_restore(void);

/* One of them; false for the one that carries our stamp, which is no caller's business. */
bool limits_callers(int resource, struct rlimit *ret_limit);

/* RLIMIT_LOCKS of what enters a sandbox is without bounds until the sentry stamps it: another number would be another process's. */
int limits_clear_stamp(struct error *error);

/* Whether what is left is enough to make a container. */
int limits_check(struct error *error);

#endif
