/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a container: what `create` and `run` share. Everything made on the way is held in one structure and given back in
 * one function, in the opposite order, however far it came.
 */
#ifndef RUNTIME_LIFECYCLE_CREATION_H
#define RUNTIME_LIFECYCLE_CREATION_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "runtime/ids/ids.h"
#include "runtime/ids/user_namespace.h"
#include "runtime/sandbox/sandbox.h"
#include "runtime/state/container.h"

struct error;

struct creation_options {
    const char *id, *bundle, *pid_file, *console_socket, *pidfd_socket;
    const char *config_file; /* instead of the bundle's config.json, from there on; NULL: that */
    const char *config; /* text of config.json; NULL: it is in a file */
    size_t config_size;
    unsigned int own_streams; /* bits 0 to 2: standard streams that stay what they are although there is a terminal */
    int trace;         /* borrowed; -1: none */
    int preserve_fds;
    bool hold_signals; /* the program starts with all signals blocked: it is an init, and takes them when it is ready */
    bool keep_cpus;    /* it has the processors we are bound to, and not its cgroup's */
    bool gated;        /* the program waits for `start` */
    bool foreground;   /* the container does not outlive us */
};

struct creation {
    struct creation_options options;
    struct oci_config *config;
    char *text;  /* of config.json, where it was a file */
    int bundle;  /* its folder */
    struct ids ids;
    struct user_namespace users;
    int folder; /* ROOT/ID */
    int alive;  /* its lock, which says that the container lives */
    int start_socket, control_socket, reason;
    bool without_root; /* in a user namespace: our own, or one we were started in */
    bool has_cgroup, has_sandbox;
    bool has_hooks; /* those of its end are due */
    struct container container;
    struct sandbox sandbox;
};

/* After limits_check (limits.h). Reads the bundle, then makes the container up to the moment before its program is executed. On failure nothing is left
 * and *ret_creation is untouched. */
int creation_make(const struct creation_options *options, struct creation *ret_creation, struct error *error);

/* Undoes it: the container is gone, with its state. */
void creation_undo(struct creation *creation);

/* Ends it, but leaves its state, of a stopped container, for `delete`. */
void creation_keep(struct creation *creation);

/* Lets go of it: the container lives on, and later commands find it. */
int creation_leave(struct creation *creation, struct error *error);

/* For a failed start, the status a shell would give: 127 not found, 126 not executable; else the other one. */
int creation_exit_status(const struct error *error, int other);

#endif
