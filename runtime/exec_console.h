/* SPDX-License-Identifier: Apache-2.0 */
/* A new terminal in a running container's devpts. */
#ifndef RUNTIME_EXEC_CONSOLE_H
#define RUNTIME_EXEC_CONSOLE_H

struct error;

/* gofer: pidfd of the container's gofer, in whose mount namespace /dev/pts is. Both results owned. 0 or -errno. */
int exec_console_open(int gofer, int *ret_master, int *ret_slave, struct error *error);

#endif
