/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GOFER_CONFINE_H
#define GOFER_CONFINE_H

#include <stdbool.h>

struct error;

/*
 * The last steps into confinement. The runtime has set ids, capabilities, namespaces and root; this checks that it did,
 * and takes the rest. Behind it the process:
 *  - can make only the calls declared beside the code that needs them (CONFINE_ALLOW);
 *  - holds the file capabilities of gofer_setup, and can never hold another;
 *  - cannot be traced or dumped by anything of its own id.
 * It may still: open whatever is below the container's root, which is what it is for.
 */
/* mapped: the ids are those of a user namespace, where the caller's own may have to do. ranks: it has been
 * left CAP_SYS_NICE, and the calls for it. */
int gofer_confine(bool mapped, bool ranks, struct error *error);

#endif
