/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern run: from a bundle to an exit status. What is made on the way (ids, state folder, sandbox, raw terminal) is
 * held in one structure and given back in one function, in the opposite order, however far it came.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "oci-spec/oci.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/command.h"
#include "runtime/console.h"
#include "runtime/creation.h"
#include "runtime/hooks.h"
#include "runtime/log.h"
#include "runtime/monitor.h"
#include "runtime/numbers.h"
#include "runtime/options.h"
#include "runtime/sandbox.h"
#include "runtime/signals.h"
#include "runtime/state_dir.h"

struct run_options {
    const char *id, *bundle, *pid_file, *console_socket;
    bool trace, help, detach;
    int preserve_fds;
    const char *trace_file; /* NULL: stderr */
};

struct run {
    struct run_options options;
    bool has_creation, has_console;
    int trace;
    struct signals signals;
    struct creation creation;
    struct console console;
};

/* -- options ---------------------------------------------------------------------------------------------------- */

enum { OPTION_TRACE = 256, OPTION_PID_FILE, OPTION_CONSOLE_SOCKET, OPTION_PRESERVE_FDS, OPTION_NO_OP };

static const struct option run_table[] = {
    {"bundle", required_argument, NULL, 'b'},
    {"trace", optional_argument, NULL, OPTION_TRACE},
    {"pid-file", required_argument, NULL, OPTION_PID_FILE},
    {"console-socket", required_argument, NULL, OPTION_CONSOLE_SOCKET},
    {"detach", no_argument, NULL, 'd'},
    {"preserve-fds", required_argument, NULL, OPTION_PRESERVE_FDS},
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
           "      --trace[=FILE]       a line for each trapped system call, to FILE or stderr\n"
           "      --pid-file FILE      write the pid of the container's init to FILE\n"
           "      --console-socket S   send the terminal to Unix socket S instead of using ours\n"
           "  -d, --detach             leave the container running and return\n"
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
        options->bundle = optarg;
        return 0;
    case OPTION_TRACE:
        options->trace = true;
        options->trace_file = optarg;
        return 0;
    case OPTION_PID_FILE:
        options->pid_file = optarg;
        return 0;
    case OPTION_CONSOLE_SOCKET:
        options->console_socket = optarg;
        return 0;
    case 'd':
        options->detach = true;
        return 0;
    case OPTION_PRESERVE_FDS:
        return number_parse(optarg, "--preserve-fds", PRESERVE_FDS_MAX, &options->preserve_fds, error);
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
    struct run_options options = {.bundle = "."};
    int option, result;
    option_start();
    while ((option = option_next(argc, argv, "+:b:dh", run_table)) != -1) {
        result = apply_option(&options, option, argv, error);
        if (result < 0)
            return result;
    }
    *ret_options = options;
    if (options.help)
        return 0;
    if (argc - optind != 1)
        return error_refuse(error, "run takes one argument, the container's id; see postern run --help");
    ret_options->id = argv[optind];
    return state_id_check(ret_options->id, error);
}

/* -- steps ------------------------------------------------------------------------------------------------------ */

static int open_trace(struct run *run, struct error *error)
{
    if (!run->options.trace)
        return 0;

    const char *file = run->options.trace_file;
    run->trace = file != NULL ? open(file, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600)
                              : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    return run->trace >= 0 ? 0 : error_set(error, errno, "cannot open the trace %s", file != NULL ? file : "on stderr");
}

static int connect_console(struct run *run, struct error *error)
{
    int master = run->creation.sandbox.console_master;
    if (master < 0 || run->options.console_socket != NULL)
        return 0;
    int result = console_open(master, &run->console, error);
    run->has_console = result == 0;
    return result;
}

static int set_up(struct run *run, struct error *error)
{
    int result = open_trace(run, error);
    if (result == 0)
        result = signals_open(&run->signals, error); /* from here on a signal cannot leave anything behind */
    if (result < 0)
        return result;
    const struct creation_options options = {
        .id = run->options.id,
        .bundle = run->options.bundle,
        .pid_file = run->options.pid_file,
        .console_socket = run->options.console_socket,
        .trace = run->trace,
        .preserve_fds = run->options.preserve_fds,
        .foreground = !run->options.detach,
    };
    result = creation_make(&options, &run->creation, error);
    run->has_creation = result == 0;
    if (result == 0)
        result = hooks_start_container(run->creation.folder, &run->creation.container, error);
    if (result == 0)
        result = sandbox_execute(&run->creation.sandbox, error);
    if (result == 0)
        hooks_poststart(run->creation.folder, &run->creation.container);
    return result == 0 ? connect_console(run, error) : result;
}

static void tear_down(struct run *run)
{
    if (run->has_console)
        console_close(&run->console);
    if (run->has_creation)
        creation_undo(&run->creation);
    signals_close(&run->signals);
    cleanup_close(&run->trace);
}

/* Waits for the container, or leaves it to itself. The exit status for our caller. */
static int finish(struct run *run, struct error *error)
{
    if (!run->options.detach)
        return monitor_run(&run->creation.sandbox, &run->signals, run->has_console ? &run->console : NULL);
    if (creation_leave(&run->creation, error) < 0)
        return EXIT_USAGE;
    run->has_creation = false;
    return EXIT_SUCCESS;
}

int command_run(int argc, char **argv)
{
    struct run run = {.trace = -1, .signals = SIGNALS_NONE};
    struct error error = {0};
    if (parse_options(argc, argv, &run.options, &error) < 0) {
        log_message(LOG_LEVEL_ERROR, "%s", error.text);
        return EXIT_USAGE;
    }
    if (run.options.help)
        return print_help();

    int status = set_up(&run, &error) == 0 ? finish(&run, &error) : creation_exit_status(&error);
    tear_down(&run);
    if (error.code != 0)
        log_message(LOG_LEVEL_ERROR, "%s", error.text);
    return status;
}
