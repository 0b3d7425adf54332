/* SPDX-License-Identifier: Apache-2.0 */
/* postern exec: one more process in a running container. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "oci-spec/oci.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/base/await.h"
#include "runtime/base/limits.h"
#include "runtime/base/log.h"
#include "runtime/base/numbers.h"
#include "runtime/base/options.h"
#include "runtime/base/signals.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/commands/command.h"
#include "runtime/commands/exec_process.h"
#include "runtime/console/console.h"
#include "runtime/console/exec_console.h"
#include "runtime/console/hand_over.h"
#include "runtime/lifecycle/creation.h"
#include "runtime/lifecycle/inherited.h"
#include "runtime/lifecycle/monitor.h"
#include "runtime/sandbox/enter.h"
#include "runtime/sandbox/environment.h"
#include "runtime/state/container.h"
#include "runtime/state/pid_file.h"

struct exec {
    struct exec_options options;
    struct container container;
    struct oci_config *config;
    struct cell cell;
    struct signals signals;
    struct console console;
    int folder, sentry, init, control, master, slave;
    bool has_console;
};

/* -- options ---------------------------------------------------------------------------------------------------- */

enum { OPTION_PID_FILE = 256, OPTION_CONSOLE_SOCKET, OPTION_PIDFD_SOCKET, OPTION_PRESERVE_FDS, OPTION_CWD, OPTION_NO_NEW_PRIVS, OPTION_CGROUP,
       OPTION_IGNORE_PAUSED, OPTION_NO_OP_ARGUMENT };

static const struct option exec_table[] = {
    {"process", required_argument, NULL, 'p'},
    {"tty", no_argument, NULL, 't'},
    {"detach", no_argument, NULL, 'd'},
    {"user", required_argument, NULL, 'u'},
    {"env", required_argument, NULL, 'e'},
    {"cap", required_argument, NULL, 'c'},
    {"additional-gids", required_argument, NULL, 'g'},
    {"cwd", required_argument, NULL, OPTION_CWD},
    {"pid-file", required_argument, NULL, OPTION_PID_FILE},
    {"console-socket", required_argument, NULL, OPTION_CONSOLE_SOCKET},
    {"pidfd-socket", required_argument, NULL, OPTION_PIDFD_SOCKET},
    {"preserve-fds", required_argument, NULL, OPTION_PRESERVE_FDS},
    {"no-new-privs", no_argument, NULL, OPTION_NO_NEW_PRIVS},
    {"process-label", required_argument, NULL, OPTION_NO_OP_ARGUMENT}, /* SELinux, AppArmor: see `postern features` */
    {"apparmor", required_argument, NULL, OPTION_NO_OP_ARGUMENT},
    {"cgroup", required_argument, NULL, OPTION_CGROUP},
    {"ignore-paused", no_argument, NULL, OPTION_IGNORE_PAUSED},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static int print_help(void)
{
    printf("Usage: postern exec [OPTION]... ID COMMAND [ARGUMENT]...\n"
           "       postern exec [OPTION]... --process FILE ID\n"
           "Run one more process in a running container.\n\n"
           "  -p, --process FILE         a process.json, instead of a command and the options below\n"
           "      --cwd DIR              its working folder\n"
           "  -u, --user UID[:GID]       its user\n"
           "  -g, --additional-gids GID  a further group, more than once\n"
           "  -e, --env NAME=VALUE       added to its environment, more than once\n"
           "  -c, --cap NAME             a further capability, more than once\n"
           "  -t, --tty                  with a terminal\n"
           "      --no-new-privs         as the name says\n"
           "      --cgroup [CONTROLLER:]PATH\n"
           "                             put it into a folder there is below the container's cgroup, more than once\n"
           "      --ignore-paused        also in a paused container: it begins when that is resumed\n"
           "  -d, --detach               do not wait for it\n"
           "      --pid-file FILE        write its pid to FILE\n"
           "      --console-socket S     send its terminal to Unix socket S\n"
           "      --pidfd-socket S       send a pidfd of it to Unix socket S\n"
           "      --preserve-fds N       give it descriptors 3 to N+2\n"
           "  -h, --help                 this text\n");
    return EXIT_SUCCESS;
}

static int append(struct exec_list *list, char *item, struct error *error)
{
    if (list->count == EXEC_LIST_MAX)
        return error_refuse(error, "more than %d options of one kind", EXEC_LIST_MAX);
    list->items[list->count++] = item;
    return 0;
}

static int apply_option(struct exec_options *options, int option, char **argv, struct error *error)
{
    switch (option) {
    case 'p':
        options->process = optarg;
        return 0;
    case 't':
        options->tty = true;
        return 0;
    case 'd':
        options->detach = true;
        return 0;
    case 'u':
        options->user = optarg;
        return 0;
    case 'e':
        return append(&options->env, optarg, error);
    case 'c':
        return append(&options->caps, optarg, error);
    case 'g':
        return append(&options->groups, optarg, error);
    case OPTION_CWD:
        options->cwd = optarg;
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
    case OPTION_NO_NEW_PRIVS:
        options->no_new_privs = true;
        return 0;
    case OPTION_CGROUP:
        return append(&options->cgroups, optarg, error);
    case OPTION_IGNORE_PAUSED:
        options->ignore_paused = true;
        return 0;
    case OPTION_NO_OP_ARGUMENT:
        return 0;
    case 'h':
        options->help = true;
        return 0;
    default:
        return option_error(option, argv, error);
    }
}

static int parse_options(int argc, char **argv, struct exec_options *options, struct error *error)
{
    int option;
    option_start();
    while ((option = option_next(argc, argv, "+:p:tdu:e:c:g:h", exec_table)) != -1) {
        int result = apply_option(options, option, argv, error);
        if (result < 0)
            return result;
    }
    if (options->help)
        return 0;
    if (argc == optind)
        return error_refuse(error, "\"exec\" requires a minimum of 1 argument(s); see postern exec --help");
    options->id = argv[optind];
    options->args = argv + optind + 1;
    options->arg_count = (size_t)(argc - optind - 1);
    return 0;
}

/* -- steps ------------------------------------------------------------------------------------------------------ */

static int find_container(struct exec *exec, struct error *error)
{
    int result = container_open(options_global()->root, exec->options.id, &exec->folder, error);
    if (result == 0)
        result = container_load(exec->folder, &exec->container, error);
    if (result < 0)
        return result;
    enum container_status status = container_status(exec->folder, &exec->container);
    if (status == CONTAINER_STOPPED)
        return error_refuse(error, "cannot exec in a stopped container");
    if (status == CONTAINER_PAUSED && !exec->options.ignore_paused)
        return error_refuse(error, "cannot exec in a paused container (use --ignore-paused to override)");
    if (exec->options.cgroups.count > 0 && exec->container.cgroup[0] == '\0')
        return error_refuse(error, "--cgroup: container %s has no cgroup of its own", exec->container.id);
    result = cgroup_below_check((const char *const *)exec->options.cgroups.items, exec->options.cgroups.count, error);
    if (result < 0)
        return result;
    exec->init = process_mark_open(&exec->container.init);
    exec->sentry = process_mark_open(&exec->container.sentry);
    if (exec->init < 0 || exec->sentry < 0)
        return error_refuse(error, "cannot exec in a stopped container");
    await_watch(exec->sentry);
    if (status == CONTAINER_PAUSED)
        await_set_limit(AWAIT_SECONDS_MAX); /* that it is resumed may take as long as it likes: so it was asked for */
    return 0;
}

static int open_console(struct exec *exec, struct error *error)
{
    if (!exec->config->process.terminal)
        return 0;
    if (exec->options.detach && exec->options.console_socket == NULL)
        return error_refuse(error, "cannot allocate tty if runc will detach without setting console socket");
    auto_close int gofer = process_mark_open(&exec->container.gofer);
    if (gofer < 0)
        return error_refuse(error, "cannot exec in a stopped container");
    int result = exec_console_open(gofer, exec->container.gofer.pid, exec->config->process.user.uid, &exec->master, &exec->slave,
                                   error);
    const struct oci_box *box = exec->config->process.console_size;
    if (result == 0 && box != NULL) {
        const struct winsize size = {.ws_row = (unsigned short)box->height, .ws_col = (unsigned short)box->width};
        (void)ioctl(exec->master, TIOCSWINSZ, &size);
    }
    if (result < 0)
        return result;
    if (exec->options.console_socket != NULL)
        return hand_over_console(exec->options.console_socket, exec->master, error);
    console_prepare(exec->master, 0);
    return 0;
}

static int start_process(struct exec *exec, struct error *error)
{
    const struct enter enter = {
        .folder = exec->folder,
        .init = exec->init,
        .console = exec->slave,
        .container = &exec->container,
        .cgroups = (const char *const *)exec->options.cgroups.items,
        .cgroup_count = exec->options.cgroups.count,
        .plan = {.process = &exec->config->process, .preserve_fds = exec->options.preserve_fds, .joins = true}};
    auto_close int connection = -1;
    if (exec->options.pidfd_socket != NULL) {
        connection = hand_over_open(exec->options.pidfd_socket, "pidfd socket", error);
        if (connection < 0)
            return connection;
    }
    int result = enter_container(&enter, &exec->cell, &exec->control, error);
    if (result == 0)
        log_message(LOG_LEVEL_DEBUG, "process %d has entered container %s", (int)exec->cell.pid, exec->container.id);
    if (result == 0 && connection >= 0)
        result = hand_over_pidfd(connection, exec->cell.pidfd, true, error);
    if (result == 0 && exec->options.pid_file != NULL)
        result = pid_file_write(exec->options.pid_file, exec->cell.pid, error);
    return result;
}

static int set_up(struct exec *exec, struct error *error)
{
    if (exec->options.process == NULL && exec->options.arg_count == 0)
        return error_refuse(error, "exec: no command is given; see postern exec --help");
    int result = limits_check(error);
    if (result == 0)
        result = inherited_check(0, exec->options.preserve_fds, error);
    if (result == 0)
        result = find_container(exec, error);
    if (result == 0)
        result = exec_process_load(exec->folder, &exec->options, &exec->config, error);
    if (result == 0)
        result = environment_complete(exec->config, exec->container.rootfs, error);
    if (result == 0)
        log_message(LOG_LEVEL_DEBUG, "container %s is to run %.200s", exec->container.id, exec->config->process.args.items[0]);
    if (result == 0)
        result = signals_open(&exec->signals, error);
    if (result == 0)
        result = open_console(exec, error);
    if (result == 0)
        result = start_process(exec, error);
    if (exec->slave >= 0)
        (void)close(take_fd(&exec->slave));
    if (result == 0 && exec->master >= 0 && exec->options.console_socket == NULL) {
        result = console_open(exec->master, 0, &exec->console, error);
        exec->has_console = result == 0;
    }
    return result;
}

/* Waits as `run` does. The monitor speaks of a sandbox: the process stands in the place of its init. */
static int wait_for_end(struct exec *exec)
{
    struct sandbox sandbox = {.init = exec->cell.pid,
                              .init_pidfd = exec->cell.pidfd,
                              .sentry_pidfd = exec->sentry,
                              .control = exec->control,
                              .console_master = exec->master,
                              .cell_socket = -1};
    return monitor_run(&sandbox, &exec->container, &exec->signals, &(struct monitor_options){.console = exec->has_console ? &exec->console : NULL});
}

static void tear_down(struct exec *exec, bool failed)
{
    if (exec->has_console)
        console_close(&exec->console);
    if (exec->cell.pid > 0 && (failed || !exec->options.detach)) {
        await_killed(exec->cell.pid);
    }
    int *fds[] = {&exec->folder, &exec->sentry, &exec->init, &exec->control, &exec->master, &exec->slave,
                  &exec->cell.pidfd, &exec->cell.socket};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        cleanup_close(fds[i]);
    signals_close(&exec->signals);
    (void)oci_free(exec->config);
    container_release(&exec->container);
}

int command_exec(int argc, char **argv)
{
    struct exec exec = {.signals = SIGNALS_NONE, .folder = -1, .sentry = -1, .init = -1, .control = -1, .master = -1,
                        .slave = -1, .cell = {.pidfd = -1, .socket = -1, .procfs = -1}};
    struct error error = {0};
    if (parse_options(argc, argv, &exec.options, &error) < 0) {
        log_message(LOG_LEVEL_ERROR, "%s", error.text);
        return EXIT_USAGE;
    }
    if (exec.options.help)
        return print_help();
    bool failed = set_up(&exec, &error) < 0;
    int status = EXIT_SUCCESS;
    if (failed)
        status = EXIT_EXEC_FAILED;
    else if (!exec.options.detach)
        status = wait_for_end(&exec);
    tear_down(&exec, failed);
    if (failed)
        log_message(LOG_LEVEL_ERROR, "%s", error.text);
    return status;
}
