/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.seccomp: the engine's own filter, on top of the routes. The kernel runs both and takes the stricter answer, so it can
 * only take away. It is loaded last, by the process itself, right before its program: nothing of what makes a container has to be
 * allowed in it, but what the stub needs for every execve.
 */
#ifndef RUNTIME_CELL_CONFIG_SECCOMP_H
#define RUNTIME_CELL_CONFIG_SECCOMP_H

#include <linux/filter.h>

struct error;
struct oci_seccomp;

struct config_seccomp {
    struct sock_fprog program; /* filter NULL: there is none */
    unsigned int flags;        /* for seccomp(2) */
};

/* Takes NULL. What cannot be enforced is refused by name; names of calls this machine does not know are left out. */
int config_seccomp_build(const struct oci_seccomp *config, struct config_seccomp *ret_seccomp, struct error *error);
void config_seccomp_release(struct config_seccomp *seccomp);

/* 0 or -errno. */
int config_seccomp_load(const struct config_seccomp *seccomp);

#endif
