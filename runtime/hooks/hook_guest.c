/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process is a guest and must have the hook's standard streams from its first moment: so it is started by a child of ours
 * that has them. That child waits for it and ends as it ended. It is never killed: a process of the container that nobody waits for
 * would keep the container's end from being complete.
 */
#include "runtime/hooks/hook_guest.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oci-spec/oci.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "postern/socket.h"
#include "runtime/base/await.h"
#include "runtime/hooks/hook_process.h"
#include "runtime/sandbox/enter.h"

enum { ENDING_MS = 2000 /* for the child to end once it has failed */ };

/* Returns only on failure. */
static int start(const struct oci_hook *hook, const struct hook_guest *guest, const struct hook_streams *streams, int report,
                 struct error *error)
{
    char *only_path[] = {hook->path, NULL};
    struct oci_process process = *guest->process;
    process.args = hook->args.count > 0 ? hook->args : (struct oci_strings){.items = only_path, .count = 1};
    process.env = hook->env.items != NULL ? hook->env : process.env;
    process.terminal = false;
    process.console_size = NULL;

    auto_close int init = process_mark_open(&guest->container->init);
    if (init < 0)
        return error_refuse(error, "the container has ended");
    int status = hook_streams_connect(streams);
    if (status < 0)
        return error_set(error, status, "cannot connect the hook's standard streams");
    const struct enter enter = {.folder = guest->folder,
                                .init = init,
                                .console = -1,
                                .container = guest->container,
                                .plan = {.process = &process, .program = hook->path, .joins = true}};
    struct cell cell = {.pidfd = -1, .socket = -1, .procfs = -1};
    int control = -1;
    status = enter_container(&enter, &cell, &control, error);
    if (status < 0) {
        await_killed(cell.pid);
        return status;
    }
    char started = 1;
    if (socket_send(report, &started, sizeof(started), &cell.pidfd, 1) < 0)
        (void)kill(cell.pid, SIGKILL);
    int ended = 0;
    (void)waitpid(cell.pid, &ended, 0);
    if (WIFSIGNALED(ended)) {
        (void)signal(WTERMSIG(ended), SIG_DFL);
        (void)prctl(PR_SET_DUMPABLE, 0);
        (void)raise(WTERMSIG(ended));
    }
    _exit(WEXITSTATUS(ended));
}

static void unblock_signals(void)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A pidfd of the guest process, or the failure to make one. */
static int hear_start(int report, int *ret_pidfd, struct error *error)
{
    struct error failure = {0};
    int pidfd;
    ssize_t got = await_message(report, "the hook's process in the container", &failure, sizeof(failure), &pidfd, 1, NULL, error);
    if (got < 0)
        return (int)got;
    if (pidfd >= 0) {
        *ret_pidfd = pidfd;
        return 0;
    }
    if (got == sizeof(failure) && failure.code != 0) {
        *error = failure;
        return -failure.code;
    }
    return error_refuse(error, "cannot start it in the container");
}

int hook_guest_run(const struct oci_hook *hook, const char *state, size_t size, const struct hook_guest *guest,
                   struct error *error)
{
    struct hook_streams streams;
    int report[2];
    int status = hook_streams_open(state, size, &streams, error);
    if (status < 0)
        return status;
    status = socket_pair(report);
    if (status < 0) {
        hook_streams_close(&streams);
        return error_set(error, status, "cannot make a socket");
    }
    auto_close int ours = report[0];
    pid_t pid = fork();
    if (pid == 0) {
        struct error failure = {0};
        unblock_signals();
        (void)start(hook, guest, &streams, report[1], &failure);
        (void)socket_send(report[1], &failure, sizeof(failure), NULL, 0);
        _exit(127);
    }
    (void)close(report[1]);
    auto_close int process = -1;
    if (pid < 0)
        status = error_set(error, errno, "cannot fork for %s", hook->path);
    else
        status = hear_start(ours, &process, error);
    if (pid > 0 && status == 0)
        status = hook_wait(hook, pid, process, &streams, error);
    else if (pid > 0 && await_child(pid, ENDING_MS, NULL) < 0)
        await_killed(pid);
    hook_streams_close(&streams);
    return status;
}
