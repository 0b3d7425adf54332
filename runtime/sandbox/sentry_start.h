/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts the sentry, in two steps, because what it is told depends on what is started inside its pid namespace:
 *
 *   sentry_spawn   a child in new user, pid, mount, net, uts and cgroup namespaces and the container's ipc namespace (which
 *                  a helper enters), first process of the sandbox, already powerless outside; it sends a procfs of its pid
 *                  namespace and waits
 *   sentry_launch  gives it the descriptors it works with; it executes postern-sentry and says CONTROL_READY
 */
#ifndef RUNTIME_SANDBOX_SENTRY_START_H
#define RUNTIME_SANDBOX_SENTRY_START_H

#include <stdbool.h>
#include <sys/types.h>

struct error;
struct ids;
struct oci_linux;

struct sentry_start {
    pid_t pid;
    int pidfd;   /* owned by the caller, as all below */
    int control; /* our end of the control socket */
    int procfs;  /* of the outer pid namespace */
};

int sentry_spawn(const struct oci_linux *config, const struct ids *ids, int sentry_binary, struct sentry_start *ret_start,
                 struct error *error);

/* What the sentry works with, by its numbers in postern/boot.h. All borrowed; those that may be missing are -1. */
struct sentry_fds {
    int gofer, boot, inner;
    int trace, fuse, listen, reason, locks[2];
    bool quiet; /* let go of the standard error: who reads it to its end must not wait for the sandbox */
};

/* Waits for CONTROL_READY. */
int sentry_launch(const struct sentry_start *start, const struct sentry_fds *fds, struct error *error);

/* Waits for a message of one kind on the control socket; CONTROL_FATAL becomes the error. Warnings go to stderr. */
int control_expect(int control, unsigned int kind, struct error *error);

#endif
