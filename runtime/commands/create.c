/* SPDX-License-Identifier: Apache-2.0 */
/* postern create: a container whose program waits for `postern start`. */
#include <stdio.h>
#include <stdlib.h>

#include "postern/error.h"
#include "runtime/base/limits.h"
#include "runtime/base/log.h"
#include "runtime/base/numbers.h"
#include "runtime/base/options.h"
#include "runtime/base/signals.h"
#include "runtime/commands/command.h"
#include "runtime/lifecycle/creation.h"
#include "runtime/state/state_dir.h"

enum { OPTION_PID_FILE = 256, OPTION_CONSOLE_SOCKET, OPTION_PIDFD_SOCKET, OPTION_PRESERVE_FDS, OPTION_NO_OP };

static const struct option create_table[] = {
    {"bundle", required_argument, NULL, 'b'},
    {"config", required_argument, NULL, 'f'},
    {"pid-file", required_argument, NULL, OPTION_PID_FILE},
    {"console-socket", required_argument, NULL, OPTION_CONSOLE_SOCKET},
    {"pidfd-socket", required_argument, NULL, OPTION_PIDFD_SOCKET},
    {"preserve-fds", required_argument, NULL, OPTION_PRESERVE_FDS},
    {"no-pivot", no_argument, NULL, OPTION_NO_OP}, /* runc's; we pivot in any case, in a namespace of our own */
    {"no-new-keyring", no_argument, NULL, OPTION_NO_OP},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static int print_help(void)
{
    printf("Usage: postern create [OPTION]... ID\n"
           "Make a container of an OCI bundle; its program waits for postern start.\n\n"
           "  -b, --bundle DIR         the bundle (default: the current folder)\n"
           "  -f, --config FILE        instead of its config.json\n"
           "      --pid-file FILE      write the pid of the container's init to FILE\n"
           "      --console-socket S   send the terminal to Unix socket S\n"
           "      --pidfd-socket S     send a pidfd of the container's init to Unix socket S\n"
           "      --preserve-fds N     give the program descriptors 3 to N+2\n"
           "  -h, --help               this text\n");
    return EXIT_SUCCESS;
}

static int apply_option(struct creation_options *options, int option, char **argv, struct error *error)
{
    switch (option) {
    case 'b':
        options->bundle = optarg;
        return 0;
    case 'f':
        options->config_file = optarg;
        return 0;
    case OPTION_PID_FILE:
        options->pid_file = optarg;
        return 0;
    case OPTION_CONSOLE_SOCKET:
        options->console_socket = optarg;
        return 0;
    case OPTION_PIDFD_SOCKET:
        options->pidfd_socket = optarg;
        return 0;
    case OPTION_PRESERVE_FDS:
        return number_parse(optarg, "--preserve-fds", PRESERVE_FDS_MAX, &options->preserve_fds, error);
    case OPTION_NO_OP:
        return 0;
    default:
        return option_error(option, argv, error);
    }
}

static int parse_options(int argc, char **argv, struct creation_options *options, bool *ret_help, struct error *error)
{
    int option;
    option_start();
    while ((option = option_next(argc, argv, ":b:f:h", create_table)) != -1) {
        if (option == 'h') {
            *ret_help = true;
            return 0;
        }
        int result = apply_option(options, option, argv, error);
        if (result < 0)
            return result;
    }
    int result = arguments_check(argc, argv, 1, 1, error);
    if (result < 0)
        return result;
    options->id = argv[optind];
    return state_id_check(options->id, error);
}

int command_create(int argc, char **argv)
{
    struct creation_options options = {.bundle = ".", .trace = -1, .gated = true};
    struct signals signals = SIGNALS_NONE;
    struct creation creation;
    struct error error = {0};
    bool help = false;
    int result = parse_options(argc, argv, &options, &help, &error);
    if (result == 0 && help)
        return print_help();
    if (result == 0)
        result = limits_check(&error);
    if (result == 0)
        result = signals_open(&signals, &error);
    if (result == 0)
        result = creation_make(&options, &creation, &error);
    if (result == 0 && (result = creation_leave(&creation, &error)) < 0)
        creation_undo(&creation);
    signals_close(&signals);
    if (result < 0)
        log_message(LOG_LEVEL_ERROR, "%s", error.text);
    return result < 0 ? EXIT_USAGE : EXIT_SUCCESS;
}
