/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Newcomers: processes in the guest's pid namespace that run Postern's code still (cell/), before their first exec. For the guest they
 * do not exist: no look-up by a guest's id finds one (process.h), and nothing of theirs is in /proc.
 *
 * What the guest asks of the host kernel itself knows no such difference. So while there may be newcomers, what would reach processes
 * without our naming each (a signal to all, to a group, or by one who may signal anybody) is not left to the host.
 */
#ifndef SENTRY_KERNEL_NEWCOMERS_H
#define SENTRY_KERNEL_NEWCOMERS_H

#include <stdbool.h>
#include <sys/types.h>

struct process_table;

/* Has a newcomer this guest-visible process or thread id? Also one that we have not heard of yet. From any thread. */
bool newcomer_has_id(struct process_table *table, pid_t vtid);

/* Whether there may be any. */
bool newcomers_present(const struct process_table *table);

/* The runtime is about to send one, and has done so, or not: each announcement is withdrawn once. One that is not withdrawn counts for
 * nothing after a while. */
void newcomers_announce(struct process_table *table);
void newcomers_withdraw(struct process_table *table);

#endif
