/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One sandbox: starts sentry, gofer and the cell's first process in the order docs/architecture.md gives, and takes
 * them down again. Whatever step fails, everything started before is gone when sandbox_start returns.
 */
#ifndef RUNTIME_SANDBOX_H
#define RUNTIME_SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

struct error;
struct oci_config;

struct sandbox_options {
    const char *id;
    const char *bundle; /* folder of config.json, absolute */
    const struct oci_config *config;
    uid_t sentry_uid, gofer_uid, guest_uid; /* host ids nothing else uses; gids are the same numbers */
    int trace_fd;                           /* borrowed; -1: no trace */
    bool detached_console;                  /* the pty master goes to a console socket: do not size it from ours */
};

struct sandbox {
    pid_t sentry, gofer, init; /* as the caller's pid namespace knows them; children of the caller */
    int sentry_pidfd, init_pidfd;
    int control;        /* seqpacket from the sentry: struct control_message (postern/boot.h) */
    int console_master; /* -1 unless process.terminal */
};

/* Returns 0 once the container's program has been executed. If it cannot be executed the error's code is what execve said
 * (ENOENT: not found in $PATH, EACCES, ENOEXEC, ...) and the text reads as runc's does. */
int sandbox_start(const struct sandbox_options *options, struct sandbox *ret_sandbox, struct error *error);

/* Kills and reaps everything that is left and closes the descriptors. Safe on a zeroed or half-dead sandbox. */
void sandbox_destroy(struct sandbox *sandbox);

#endif
