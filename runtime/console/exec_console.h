/* SPDX-License-Identifier: Apache-2.0 */
/* A new terminal in a running container's devpts. */
#ifndef RUNTIME_CONSOLE_EXEC_CONSOLE_H
#define RUNTIME_CONSOLE_EXEC_CONSOLE_H

#include <sys/types.h>

struct error;

/* gofer: the container's, in whose mount namespace /dev/pts is, by a pidfd and as our pid namespace numbers it. uid: who shall own
 * the terminal, as the container numbers him. Both results owned. 0 or -errno. */
int exec_console_open(int gofer, pid_t gofer_pid, uid_t uid, int *ret_master, int *ret_slave, struct error *error);

#endif
