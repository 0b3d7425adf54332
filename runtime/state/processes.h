/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of a container: the guest's, not the sentry and the gofer that serve it. */
#ifndef RUNTIME_STATE_PROCESSES_H
#define RUNTIME_STATE_PROCESSES_H

#include <stddef.h>
#include <sys/types.h>

struct container;

/* Ascending, as our pid namespace knows them; *ret_pids is allocated. Those that end meanwhile may still be among them. 0
 * or -errno. */
int processes_list(const struct container *container, pid_t **ret_pids, size_t *ret_count);

/* Sends a signal to each process there is, also to those that are made meanwhile: again until no new one is found. */
int processes_signal(const struct container *container, int signal);

#endif
