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
#include "runtime/ids.h"
#include "runtime/log.h"
#include "runtime/monitor.h"
#include "runtime/options.h"
#include "runtime/sandbox.h"
#include "runtime/signals.h"
#include "runtime/state_dir.h"

struct run_options {
    const char *id, *bundle, *pid_file, *console_socket;
    bool trace, help;
    const char *trace_file; /* NULL: stderr */
};

struct run {
    struct run_options options;
    char bundle[PATH_MAX]; /* absolute */
    struct oci_config *config;
    struct ids ids;
    bool has_sandbox, has_console;
    int state; /* lock on the state folder */
    int trace;
    struct signals signals;
    struct sandbox sandbox;
    struct console console;
};

/* -- options ---------------------------------------------------------------------------------------------------- */

enum { OPTION_TRACE = 256, OPTION_PID_FILE, OPTION_CONSOLE_SOCKET };

static const struct option run_table[] = {
    {"bundle", required_argument, NULL, 'b'},
    {"trace", optional_argument, NULL, OPTION_TRACE},
    {"pid-file", required_argument, NULL, OPTION_PID_FILE},
    {"console-socket", required_argument, NULL, OPTION_CONSOLE_SOCKET},
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
    while ((option = option_next(argc, argv, "+:b:h", run_table)) != -1) {
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

static int load_config(struct run *run, struct error *error)
{
    if (realpath(run->options.bundle, run->bundle) == NULL)
        return error_set(error, errno, "cannot open bundle %s", run->options.bundle);

    char path[PATH_MAX + sizeof("/config.json")];
    (void)snprintf(path, sizeof(path), "%s/config.json", run->bundle);
    int result = oci_load(path, &run->config, error);
    if (result == 0)
        result = oci_check_supported(run->config, error);
    if (result == 0 && run->options.console_socket != NULL && !run->config->process.terminal)
        result = error_refuse(error, "--console-socket needs \"terminal\": true in config.json");
    if (result < 0)
        return result;

    for (size_t i = 0; i < run->config->warnings.count; i++)
        log_message(LOG_LEVEL_DEBUG, "%s", run->config->warnings.items[i]);
    return 0;
}

static int take_ids(struct run *run, struct error *error)
{
    struct id_range range;
    int result = id_range_find(options_global()->id_range, getenv(IDS_ENVIRONMENT), IDS_CONFIG, &range, error);
    if (result == 0)
        result = state_root_create(IDS_PARENT, error);
    return result == 0 ? ids_take(IDS_FOLDER, &range, &run->ids, error) : result;
}

static int open_trace(struct run *run, struct error *error)
{
    if (!run->options.trace)
        return 0;

    const char *file = run->options.trace_file;
    run->trace = file != NULL ? open(file, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600)
                              : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    return run->trace >= 0 ? 0 : error_set(error, errno, "cannot open the trace %s", file != NULL ? file : "on stderr");
}

/* Written beside its place and renamed into it: who sees the file sees all of it. */
static int write_pid_file(const char *path, pid_t pid, struct error *error)
{
    char temporary[PATH_MAX];
    int length = snprintf(temporary, sizeof(temporary), "%s.%d.tmp", path, (int)getpid());
    if (length < 0 || (size_t)length >= sizeof(temporary))
        return error_set(error, ENAMETOOLONG, "cannot write %s", path);

    auto_close int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return error_set(error, errno, "cannot write %s", path);
    if (dprintf(fd, "%d", (int)pid) < 0 || rename(temporary, path) < 0) {
        int code = errno;
        (void)unlink(temporary);
        return error_set(error, code, "cannot write %s", path);
    }
    return 0;
}

static int start_sandbox(struct run *run, struct error *error)
{
    const struct sandbox_options options = {
        .id = run->options.id,
        .bundle = run->bundle,
        .config = run->config,
        .sentry_uid = run->ids.sentry,
        .gofer_uid = run->ids.gofer,
        .guest_uid = run->ids.guest,
        .trace_fd = run->trace,
        .detached_console = run->options.console_socket != NULL,
        .start_socket = -1,
        .control_socket = -1,
        .reason = -1,
        .locks = {-1, -1},
    };
    int result = sandbox_create(&options, &run->sandbox, error);
    run->has_sandbox = result == 0;
    return result == 0 ? sandbox_execute(&run->sandbox, run->config, error) : result;
}

static int connect_console(struct run *run, struct error *error)
{
    int master = run->sandbox.console_master;
    if (master < 0)
        return 0;
    if (run->options.console_socket != NULL)
        return console_send(run->options.console_socket, master, error);

    int result = console_open(master, &run->console, error);
    run->has_console = result == 0;
    return result;
}

static int set_up(struct run *run, struct error *error)
{
    if (geteuid() != 0)
        return error_refuse(error, "run needs root: running without it is not supported yet");

    int result = load_config(run, error);
    if (result == 0)
        result = take_ids(run, error);
    if (result == 0)
        result = open_trace(run, error);
    if (result == 0)
        result = signals_open(&run->signals, error); /* from here on a signal cannot leave anything behind */
    if (result == 0)
        result = state_dir_create(options_global()->root, run->options.id, &run->state, error);
    if (result == 0)
        result = start_sandbox(run, error);
    if (result == 0 && run->options.pid_file != NULL)
        result = write_pid_file(run->options.pid_file, run->sandbox.init, error);
    return result == 0 ? connect_console(run, error) : result;
}

static void tear_down(struct run *run)
{
    if (run->has_console)
        console_close(&run->console);
    if (run->has_sandbox)
        sandbox_destroy(&run->sandbox);
    if (run->state >= 0) {
        int result = state_dir_remove(options_global()->root, run->options.id);
        if (result < 0)
            log_message(LOG_LEVEL_WARNING, "cannot remove the state of \"%s\": %s", run->options.id, strerror(-result));
    }
    signals_close(&run->signals);
    cleanup_close(&run->state);
    cleanup_close(&run->trace);
    ids_release(&run->ids);
    run->config = oci_free(run->config);
}

/* As a shell has it for a program that could not be executed; the sandbox puts `exec: "` in front of just these. */
static int exit_status_of(const struct error *error)
{
    if (strncmp(error->text, "exec: \"", 7) != 0)
        return EXIT_USAGE;
    return error->code == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}

int command_run(int argc, char **argv)
{
    struct run run = {.ids = {.lock = -1}, .state = -1, .trace = -1, .signals = SIGNALS_NONE};
    struct error error = {0};
    int status;
    if (parse_options(argc, argv, &run.options, &error) < 0) {
        log_message(LOG_LEVEL_ERROR, "%s", error.text);
        return EXIT_USAGE;
    }
    if (run.options.help)
        return print_help();

    if (set_up(&run, &error) == 0)
        status = monitor_run(&run.sandbox, &run.signals, run.has_console ? &run.console : NULL);
    else
        status = exit_status_of(&error);
    tear_down(&run);
    if (error.code != 0)
        log_message(LOG_LEVEL_ERROR, "%s", error.text);
    return status;
}
