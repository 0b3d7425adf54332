/* SPDX-License-Identifier: Apache-2.0 */
/* The namespaces a container does not get for itself, the network's, ipc and uts: of linux.namespaces those named by a path, and the
 * caller's where none of the type is asked for. */
#ifndef RUNTIME_NAMESPACES_H
#define RUNTIME_NAMESPACES_H

#include <stdbool.h>

struct error;
struct oci_linux;

struct joined {
    unsigned int flags; /* CLONE_NEW* of those joined or shared */
    char hostname[65];  /* of a uts namespace among them; else "" */
};

/* Joins those with a path, in a process that is the host's root, and prepares what they need. The host's own are taken as they are.
 * 0 or -errno. */
int namespaces_join(const struct oci_linux *config, struct joined *ret_joined, struct error *error);

#endif
