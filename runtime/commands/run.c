/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern run: from a bundle to an exit status.
 */
#include <stdio.h>
#include <stdlib.h>

#include "postern/error.h"
#include "runtime/base/log.h"
#include "runtime/base/numbers.h"
#include "runtime/base/options.h"
#include "runtime/commands/command.h"
#include "runtime/lifecycle/foreground.h"
#include "runtime/state/state_dir.h"

struct run_options {
    struct foreground_options container;
    bool help;
};

enum { OPTION_TRACE = 256, OPTION_PID_FILE, OPTION_CONSOLE_SOCKET, OPTION_PIDFD_SOCKET, OPTION_PRESERVE_FDS, OPTION_KEEP, OPTION_NO_OP };

static const struct option run_table[] = {
    {"bundle", required_argument, NULL, 'b'},
    {"config", required_argument, NULL, 'f'},
    {"trace", optional_argument, NULL, OPTION_TRACE},
    {"pid-file", required_argument, NULL, OPTION_PID_FILE},
    {"console-socket", required_argument, NULL, OPTION_CONSOLE_SOCKET},
    {"pidfd-socket", required_argument, NULL, OPTION_PIDFD_SOCKET},
    {"detach", no_argument, NULL, 'd'},
    {"preserve-fds", required_argument, NULL, OPTION_PRESERVE_FDS},
    {"keep", no_argument, NULL, OPTION_KEEP},
    {"no-subreaper", no_argument, NULL, OPTION_NO_OP}, /* we wait for no process but the container's first */
    {"no-pivot", no_argument, NULL, OPTION_NO_OP}, /* runc's; we pivot in any case, in a namespace of our own */
    {"no-new-keyring", no_argument, NULL, OPTION_NO_OP},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static int print_help(void)
{
    printf("Usage: postern run [OPTION]... ID\n"
           "Run the program of an OCI bundle in a sandbox named ID and wait for it.\n\n"
           "  -b, --bundle DIR         the bundle (default: the current folder)\n"
           "  -f, --config FILE        instead of its config.json\n"
           "      --trace[=FILE]       a line for each trapped system call, to FILE or stderr\n"
           "      --pid-file FILE      write the pid of the container's init to FILE\n"
           "      --console-socket S   send the terminal to Unix socket S instead of using ours\n"
           "  -d, --detach             leave the container running and return\n"
           "      --keep               leave a container that has ended to postern delete\n"
           "      --pidfd-socket S     send a pidfd of the container's init to Unix socket S\n"
           "      --preserve-fds N     give the program descriptors 3 to N+2\n"
           "  -h, --help               this text\n\n"
           "The exit status is the program's, or 128+n if signal n killed it; 127 if it was not found, 126 if it\n"
           "cannot be executed, 125 if the sandbox failed, 1 if the container could not be set up.\n");
    return EXIT_SUCCESS;
}

static int apply_option(struct run_options *options, int option, char **argv, struct error *error)
{
    switch (option) {
    case 'b':
        options->container.creation.bundle = optarg;
        return 0;
    case 'f':
        options->container.creation.config_file = optarg;
        return 0;
    case OPTION_TRACE:
        options->container.trace = true;
        options->container.trace_file = optarg;
        return 0;
    case OPTION_PID_FILE:
        options->container.creation.pid_file = optarg;
        return 0;
    case OPTION_CONSOLE_SOCKET:
        options->container.creation.console_socket = optarg;
        return 0;
    case OPTION_PIDFD_SOCKET:
        options->container.creation.pidfd_socket = optarg;
        return 0;
    case 'd':
        options->container.detach = true;
        return 0;
    case OPTION_PRESERVE_FDS:
        return number_parse(optarg, "--preserve-fds", PRESERVE_FDS_MAX, &options->container.creation.preserve_fds, error);
    case OPTION_KEEP:
        options->container.keep = true;
        return 0;
    case OPTION_NO_OP:
        return 0;
    case 'h':
        options->help = true;
        return 0;
    default:
        return option_error(option, argv, error);
    }
}

static int parse_options(int argc, char **argv, struct run_options *ret_options, struct error *error)
{
    struct run_options options = {.container = {.creation.bundle = ".", .set_up_status = EXIT_USAGE}};
    int option, result;
    option_start();
    while ((option = option_next(argc, argv, ":b:f:dh", run_table)) != -1) {
        result = apply_option(&options, option, argv, error);
        if (result < 0)
            return result;
    }
    *ret_options = options;
    if (options.help)
        return 0;
    result = arguments_check(argc, argv, 1, 1, error);
    if (result < 0)
        return result;
    ret_options->container.creation.id = argv[optind];
    return state_id_check(argv[optind], error);
}

int command_run(int argc, char **argv)
{
    struct run_options options;
    struct error error = {0};
    if (parse_options(argc, argv, &options, &error) < 0) {
        log_message(LOG_LEVEL_ERROR, "%s", error.text);
        return EXIT_USAGE;
    }
    return options.help ? print_help() : foreground_run(&options.container);
}
