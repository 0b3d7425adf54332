/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "postern/error.h"
#include "postern/version.h"
#include "runtime/base/await.h"
#include "runtime/base/limits.h"
#include "runtime/base/log.h"
#include "runtime/base/options.h"
#include "runtime/base/signals.h"
#include "runtime/commands/command.h"
#include "runtime/state/state_dir.h"

static int command_help(int argc, char **argv);

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"do", command_do, "run a command in a throw-away sandbox over this machine's files"},
    {"run", command_run, "run the program of a bundle in a sandbox and wait for it"},
    {"create", command_create, "make a container; its program waits for start"},
    {"start", command_start, "let the program of a created container run"},
    {"exec", command_exec, "run one more process in a running container"},
    {"kill", command_kill, "send a signal to a container"},
    {"delete", command_delete, "remove what is left of a container"},
    {"state", command_state, "print the state of a container"},
    {"list", command_list, "list the containers"},
    {"ps", command_ps, "show the processes of a container"},
    {"pause", command_pause, "suspend all processes of a container"},
    {"resume", command_resume, "let the processes of a paused container go on"},
    {"update", command_update, "change the limits of a container"},
    {"events", command_events, "print what a container uses, and that it ran out of memory"},
    {"spec", command_spec, "write a default config.json"},
    {"features", command_features, "print what this runtime can do"},
    {"install", command_install, "make postern one of Docker's runtimes"},
    {"uninstall", command_uninstall, "take it out again"},
    {"checkpoint", command_checkpoint, "not supported"},
    {"restore", command_restore, "not supported"},
    {"routes", command_routes, "show which system call goes which way"},
    {"version", command_version, "print the versions"},
    {"help", command_help, "print this text, or a command's"},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static int print_help(void)
{
    printf("Usage: postern [OPTION]... COMMAND [ARGUMENT]...\n"
           "Run OCI containers without showing them the host kernel.\n\nCommands:\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        printf("  %-10s %s\n", commands[i].name, commands[i].summary);
    printf("\nOptions:\n"
           "  --root DIR              folder for the states of containers (default /run/postern;\n                          without root $XDG_RUNTIME_DIR/postern)\n"
           "  --log FILE              write messages to FILE as well\n"
           "  --log-format text|json  how FILE is written (default text)\n"
           "  --log-level LEVEL       debug, info, warn or error: debug is as --debug (default warn)\n"
           "  --debug                 say more\n"
           "  --systemd-cgroup        cgroups are made by systemd; cgroupsPath is SLICE:PREFIX:NAME\n"
           "  --id-range BASE:COUNT   host user ids for sandboxes (default 1900000000:60000)\n"
           "  --timeout SECONDS       how long to wait for a part of a container that does not answer (default 60)\n"
           "  --rootless VALUE, --criu PATH   taken and ignored, for engines that give them to any runtime\n"
           "  -h, --help              this text; postern COMMAND --help for a command's\n"
           "  -v, --version           versions of postern, the specification and libseccomp\n");
    return EXIT_SUCCESS;
}

/* A program started with 0, 1 or 2 closed would get its own sockets there, and the guest would inherit them. */
static int ensure_standard_fds(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR); /* not close-on-exec: they are standard streams */
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd < 0)
        return -errno;
    (void)close(fd);
    return 0;
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* postern help: this program's, or a command's, which is what the command says to --help. */
static int command_help(int argc, char **argv)
{
    static char option[] = "--help";
    const char *word = argc > 1 ? argv[1] : argv[0];
    const struct command *command = find_command(word);
    if (strcmp(word, option) == 0 || strcmp(word, "-h") == 0 || (argc <= 2 && command != NULL && command->run == command_help))
        return print_help();
    if (command == NULL || argc > 2) {
        log_message(LOG_LEVEL_ERROR, "No help topic for '%.40s'; postern --help lists the commands", command == NULL ? word : argv[argc - 1]);
        return EXIT_USAGE;
    }
    char *words[] = {argv[1], option, NULL};
    return command->run(2, words);
}

static int dispatch(int argc, char **argv)
{
    const struct command *command = find_command(argv[0]);
    if (command != NULL)
        return command->run(argc, argv);
    log_message(LOG_LEVEL_ERROR, "unknown command \"%.40s\"; postern --help lists the commands", argv[0]);
    return EXIT_USAGE;
}

/* What could not be printed was not done. */
static int printed(int status)
{
    if (status != EXIT_SUCCESS || (fflush(stdout) == 0 && ferror(stdout) == 0))
        return status;
    log_message(LOG_LEVEL_ERROR, "cannot print: %s", strerror(errno));
    return EXIT_USAGE;
}

/* It stays non-blocking: a reader of a FIFO who does not read loses lines, and holds nobody up. */
static int open_log(const struct global_options *options, struct error *error)
{
    log_to(-1, options->log_json, options->debug);
    if (options->log == NULL)
        return 0;
    int file = await_opened(options->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
    if (file < 0)
        return error_set(error, file, "cannot open the log %s", options->log);
    log_to(file, options->log_json, options->debug);
    return 0;
}

int main(int argc, char **argv)
{
    struct global_options options;
    struct error error = {0};
    int index;
    limits_lift();
    if (ensure_standard_fds() < 0) {
        log_message(LOG_LEVEL_ERROR, "cannot open /dev/null: %s", strerror(errno));
        return EXIT_USAGE;
    }
    int status = options_parse_global(argc, argv, state_root_default(), &options, &index, &error);
    if (status == 0)
        await_set_limit(options.timeout);
    if (status < 0 || open_log(&options, &error) < 0) {
        log_message(LOG_LEVEL_ERROR, "%s", error.text);
        return EXIT_USAGE;
    }

    options_keep(&options);
    log_message(LOG_LEVEL_DEBUG, "postern %s: %.40s", POSTERN_VERSION, index < argc ? argv[index] : "");
    if (options.version)
        return printed(version_print());
    if (options.help)
        return printed(print_help());
    if (index >= argc) {
        log_message(LOG_LEVEL_ERROR, "no command given; postern --help lists the commands");
        return EXIT_USAGE;
    }
    return signals_end(printed(dispatch(argc - index, argv + index)));
}
