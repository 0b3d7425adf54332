/* SPDX-License-Identifier: Apache-2.0 */
/* What `postern exec` is to run: the container's process as config.json has it, changed by options, or a process.json. */
#ifndef RUNTIME_COMMANDS_EXEC_PROCESS_H
#define RUNTIME_COMMANDS_EXEC_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

struct error;
struct oci_config;

enum { EXEC_LIST_MAX = 256 };

struct exec_list {
    char *items[EXEC_LIST_MAX];
    size_t count;
};

struct exec_options {
    const char *id, *process, *cwd, *user, *pid_file, *console_socket, *pidfd_socket;
    struct exec_list env, caps, groups, cgroups;
    char **args; /* NULL-terminated */
    size_t arg_count;
    bool tty, detach, no_new_privs, ignore_paused, help;
    int preserve_fds;
};

/* `folder` is the container's state folder: what the options leave open is as its configuration has it. *ret_config owns everything
 * in its process, but for what the options own. 0 or -errno. */
int exec_process_load(int folder, const struct exec_options *options, struct oci_config **ret_config, struct error *error);

#endif
