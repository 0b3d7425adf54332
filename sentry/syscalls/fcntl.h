/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SENTRY_SYSCALLS_FCNTL_H
#define SENTRY_SYSCALLS_FCNTL_H

struct call;

/* May the caller have the signals of a descriptor sent to this process, or if it is negative to this group? 0 or -EPERM; whether there is
 * one is the kernel's to say. */
int file_owner_check(struct call *call, int owner);
/* Nobody is to have them; fd is our copy. 0 or -errno. */
int file_owner_clear(int fd);

#endif
