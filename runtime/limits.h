/* SPDX-License-Identifier: Apache-2.0 */
/* Our caller's resource limits: meant for the program it runs, not for what we run it with. */
#ifndef RUNTIME_LIMITS_H
#define RUNTIME_LIMITS_H

struct error;

/* Notes the limits found and lifts those that could stop us, sentry or gofer half way, as far as we may. Once, before anything else:
 * whoever is started inherits them. */
void limits_lift(void);

/* The limits found, again: for the container's processes and hooks, which are given what runc would give them. Those that cannot be
 * lowered stay. */
void limits_restore(void);

/* Whether what is left is enough to make a container. */
int limits_check(struct error *error);

#endif
