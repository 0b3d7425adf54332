/* SPDX-License-Identifier: Apache-2.0 */
/* postern start: lets the program of a created container run. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/base/await.h"
#include "runtime/base/log.h"
#include "runtime/cell/cell.h"
#include "runtime/commands/command.h"
#include "runtime/hooks/hooks.h"
#include "runtime/lifecycle/creation.h"
#include "runtime/lifecycle/notify.h"
#include "runtime/state/container.h"
#include "runtime/state/state_socket.h"
#include "runtime/state/target.h"

enum {
    STEP_MS = 5,
    LEAVE_MS = 500, /* for the sentry to end by itself once the init has */
};

/* An engine asks for the state as soon as we have failed, and gives the container up for good if it is not stopped then. It
 * knows the end of the init from its own wait(2): so we stay until that has been, for a while, as nobody may be waiting. */
static void await_end(int init)
{
    enum { END_MS = 5000, REAP_STEPS = 100 };
    struct pollfd entry = {.fd = init, .events = POLLIN};
    if (init < 0 || poll(&entry, 1, END_MS) <= 0)
        return;
    for (int i = 0; i < REAP_STEPS && syscall(SYS_pidfd_send_signal, init, 0, NULL, 0) == 0; i++)
        (void)poll(NULL, 0, STEP_MS);
}

/* A failed start is the container's end: it is stopped, and waits to be deleted. One that has not heard of its start, or whose sentry
 * does not answer, does not end by itself. */
static void end(int folder, const struct container *container, int init, bool kills)
{
    if (kills && init >= 0)
        (void)syscall(SYS_pidfd_send_signal, init, SIGKILL, NULL, 0);
    (void)unlinkat(folder, START_SOCKET, 0);
    await_end(init);
    if (!kills && init >= 0 && syscall(SYS_pidfd_send_signal, init, SIGKILL, NULL, 0) == 0)
        await_end(init);
    auto_close int sentry = kills ? process_mark_open(&container->sentry) : -1;
    struct pollfd entry = {.fd = sentry, .events = POLLIN};
    if (sentry >= 0 && poll(&entry, 1, LEAVE_MS) == 0)
        (void)syscall(SYS_pidfd_send_signal, sentry, SIGKILL, NULL, 0);
}

/* Its end of the socket is closed: by its exec, in the middle of which the kernel may not say yet, or not to us, which program it has. */
static bool still_waits(int folder, const struct container *container)
{
    enum { LOOKS = 100 };
    int looks = 0;
    while (container_status(folder, container) == CONTAINER_CREATED && looks++ < LOOKS)
        (void)poll(NULL, 0, STEP_MS);
    return looks > LOOKS;
}

static int start(int folder, const struct container *container, struct error *error)
{
    enum container_status status = container_status(folder, container);
    if (status == CONTAINER_STOPPED)
        return error_refuse(error, "cannot start a container that has stopped");
    if (status == CONTAINER_PAUSED)
        return error_refuse(error, "cannot start a container in the paused state");
    if (status != CONTAINER_CREATED)
        return error_refuse(error, "cannot start an already running container");
    auto_close int init = process_mark_open(&container->init);
    int result = hooks_start_container(folder, container, error);
    if (result < 0) {
        end(folder, container, init, true);
        return result;
    }
    auto_close int socket = state_socket_connect(folder, START_SOCKET, error);
    if (socket < 0)
        return socket;
    result = cell_execute(socket, error);
    if (result == 0 && still_waits(folder, container))
        return error_refuse(error, "the container's first process did not take the order to start; it still waits for one");
    if (result < 0) {
        end(folder, container, init, result == -ETIMEDOUT); /* otherwise its init ends by itself */
        return result;
    }
    (void)unlinkat(folder, START_SOCKET, 0);
    log_message(LOG_LEVEL_DEBUG, "the container's program has begun");
    result = hooks_poststart(folder, container, error);
    if (result < 0 && result != -EINTR) /* a signal ends us, and not the container */
        end(folder, container, init, true);
    return result;
}

/* With a caller who wants to know when the container is ready, we stay until it is; other commands need not wait for that. */
static int start_target(struct target *target, struct error *error)
{
    struct notify notify = NOTIFY_NONE;
    auto_close int init = process_mark_open(&target->container.init);
    auto_close int sentry = process_mark_open(&target->container.sentry);
    await_watch(sentry);
    int result = notify_open(target->folder, &notify, error);
    if (result == 0)
        result = start(target->folder, &target->container, error);
    if (result == 0 && notify.socket >= 0) {
        cleanup_close(&target->lock);
        target->lock = -1;
        notify_wait(&notify, init, target->container.init.pid);
    }
    notify_close(&notify);
    await_watch(-1);
    return result;
}

int command_start(int argc, char **argv)
{
    static const struct simple_command command = {
        .help = "Usage: postern start ID\nLet the program of a created container run.\n",
        .locked = true,
        .act = start_target,
    };
    return simple_command_run(argc, argv, &command);
}
