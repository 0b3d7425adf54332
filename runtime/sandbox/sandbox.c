/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. Three processes are started in an order forced by what each needs from the other:
 *
 *   sentry, step 1   makes the outer pid namespace and the user namespace U
 *   cell, step 1     makes the guest's namespaces; gives procfs of them
 *   gofer            needs the ipc namespace (for mqueue) and the outer procfs; gives the layout, the console, /dev/fuse
 *   sentry, step 2   needs the layout and the gofer's socket; is then confined and ready
 *   cell, step 2     needs the console; is confined and hands its listener over
 *   sentry           serves the listener
 *   cell, step 3     looks the program up: its first trapped calls
 *   cell, step 4     executes the program
 *
 * All are children of the caller. Killing the sentry, the init of the outer pid namespace, ends the two others.
 */
#include "runtime/sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oci-spec/oci.h"
#include "postern/boot.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "postern/socket.h"
#include "runtime/base/await.h"
#include "runtime/base/limits.h"
#include "runtime/base/programs.h"
#include "runtime/cell/cell.h"
#include "runtime/cell/config_seccomp.h"
#include "runtime/cell/fork_into.h"
#include "runtime/cell/memory_policy.h"
#include "runtime/cell/scheduling.h"
#include "runtime/ids/user_namespace.h"
#include "runtime/mounts/gofer_setup.h"
#include "runtime/sandbox/boot.h"
#include "runtime/sandbox/sentry_start.h"

/* What the steps pass on to each other; every descriptor owned. */
struct start {
    const struct sandbox_options *options;
    int sentry_binary, gofer_binary;
    struct sentry_start sentry;
    struct cell cell;
    pid_t gofer;
    int gofer_socket; /* the sentry's end */
    int keeper;       /* what is sent here the gofer holds as long as it lives */
    struct gofer_layout *layout;
    int boot, listener;
};

static void start_release(struct start *start)
{
    int *fds[] = {&start->sentry_binary, &start->gofer_binary, &start->sentry.procfs, &start->cell.procfs,
                  &start->gofer_socket,  &start->boot,         &start->listener,      &start->keeper};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        cleanup_close(fds[i]);
    if (start->layout != NULL) {
        cleanup_close(&start->layout->console_slave);
        cleanup_close(&start->layout->fuse);
        free(start->layout);
    }
}

static int open_inputs(struct start *start, struct error *error)
{
    start->sentry_binary = program_open("postern-sentry", NULL, 0, error);
    if (start->sentry_binary < 0)
        return start->sentry_binary;
    start->gofer_binary = program_open("postern-gofer", NULL, 0, error);
    if (start->gofer_binary < 0)
        return start->gofer_binary;
    start->layout = calloc(1, sizeof(*start->layout));
    if (start->layout == NULL)
        return error_set(error, ENOMEM, "cannot start the gofer");
    start->layout->console_master = start->layout->console_slave = start->layout->fuse = -1;
    return 0;
}

static int tell_joined(const struct sandbox_options *options, enum sandbox_part part, pid_t pid, struct error *error)
{
    return options->joined == NULL ? 0 : options->joined(options->data, part, pid, error);
}

/* A terminal that goes to somebody else is not sized by ours. */
static struct winsize console_size(const struct oci_process *process, bool detached)
{
    struct winsize size = {0};
    if (process->console_size != NULL) {
        size.ws_row = (unsigned short)process->console_size->height;
        size.ws_col = (unsigned short)process->console_size->width;
    } else if (!detached) {
        (void)ioctl(STDIN_FILENO, TIOCGWINSZ, &size);
    }
    return size;
}

static bool grants_ranks(const struct sandbox_options *options)
{
    return scheduling_grants(&options->config->process, options->users->fd >= 0);
}

static int start_gofer(struct start *start, struct sandbox *sandbox, struct error *error)
{
    const struct sandbox_options *options = start->options;
    int service[2], kept[2], report[2];
    int status = socket_pair(service);
    if (status < 0)
        return error_set(error, status, "cannot make the gofer's socket");
    start->gofer_socket = service[0];
    auto_close int gofer_end = service[1];
    status = socket_pair(kept);
    if (status < 0)
        return error_set(error, status, "cannot make the gofer's socket");
    start->keeper = kept[0];
    auto_close int kept_end = kept[1];
    status = socket_pair(report);
    if (status < 0)
        return error_set(error, status, "cannot make the gofer's socket");
    auto_close int ours = report[0];
    auto_close int theirs = report[1];

    struct gofer_setup setup = {
        .config = options->config,
        .bundle = options->bundle_path,
        .bundle_fd = options->bundle,
        .ids = options->ids,
        .users = options->users,
        .gofer_binary = start->gofer_binary,
        .sentry_socket = gofer_end,
        .kept = kept_end,
        .procfs = start->sentry.procfs,
        .sentry = start->sentry.pidfd,
        .report = theirs,
        .pause = options->made != NULL,
        .want_terminal = options->config->process.terminal,
        .console_size = console_size(&options->config->process, options->detached_console),
        .quiet = options->quiet,
        .words = options->reason,
        .ranks = grants_ranks(options),
    };

    pid_t pid = fork_into(start->sentry.pidfd, error);
    if (pid < 0)
        return pid;
    if (pid == 0) {
        struct error failure = {0};
        /* Our ends of what it, and the sentry, see our death by. */
        const int held[] = {ours, service[0], kept[0], sandbox->control, sandbox->cell_socket};
        for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++)
            if (held[i] >= 0)
                (void)close(held[i]);
        limits_give_up_ranks();
        (void)gofer_setup(&setup, &failure);
        _exit(1);
    }
    sandbox->gofer = pid;
    (void)close(take_fd(&theirs));
    (void)close(take_fd(&gofer_end));
    (void)close(take_fd(&kept_end));
    if (options->made != NULL) {
        status = gofer_wait_paused(ours, error);
        if (status == 0)
            status = options->made(options->data, sandbox, error);
        if (status == 0)
            status = gofer_continue(ours, error);
        if (status < 0)
            return status;
    }
    status = gofer_layout_receive(ours, start->layout, error);
    sandbox->console_master = start->layout->console_master;
    /* Only now: a cgroup's device rules are for the guest, and the set-up opens /dev/fuse and makes nodes. */
    return status == 0 ? tell_joined(options, SANDBOX_GOFER, pid, error) : status;
}

static int start_sentry(struct start *start, struct error *error)
{
    struct boot_facts facts = {.id = start->options->id,
                               .init = start->cell.pid,
                               .users = start->options->users,
                               .ids = start->options->ids,
                               .hostname = start->cell.hostname,
                               .boottime_offset_ns = start->cell.boottime_offset_ns,
                               .trace = start->options->trace_fd >= 0,
                               .ranks = grants_ranks(start->options)};
    int status = boot_write(start->options->config, start->layout, &facts, &start->boot, error);
    if (status < 0)
        return status;
    const struct sandbox_options *options = start->options;
    const struct sentry_fds fds = {
        .gofer = start->gofer_socket,
        .boot = start->boot,
        .inner = start->cell.procfs,
        .trace = options->trace_fd,
        .fuse = start->layout->fuse,
        .listen = options->control_socket,
        .reason = options->reason,
        .quiet = options->quiet,
        .locks = {options->locks[0], options->locks[1]},
    };
    return sentry_launch(&start->sentry, &fds, error);
}

static int serve_listener(struct start *start, struct error *error)
{
    struct control_message message = {.kind = CONTROL_LISTENER, .pid = start->cell.outer_pid};
    /* A listener that closes lets calls that are waited for fail, and the guest run on: so it must not close with the sentry, but
     * with the gofer, whom the sentry's end kills after the container's init. */
    int status = socket_send(start->keeper, "", 1, &start->listener, 1);
    if (status < 0)
        return error_set(error, status, "cannot reach the gofer");
    status = await_sent(start->sentry.control, "the sentry", &message, sizeof(message), &start->listener, 1, error);
    if (status < 0)
        return status;
    return control_expect(start->sentry.control, CONTROL_STARTED, error);
}

static int run_steps(struct start *start, struct sandbox *sandbox, struct error *error)
{
    const struct sandbox_options *options = start->options;
    int status = open_inputs(start, error);
    if (status < 0)
        return status;
    status = sentry_spawn(&options->config->linux_config, options->ids, start->sentry_binary, &start->sentry, error);
    if (status < 0)
        return status;
    sandbox->sentry = start->sentry.pid;
    sandbox->sentry_pidfd = start->sentry.pidfd;
    sandbox->control = start->sentry.control;
    await_watch(sandbox->sentry_pidfd);

    status = tell_joined(options, SANDBOX_SENTRY, sandbox->sentry, error);
    if (status < 0)
        return status;
    struct config_seccomp seccomp;
    status = config_seccomp_build(options->config->linux_config.seccomp, &seccomp, error);
    if (status < 0)
        return status;
    const struct cell_plan plan = {.process = &options->config->process,
                                   .seccomp = &seccomp,
                                   .personality = options->config->linux_config.personality,
                                   .host = &options->config->linux_config,
                                   .hostname = options->config->hostname,
                                   .preserve_fds = options->preserve_fds,
                                   .own_streams = options->own_streams,
                                   .hold_signals = options->hold_signals};
    status = memory_policy_set(options->config->linux_config.memory_policy, error);
    if (status == 0)
        status = cell_spawn(start->sentry.pidfd, &plan, &start->cell, error);
    memory_policy_reset(options->config->linux_config.memory_policy);
    config_seccomp_release(&seccomp); /* the process has its copy */
    if (status < 0)
        return status;
    sandbox->init = start->cell.pid;
    sandbox->init_pidfd = start->cell.pidfd;
    sandbox->cell_socket = start->cell.socket;

    status = tell_joined(options, SANDBOX_INIT, sandbox->init, error);
    if (status == 0)
        status = start_gofer(start, sandbox, error);
    if (status == 0)
        status = start_sentry(start, error);
    if (status == 0)
        status = cell_confine(&start->cell, start->layout->console_slave, options->start_socket, &start->listener, error);
    if (status == 0)
        status = serve_listener(start, error);
    if (status == 0)
        status = cell_find(&start->cell, cell_plan_program(&plan), error);
    return status;
}

int sandbox_create(const struct sandbox_options *options, struct sandbox *ret_sandbox, struct error *error)
{
    struct sandbox sandbox = {
        .sentry_pidfd = -1, .init_pidfd = -1, .control = -1, .console_master = -1, .cell_socket = -1};
    struct start start = {
        .options = options,
        .sentry_binary = -1,
        .gofer_binary = -1,
        .sentry = {.pidfd = -1, .control = -1, .procfs = -1},
        .cell = {.pidfd = -1, .socket = -1, .procfs = -1},
        .gofer_socket = -1,
        .keeper = -1,
        .boot = -1,
        .listener = -1,
    };
    int status = run_steps(&start, &sandbox, error);
    start_release(&start);
    if (status < 0) {
        if (options->failed != NULL)
            options->failed(options->data);
        sandbox_destroy(&sandbox);
        return status;
    }
    *ret_sandbox = sandbox;
    return 0;
}

int sandbox_execute(struct sandbox *sandbox, struct error *error)
{
    int status = cell_execute(sandbox->cell_socket, error);
    (void)close(take_fd(&sandbox->cell_socket));
    return status;
}

int sandbox_detach(struct sandbox *sandbox, struct error *error)
{
    struct control_message message = {.kind = CONTROL_DETACH};
    return await_sent(sandbox->control, "the sentry", &message, sizeof(message), NULL, 0, error);
}

static void kill_and_reap(pid_t *pid)
{
    await_killed(*pid);
    *pid = 0;
}

/* It cannot end before all who were in its pid namespace have been reaped. One of them may be a child of ours that we do not
 * know: the helper that made it was killed before it could tell. */
static void kill_and_reap_sentry(struct sandbox *sandbox)
{
    enum { STEPS = 200, STEP_MS = 1 };
    pid_t reaped = 0;
    if (sandbox->sentry <= 0)
        return;
    (void)kill(sandbox->sentry, SIGKILL);
    for (int i = 0; i < STEPS && reaped != sandbox->sentry && reaped >= 0; i++) {
        struct pollfd entry = {.fd = sandbox->sentry_pidfd, .events = POLLIN};
        while ((reaped = waitpid(-1, NULL, WNOHANG | __WALL)) > 0 && reaped != sandbox->sentry)
            continue;
        if (reaped == 0)
            (void)poll(&entry, 1, STEP_MS);
    }
    if (reaped == 0)
        await_killed(sandbox->sentry);
    sandbox->sentry = 0;
}

void sandbox_destroy(struct sandbox *sandbox)
{
    /* The others first: the sentry's death would kill them too, but each is our child and must be reaped. */
    kill_and_reap(&sandbox->init);
    kill_and_reap(&sandbox->gofer);
    kill_and_reap_sentry(sandbox);
    await_watch(-1);
    int *fds[] = {&sandbox->sentry_pidfd, &sandbox->init_pidfd, &sandbox->control, &sandbox->console_master,
                  &sandbox->cell_socket};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        if (*fds[i] > 0)
            (void)close(*fds[i]);
        *fds[i] = -1;
    }
}
