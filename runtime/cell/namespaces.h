/* SPDX-License-Identifier: Apache-2.0 */
/* The namespaces a container need not get for itself, the network's, ipc and uts: of linux.namespaces those named by a path are
 * joined, and the caller's stays where none of the type is asked for. */
#ifndef RUNTIME_CELL_NAMESPACES_H
#define RUNTIME_CELL_NAMESPACES_H

#include <stdbool.h>
#include <sys/types.h>

struct error;
struct oci_linux;

struct joined {
    unsigned int flags; /* CLONE_NEW* of those joined or shared */
    char hostname[65];  /* of a uts namespace among them; else "" */
};

/*
 * The ipc namespace is the whole sandbox's: the sentry and the gofer make and judge in it what the guest uses. It belongs to the
 * runtime's user namespace, so that its queues can have any owner and nobody in the sandbox has a right over it.
 */
bool namespaces_ipc_shared(const struct oci_linux *config); /* it is the caller's */
bool namespaces_ipc_own(const struct oci_linux *config);    /* it is new */
/* Enters it for good: makes it, joins the one with a path, or stays. In a process that is the host's root. 0 or -errno. */
int namespaces_enter_ipc(const struct oci_linux *config, struct error *error);

/* CLONE_NEW* of those of a process that are not the caller's already: to join one's own takes rights over it, too. */
unsigned int namespaces_different(pid_t pid);

/* Joins the others with a path, in a process that is the host's root, and prepares what they need. The host's own are taken as they
 * are. 0 or -errno. */
int namespaces_join(const struct oci_linux *config, struct joined *ret_joined, struct error *error);

#endif
