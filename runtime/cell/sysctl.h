/* SPDX-License-Identifier: Apache-2.0 */
/* linux.sysctl: only what belongs to a namespace of the container's is written, and only there. */
#ifndef RUNTIME_CELL_SYSCTL_H
#define RUNTIME_CELL_SYSCTL_H

struct error;
struct oci_pairs;

enum sysctl_scope {
    SYSCTL_NET = 1,      /* the network namespace's */
    SYSCTL_IPC = 2,      /* the ipc namespace's */
    SYSCTL_UTS = 4,      /* the uts namespace's, which is the sentry's answer: never written */
    SYSCTL_EMULATED = 8, /* the sentry decides in the kernel's place: never written */
};

/* Refuses, by name, what belongs to the host. 0 or -errno. */
int sysctl_check(const struct oci_pairs *sysctls, struct error *error);

/* The value of kernel.domainname, or NULL. */
const char *sysctl_domainname(const struct oci_pairs *sysctls);

/* Which scopes they have: a set of enum sysctl_scope. They have been checked. */
unsigned int sysctl_scopes(const struct oci_pairs *sysctls);

/* Where one of the given scopes is below /proc/sys. -ENOENT if it is not of them. */
enum { SYSCTL_PATH_MAX = 256 };
int sysctl_place(const char *name, unsigned int scopes, char path[SYSCTL_PATH_MAX]);

/* Writes those of the given scopes (of SYSCTL_NET and SYSCTL_IPC) below /proc/sys of a procfs (a folder), in the caller's namespaces. 0 or -errno. */
int sysctl_write(int procfs, const struct oci_pairs *sysctls, unsigned int scopes, struct error *error);

#endif
