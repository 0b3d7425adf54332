/* SPDX-License-Identifier: Apache-2.0 */
/* Children of the caller in another pid namespace. */
#ifndef RUNTIME_CELL_FORK_INTO_H
#define RUNTIME_CELL_FORK_INTO_H

#include <sys/types.h>

struct error;

/*
 * fork(2), but the child is in the pid namespace of the process behind `pidfd`. The caller itself is left as it was: it
 * could go there by setns(2), but without rights over its own pid namespace it could not come back.
 * Returns the child's pid as the caller's pid namespace has it, 0 in the child, or -errno with *error set. The child's parent
 * is the caller, whom its end is told by SIGCHLD.
 */
pid_t fork_into(int pidfd, struct error *error);

#endif
