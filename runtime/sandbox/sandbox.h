/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One sandbox: starts sentry, gofer and the cell's first process in the order docs/architecture.md gives, and takes
 * them down again. Whatever step fails, everything started before is gone when sandbox_start returns.
 */
#ifndef RUNTIME_SANDBOX_SANDBOX_H
#define RUNTIME_SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

struct error;
struct ids;
struct oci_config;
struct user_namespace;

struct sandbox;

/* Its processes, by what they are for. */
enum sandbox_part { SANDBOX_SENTRY, SANDBOX_GOFER, SANDBOX_INIT };

struct sandbox_options {
    const char *id;
    const char *bundle_path;
    int bundle; /* that folder, of config.json */
    const struct oci_config *config;
    const struct ids *ids;
    const struct user_namespace *users; /* the container's */
    int trace_fd;                       /* all descriptors are borrowed; -1: no trace */
    bool detached_console;                  /* the pty master goes to a console socket: our own terminal's size means nothing to it */
    int start_socket;   /* listening; by which the program is started later, or -1: by sandbox_execute */
    int control_socket; /* listening; by which later commands reach the sentry, or -1 */
    int reason;         /* file for the sentry's last words when nobody waits for it, or -1 */
    bool quiet;         /* sentry and gofer let go of our standard error */
    int locks[2];       /* kept by the sentry as long as the container lives, or -1 */
    int preserve_fds;   /* descriptors 3 and up that the program gets */
    unsigned int own_streams; /* bits 0 to 2: standard streams that are not connected to the terminal there is */
    bool hold_signals;  /* the program starts with all signals blocked */
    /* Called with each process's pid as soon as it exists and before it does anything (cgroups). May be NULL. */
    int (*joined)(void *data, enum sandbox_part part, pid_t pid, struct error *error);
    /* Called when the container's namespaces exist and its mounts are made, before its root is changed (hooks). May be NULL. */
    int (*made)(void *data, const struct sandbox *sandbox, struct error *error);
    /* Called before its processes are killed because a step failed (what is frozen does not die). May be NULL. */
    void (*failed)(void *data);
    void *data;
};

struct sandbox {
    pid_t sentry, gofer, init; /* as the caller's pid namespace knows them; children of the caller */
    int sentry_pidfd, init_pidfd;
    int control;        /* seqpacket from the sentry: struct control_message (postern/boot.h) */
    int console_master; /* -1 unless process.terminal */
    int cell_socket;    /* to the container's init until it executes its program */
};

/* Makes all of it, up to the moment before the program is executed. If the program is not there the error's code is that of its
 * look-up (ENOENT: not found in $PATH, EACCES, ...) and the text reads as runc's does. */
int sandbox_create(const struct sandbox_options *options, struct sandbox *ret_sandbox, struct error *error);

/* Executes the program of a sandbox made without a start socket. */
int sandbox_execute(struct sandbox *sandbox, struct error *error);

/* Lets go of a created sandbox: it lives on without us. */
int sandbox_detach(struct sandbox *sandbox, struct error *error);

/* Kills and reaps everything that is left and closes the descriptors. Safe on a zeroed or half-dead sandbox. */
void sandbox_destroy(struct sandbox *sandbox);

#endif
