/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands of postern: each is a file of its own with one function; the table of them is in main.c. */
#ifndef RUNTIME_COMMANDS_COMMAND_H
#define RUNTIME_COMMANDS_COMMAND_H

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

/* Exit statuses that do not come from the container's program. */
enum {
    EXIT_USAGE = 1,            /* also: the container could not be set up */
    EXIT_TIMED_OUT = 124,      /* postern do ended its command when the time was up */
    EXIT_SANDBOX_DIED = 125,   /* sentry or gofer failed while the program ran */
    EXIT_NOT_EXECUTABLE = 126, /* the program was found, but cannot be executed */
    EXIT_EXEC_FAILED = 255,    /* postern exec could not run its process, as runc says it */
    EXIT_NOT_FOUND = 127,      /* the program was not found */
};

#endif
