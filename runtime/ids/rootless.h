/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Postern without root. Whoever may not make namespaces becomes root of a user namespace of his own, as the one command that
 * runs, and all goes on from there as for root: the container's mounts, its sandbox, its ids are made in it. With newuidmap(1)
 * and lines in /etc/subuid it has more ids than the caller's one.
 */
#ifndef RUNTIME_IDS_ROOTLESS_H
#define RUNTIME_IDS_ROOTLESS_H

#include <stdbool.h>

struct error;
struct oci_linux;

/* Is CAP_SYS_ADMIN missing? */
bool rootless_needed(void);

/* Enters a new user namespace and a mount namespace in it. Its ids are those config.json asks for, whose mappings are thereby done
 * with and taken out of config; if it asks for none, root is the caller, and his subordinate ids are the ones from 1 on. */
int rootless_enter(struct oci_linux *config, struct error *error);

#endif
