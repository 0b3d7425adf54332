/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/lifecycle/monitor.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "postern/boot.h"
#include "postern/socket.h"
#include "runtime/base/await.h"
#include "runtime/base/exit_status.h"
#include "runtime/base/log.h"
#include "runtime/base/signals.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/console/console.h"
#include "runtime/console/job.h"
#include "runtime/lifecycle/notify.h"
#include "runtime/sandbox/sandbox.h"
#include "runtime/state/container.h"

enum {
    ANSWER_MS = 5000,   /* for a sentry to say that it is there */
    SETTLE_MS = 1000,   /* from the death of one of init and sentry to that of the other */
    WARNINGS_MAX = 100, /* from a sentry that may be in the guest's hands */
};

enum entry {
    ENTRY_SIGNALS,
    ENTRY_INIT,
    ENTRY_CONTROL,
    ENTRY_SENTRY,
    ENTRY_NOTIFY,
    ENTRY_CONSOLE,
    ENTRY_COUNT = ENTRY_CONSOLE + CONSOLE_POLL_COUNT
};

struct monitor {
    struct sandbox *sandbox;
    const struct container *container;
    const struct signals *signals;
    bool control_open, sentry_gone, init_gone;
    bool answered; /* by the sentry, after the init's end */
    struct monitor_options options;
    bool timed_out;
    struct job job;
    bool short_of_memory; /* and said so */
    unsigned warnings;
    char reason[sizeof(((struct control_message *)0)->text)]; /* what the sentry said it dies of */
};

/* -- the sentry's messages -------------------------------------------------------------------------------------- */

static void handle_control(struct monitor *monitor)
{
    struct control_message message;
    ssize_t size = socket_receive(monitor->sandbox->control, &message, sizeof(message), NULL, 0, NULL);
    if (size == -EINTR || size == -EAGAIN)
        return;
    if (size != (ssize_t)sizeof(message)) {
        monitor->control_open = false;
        return;
    }

    message.text[sizeof(message.text) - 1] = '\0';
    if (message.kind == CONTROL_ENDED || message.kind == CONTROL_PONG)
        monitor->answered = true;
    else if (message.kind == CONTROL_FATAL && monitor->reason[0] == '\0')
        (void)snprintf(monitor->reason, sizeof(monitor->reason), "%s", message.text);
    else if (message.kind == CONTROL_WARNING && monitor->warnings++ < WARNINGS_MAX)
        log_message(LOG_LEVEL_WARNING, "sentry: %s", message.text);
}

/* -- the end ---------------------------------------------------------------------------------------------------- */

/* How a child ended, without reaping it. Returns 0 or -errno. */
static int peek_status(int pidfd, siginfo_t *ret_info)
{
    siginfo_t info = {0};
    while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOWAIT | WNOHANG | __WALL) < 0)
        if (errno != EINTR)
            return -errno;
    if (info.si_pid == 0)
        return -EAGAIN;
    *ret_info = info;
    return 0;
}

static bool wait_readable(int fd, int timeout)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    int result;
    while ((result = poll(&entry, 1, timeout)) < 0 && errno == EINTR)
        continue;
    return result == 1;
}

static void reap(pid_t *pid)
{
    await_killed(*pid);
    *pid = 0;
}

/* How the sentry ended. As the init of a pid namespace it can end only after everybody in there has been reaped; those
 * who are our children wait for us. Its sockets close before that, and tell us that it is on its way. Returns 0 or
 * -errno. */
static int sentry_status(struct monitor *monitor, siginfo_t *ret_info)
{
    struct sandbox *sandbox = monitor->sandbox;
    while (monitor->control_open && wait_readable(sandbox->control, SETTLE_MS))
        handle_control(monitor);
    if (monitor->control_open)
        return -EAGAIN;

    reap(&sandbox->init);
    reap(&sandbox->gofer);
    return wait_readable(sandbox->sentry_pidfd, SETTLE_MS) ? peek_status(sandbox->sentry_pidfd, ret_info) : -EAGAIN;
}

/* Says so, if it did. The kernel chose whom to kill, and it may have been the sentry, or all at once (memory.oom.group). */
static bool ran_out_of_memory(struct monitor *monitor)
{
    const struct container *container = monitor->container;
    if (container->cgroup[0] == '\0' || !cgroup_oom_killed(container->cgroup, container->systemd_cgroup))
        return false;
    log_message(LOG_LEVEL_WARNING, "out of memory: the kernel killed what it found in the cgroup %s",
                container->cgroup);
    monitor->short_of_memory = true;
    return true;
}

/* Says why the sentry ended, if it ended badly. Returns whether it did. */
static bool report_sentry(struct monitor *monitor)
{
    siginfo_t info = {0};
    bool dead = sentry_status(monitor, &info) == 0;
    if (monitor->reason[0] != '\0')
        log_message(LOG_LEVEL_ERROR, "sentry: %s", monitor->reason);
    else if (dead && info.si_code != CLD_EXITED)
        log_message(LOG_LEVEL_ERROR, "sentry: killed by signal %d (%s)", info.si_status, strsignal(info.si_status));
    else if (dead && info.si_status != 0)
        log_message(LOG_LEVEL_ERROR, "sentry: ended with status %d", info.si_status);
    else
        return false;
    return true;
}

/* Did the sentry outlive the process? Only then was its end its own: calls that nobody answers any more fail, and a program may take
 * that for anything. One that is there and does not answer was not gone either. */
static bool sentry_lived(struct monitor *monitor)
{
    const struct control_message ping = {.kind = CONTROL_PING};
    (void)socket_send(monitor->sandbox->control, &ping, sizeof(ping), NULL, 0);
    const long deadline = await_now_ms() + ANSWER_MS;
    for (long left = ANSWER_MS; monitor->control_open && !monitor->answered && left > 0; left = deadline - await_now_ms())
        if (wait_readable(monitor->sandbox->control, (int)left))
            handle_control(monitor);
    return monitor->answered || (monitor->control_open && !wait_readable(monitor->sandbox->sentry_pidfd, 0));
}

/* A dead sentry takes init along by SIGKILL: then there is a doubt in any case. */
static int outcome(struct monitor *monitor)
{
    siginfo_t info = {0};
    int result = peek_status(monitor->sandbox->init_pidfd, &info);
    const bool killed = result == 0 && info.si_code != CLD_EXITED && info.si_status == SIGKILL;
    if (result == 0 && !killed && sentry_lived(monitor))
        return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;

    bool failed = report_sentry(monitor);
    if (ran_out_of_memory(monitor))
        return 128 + SIGKILL;
    if (failed)
        return EXIT_SANDBOX_DIED;
    if (killed)
        return 128 + SIGKILL;
    log_message(LOG_LEVEL_ERROR, "sentry: ended before the container did");
    return EXIT_SANDBOX_DIED;
}

/* -- the loop --------------------------------------------------------------------------------------------------- */

static void pass_on(struct monitor *monitor, int signal)
{
    log_message(LOG_LEVEL_DEBUG, "signal %d is passed on", signal);
    (void)signal_send(monitor->sandbox->init_pidfd, signal);
}

static void handle_signals(struct monitor *monitor)
{
    int signal;
    while ((signal = signals_next(monitor->signals)) != 0) {
        if (signal == SIGWINCH && monitor->options.console != NULL)
            console_resize(monitor->options.console);
        else if (signal_is_forwarded(signal))
            pass_on(monitor, signal);
        if (signal == SIGTSTP && monitor->options.stops)
            job_watch(&monitor->job, false);
        if (signal == SIGCONT && monitor->options.stops && monitor->options.console != NULL)
            console_resume(monitor->options.console);
    }
}

/* Ends the container when its time is up; how long there is to wait, in milliseconds, -1: for ever. */
static int until_deadline(struct monitor *monitor)
{
    if (monitor->options.deadline == 0 || monitor->timed_out)
        return -1;
    int64_t left = monitor->options.deadline - await_now_ms();
    if (left > 0)
        return left < INT_MAX ? (int)left : INT_MAX;
    monitor->timed_out = true;
    (void)signal_send(monitor->sandbox->init_pidfd, SIGKILL);
    return -1;
}

static int earlier(int first, int second)
{
    return first < 0 || (second >= 0 && second < first) ? second : first;
}

static int wait_for_events(struct monitor *monitor, struct pollfd entries[ENTRY_COUNT])
{
    const struct sandbox *sandbox = monitor->sandbox;
    entries[ENTRY_SIGNALS] = (struct pollfd){.fd = monitor->signals->fd, .events = POLLIN};
    entries[ENTRY_INIT] = (struct pollfd){.fd = sandbox->init_pidfd, .events = POLLIN};
    entries[ENTRY_CONTROL] = (struct pollfd){.fd = monitor->control_open ? sandbox->control : -1, .events = POLLIN};
    entries[ENTRY_SENTRY] = (struct pollfd){.fd = sandbox->sentry_pidfd, .events = POLLIN};
    entries[ENTRY_NOTIFY] = (struct pollfd){.fd = monitor->options.notify != NULL ? monitor->options.notify->socket : -1, .events = POLLIN};
    int timeout = earlier(until_deadline(monitor), job_timeout(&monitor->job));
    nfds_t count = ENTRY_CONSOLE;
    if (monitor->options.console != NULL) {
        console_poll(monitor->options.console, entries + ENTRY_CONSOLE);
        timeout = earlier(timeout, console_timeout(monitor->options.console));
        count = ENTRY_COUNT;
    }
    return poll(entries, count, timeout);
}

static void handle_events(struct monitor *monitor, const struct pollfd entries[ENTRY_COUNT])
{
    if (entries[ENTRY_SIGNALS].revents != 0)
        handle_signals(monitor);
    if (entries[ENTRY_CONTROL].revents != 0)
        handle_control(monitor);
    if (monitor->options.console != NULL)
        console_handle(monitor->options.console, entries + ENTRY_CONSOLE);
    if (monitor->options.console != NULL && console_stop_typed(monitor->options.console) && monitor->options.stops)
        job_watch(&monitor->job, true);
    if (entries[ENTRY_NOTIFY].revents != 0 && notify_hear(monitor->options.notify))
        notify_tell(getpid(), false);
    if (job_stop(&monitor->job, monitor->options.console))
        (void)signal_send(monitor->sandbox->init_pidfd, SIGCONT);
    monitor->init_gone = entries[ENTRY_INIT].revents != 0;
    /* The kernel is ending init too: give it the time. */
    monitor->sentry_gone = entries[ENTRY_SENTRY].revents != 0;
    if (monitor->sentry_gone && !monitor->init_gone)
        (void)wait_readable(monitor->sandbox->init_pidfd, SETTLE_MS);
}

int monitor_run(struct sandbox *sandbox, const struct container *container, const struct signals *signals,
                const struct monitor_options *options)
{
    struct console *console = options->console;
    struct monitor monitor = {.sandbox = sandbox,
                              .container = container,
                              .signals = signals,
                              .options = *options,
                              .control_open = true,
                              .job.init = sandbox->init};
    while (!monitor.init_gone && !monitor.sentry_gone) {
        struct pollfd entries[ENTRY_COUNT] = {0};
        int ready = wait_for_events(&monitor, entries);
        if (ready < 0 && errno != EINTR) {
            log_message(LOG_LEVEL_ERROR, "cannot wait for the container: %s", strerror(errno));
            return EXIT_SANDBOX_DIED;
        }
        if (ready >= 0)
            handle_events(&monitor, entries);
    }
    if (console != NULL) {
        console_drain(console);
        console_close(console);
    }
    if (monitor.timed_out) {
        log_message(LOG_LEVEL_WARNING, "the time was up");
        return EXIT_TIMED_OUT;
    }
    const int status = outcome(&monitor);
    log_message(LOG_LEVEL_DEBUG, "the container's process has ended: %d", status);
    if ((status == 128 + SIGKILL || options->stops) && !monitor.short_of_memory)
        (void)ran_out_of_memory(&monitor); /* the init may have lived, and ended as its child or grandchild did */
    return status;
}
