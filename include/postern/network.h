/* SPDX-License-Identifier: Apache-2.0 */
/* What the network namespace of a container needs, in a process that is in it and has rights over it. */
#ifndef POSTERN_NETWORK_H
#define POSTERN_NETWORK_H

struct error;

/* Raises the loopback interface of the caller's network namespace. */
int network_raise_loopback(struct error *error);

/* Lets the kernel refuse no low port and no ping of the guest's there: the sentry decides. procfs: a folder. range: the groups
 * (in the caller's user namespace) that may ping. */
void network_relax(int procfs, const char *range);

/* Writes a file below an open /proc/sys, never through a link. 0 or -errno. */
int proc_sys_write(int folder, const char *path, const char *value);

#endif
