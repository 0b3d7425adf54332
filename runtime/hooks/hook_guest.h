/* SPDX-License-Identifier: Apache-2.0 */
/* A hook that is a process of the container: startContainer. */
#ifndef RUNTIME_HOOKS_HOOK_GUEST_H
#define RUNTIME_HOOKS_HOOK_GUEST_H

#include <stddef.h>

struct container;
struct error;
struct oci_hook;
struct oci_process;

struct hook_guest {
    int folder; /* the state folder */
    const struct container *container;
    const struct oci_process *process; /* whose user, capabilities, limits and working folder it has */
};

int hook_guest_run(const struct oci_hook *hook, const char *state, size_t size, const struct hook_guest *guest,
                   struct error *error);

#endif
