/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands of postern: each is a file of its own with one function; the table of them is in main.c. And what they share. */
#ifndef RUNTIME_COMMANDS_COMMAND_H
#define RUNTIME_COMMANDS_COMMAND_H

#include <stdbool.h>

#include "runtime/base/exit_status.h"

struct error;
struct target;

/* argv[0] is the command's name. Returns the exit status; has said on stderr what went wrong. */
int command_checkpoint(int argc, char **argv);
int command_create(int argc, char **argv);
int command_delete(int argc, char **argv);
int command_do(int argc, char **argv);
int command_events(int argc, char **argv);
int command_exec(int argc, char **argv);
int command_features(int argc, char **argv);
int command_install(int argc, char **argv);
int command_uninstall(int argc, char **argv);
int command_kill(int argc, char **argv);
int command_list(int argc, char **argv);
int command_pause(int argc, char **argv);
int command_ps(int argc, char **argv);
int command_restore(int argc, char **argv);
int command_resume(int argc, char **argv);
int command_routes(int argc, char **argv);
int command_run(int argc, char **argv);
int command_spec(int argc, char **argv);
int command_start(int argc, char **argv);
int command_state(int argc, char **argv);
int command_update(int argc, char **argv);
int command_version(int argc, char **argv);

/* What --version prints. */
int version_print(void);

/* Whether the words after the options are as many as wanted; refuses in runc's words. */
int arguments_check(int argc, char **argv, int least, int most, struct error *error);

/* A command whose only argument is ID and whose only option is --help. */
struct simple_command {
    const char *help;
    bool locked;
    int (*act)(struct target *target, struct error *error);
};

/* Returns the exit status. */
int simple_command_run(int argc, char **argv, const struct simple_command *command);

/* Says what is in *error, if anything. Returns the exit status. */
int command_end(const struct error *error);

#endif
