/* SPDX-License-Identifier: Apache-2.0 */
/* postern kill: a signal for the container's init, or for all of its processes. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/base/log.h"
#include "runtime/base/options.h"
#include "runtime/base/signal_name.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/commands/command.h"
#include "runtime/state/processes.h"
#include "runtime/state/target.h"

static const struct option kill_table[] = {
    {"all", no_argument, NULL, 'a'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static int print_help(void)
{
    printf("Usage: postern kill [--all] ID [SIGNAL]\n"
           "Send SIGNAL, a name with or without SIG or a number, to the container's init (default: TERM).\n\n"
           "  -a, --all   to all processes of the container\n"
           "  -h, --help  this text\n");
    return EXIT_SUCCESS;
}

/* The init of a created container is ours, and is init of its pid namespace: it would not get what it has no handler for.
 * A signal that means the end must reach it all the same; what others mean is for the program, which is not there yet. */
static int for_created(int signal)
{
    static const int fatal[] = {SIGHUP, SIGINT, SIGQUIT, SIGABRT, SIGTERM};
    for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
        if (signal == fatal[i])
            return SIGKILL;
    return signal;
}

static int signal_init(const struct target *target, int signal, struct error *error)
{
    const struct container *container = &target->container;
    enum container_status status = target_status(target);
    auto_close int init = process_mark_open(&container->init);
    if (status == CONTAINER_STOPPED || status == CONTAINER_CREATING || init == -ESRCH)
        return error_refuse(error, "container not running");
    if (init < 0)
        return error_set(error, init, "unable to signal init");

    if (status == CONTAINER_CREATED)
        signal = for_created(signal);
    log_message(LOG_LEVEL_DEBUG, "signal %d goes to process %d", signal, (int)container->init.pid);
    if (syscall(SYS_pidfd_send_signal, init, signal, NULL, 0) < 0 && errno != ESRCH) {
        int code = errno;
        return error_refuse(error, "unable to signal init: %s", code == EINVAL ? "invalid argument" : strerror(code));
    }
    /* What is frozen dies when it is thawed. */
    if (status == CONTAINER_PAUSED && signal == SIGKILL)
        return cgroup_freeze(container->cgroup, container->systemd_cgroup, false, error);
    return 0;
}

static int signal_all(const struct target *target, int signal, struct error *error)
{
    const struct container *container = &target->container;
    bool paused = target_status(target) == CONTAINER_PAUSED;
    log_message(LOG_LEVEL_DEBUG, "signal %d goes to all processes", signal);
    int result = processes_signal(container, signal);
    if (result < 0)
        return error_set(error, result, "cannot signal the container's processes");
    if (paused && signal == SIGKILL)
        return cgroup_freeze(container->cgroup, container->systemd_cgroup, false, error);
    return 0;
}

int command_kill(int argc, char **argv)
{
    struct error error = {0};
    auto_target struct target target = TARGET_NONE;
    bool all = false;
    int option, signal;
    option_start();
    while (error.code == 0 && (option = option_next(argc, argv, ":ah", kill_table)) != -1) {
        if (option == 'h')
            return print_help();
        if (option == 'a')
            all = true;
        else
            (void)option_error(option, argv, &error);
    }
    if (error.code != 0 || arguments_check(argc, argv, 1, 2, &error) < 0 ||
        target_open(argv[optind], false, &target, &error) < 0)
        return command_end(&error);

    const char *word = optind + 1 < argc ? argv[optind + 1] : "";
    if (signal_parse(word[0] != '\0' ? word : "TERM", &signal, &error) == 0)
        (void)(all ? signal_all : signal_init)(&target, signal, &error);
    return command_end(&error);
}
