/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is made on the way (trace, signals, container, raw terminal) is held in one structure and given back in one
 * function, in the opposite order, however far it came.
 */
#include "runtime/lifecycle/foreground.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/base/await.h"
#include "runtime/base/limits.h"
#include "runtime/base/log.h"
#include "runtime/base/signals.h"
#include "runtime/console/console.h"
#include "runtime/hooks/hooks.h"
#include "runtime/lifecycle/janitor.h"
#include "runtime/lifecycle/monitor.h"
#include "runtime/lifecycle/notify.h"

enum { NS_PER_MS = 1000000 };

struct foreground {
    const struct foreground_options *options;
    bool has_creation, has_console, has_ended;
    int trace;
    struct signals signals;
    struct janitor janitor;
    struct creation creation;
    struct console console;
    struct notify notify;
    struct foreground_times times;
};

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 * NS_PER_MS + now.tv_nsec;
}

static int open_trace(struct foreground *run, struct error *error)
{
    if (!run->options->trace)
        return 0;

    const char *file = run->options->trace_file;
    run->trace = file != NULL ? await_opened(file, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600)
                              : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (run->trace < 0)
        return error_set(error, file != NULL ? run->trace : errno, "cannot open the trace %s", file != NULL ? file : "on stderr");
    if (file != NULL)
        (void)fcntl(run->trace, F_SETFL, O_APPEND); /* no line is lost: who reads the trace may hold the container up */
    return 0;
}

static int connect_console(struct foreground *run, struct error *error)
{
    int master = run->creation.sandbox.console_master;
    if (master < 0 || run->options->creation.console_socket != NULL)
        return 0;
    int result = console_open(master, run->options->creation.own_streams, &run->console, error);
    run->has_console = result == 0;
    return result;
}

static int set_up(struct foreground *run, struct error *error)
{
    int result = limits_check(error);
    if (result == 0)
        result = open_trace(run, error);
    if (result == 0)
        result = signals_open(&run->signals, error); /* from here on a signal cannot leave anything behind */
    if (result == 0 && run->options->janitor)
        result = janitor_start(run->options->creation.id, &run->janitor, error);
    if (result < 0)
        return result;
    struct creation_options options = run->options->creation;
    options.trace = run->trace;
    options.foreground = !run->options->detach;
    result = creation_make(&options, &run->creation, error);
    run->has_creation = result == 0;
    if (result == 0)
        result = hooks_start_container(run->creation.folder, &run->creation.container, error);
    run->times.made = now_ns();
    if (result == 0)
        result = notify_open(run->creation.folder, &run->notify, error);
    if (result == 0)
        result = sandbox_execute(&run->creation.sandbox, error);
    if (result == 0)
        log_message(LOG_LEVEL_DEBUG, "the container's program has begun");
    run->times.started = now_ns();
    if (result == 0)
        result = hooks_poststart(run->creation.folder, &run->creation.container, error);
    if (result == 0 && run->options->started != NULL)
        run->options->started(run->options->data, &run->times);
    return result == 0 ? connect_console(run, error) : result;
}

static void tear_down(struct foreground *run)
{
    if (run->has_console)
        console_close(&run->console);
    if (run->has_creation && run->has_ended && run->options->keep)
        creation_keep(&run->creation);
    else if (run->has_creation)
        creation_undo(&run->creation);
    janitor_dismiss(&run->janitor);
    signals_close(&run->signals);
    notify_close(&run->notify);
    cleanup_close(&run->trace);
}

/* The container is on its own by now; a signal ends us, and not what we wait for. */
static void stay_until_ready(struct foreground *run, int init)
{
    sigset_t none;
    if (run->notify.socket < 0)
        return;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    notify_wait(&run->notify, init, run->creation.container.init.pid);
}

/* Waits for the container, or leaves it to itself. The exit status for our caller. */
static int finish(struct foreground *run, struct error *error)
{
    if (!run->options->detach) {
        run->has_ended = true;
        int64_t limit = run->options->time_limit_ms;
        const struct monitor_options options = {
            .console = run->has_console ? &run->console : NULL,
            .notify = &run->notify,
            .deadline = limit == 0 ? 0 : run->times.started / NS_PER_MS + limit,
            .stops = run->options->stops,
        };
        return monitor_run(&run->creation.sandbox, &run->creation.container, &run->signals, &options);
    }
    auto_close int init = fcntl(run->creation.sandbox.init_pidfd, F_DUPFD_CLOEXEC, 0);
    if (creation_leave(&run->creation, error) < 0)
        return run->options->set_up_status;
    run->has_creation = false;
    stay_until_ready(run, init);
    return EXIT_SUCCESS;
}

int foreground_run(const struct foreground_options *options)
{
    struct foreground run = {
        .options = options, .trace = -1, .signals = SIGNALS_NONE, .janitor = JANITOR_NONE, .notify = NOTIFY_NONE, .times.begun = now_ns()};
    struct error error = {0};
    int status =
        set_up(&run, &error) == 0 ? finish(&run, &error) : creation_exit_status(&error, options->set_up_status);
    tear_down(&run);
    if (error.code != 0)
        log_message(LOG_LEVEL_ERROR, "%s", error.text);
    return status;
}
