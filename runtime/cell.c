/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cell.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "oci-spec/oci.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "postern/socket.h"
#include "runtime/await.h"
#include "runtime/cell_init.h"
#include "runtime/cell_program.h"
#include "runtime/fork_into.h"
#include "runtime/namespaces.h"
#include "runtime/privilege.h"

static const char first_process[] = "the container's first process";

/* What the helper tells us of the process it cloned; its pidfd comes along. */
struct cloned_message {
    pid_t outer_pid;
    char hostname[65];
};

static int64_t clock_seconds(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return now.tv_sec;
}

/* Unless the configuration says what they are to show, the guest's clocks start near zero, so that they do not tell how long
 * the host has been up (time_namespaces(7)). A kernel without time namespaces shows the host's then. *ret_offset: what was
 * added to CLOCK_BOOTTIME. */
static int enter_time_namespace(int file, const struct oci_time_offsets *wanted, int64_t *ret_offset, struct error *error)
{
    const struct oci_time_offsets hidden = {.monotonic.secs = -clock_seconds(CLOCK_MONOTONIC),
                                            .boottime.secs = -clock_seconds(CLOCK_BOOTTIME)};
    const struct oci_time_offsets *offsets = wanted != NULL ? wanted : &hidden;
    char text[128];
    int size = snprintf(text, sizeof(text), "monotonic %" PRId64 " %" PRIu32 "\nboottime %" PRId64 " %" PRIu32 "\n",
                        offsets->monotonic.secs, offsets->monotonic.nanosecs, offsets->boottime.secs,
                        offsets->boottime.nanosecs);
    if (file >= 0 && unshare(CLONE_NEWTIME) == 0 && write(file, text, (size_t)size) == size) {
        *ret_offset = offsets->boottime.secs * 1000000000 + offsets->boottime.nanosecs;
        return 0;
    }
    *ret_offset = 0;
    return wanted == NULL ? 0 : error_set(error, errno, "linux.timeOffsets: the kernel does not take them");
}

/* Runs in a child. For a new cell it is inside the sandbox's pid namespace already and joins U; for an existing one it joins
 * all its namespaces. Then it clones the process as the caller's child. */
static int helper(int pidfd_of_namespaces, const struct cell_plan *plan, int socket, int report, struct error *error)
{
    const bool joins = plan->joins;
    struct joined joined = {0};
    /* Opened while we are still the host's root: the right to set offsets is the opener's. */
    auto_close int offsets = joins ? -1 : open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
    cell_init_set_oom_score();
    int status = joins ? 0 : namespaces_join(plan->host, &joined, error);
    if (status < 0)
        return status;
    const unsigned int others = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
    if (setns(pidfd_of_namespaces, joins ? (int)(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWTIME | others) : CLONE_NEWUSER) < 0)
        return error_set(error, errno, "cannot join the sandbox's namespaces");
    int64_t offset = 0;
    status = joins ? 0 : enter_time_namespace(offsets, plan->host->time_offsets, &offset, error);
    if (status < 0)
        return status;

    int pidfd = -1;
    struct clone_args clone = {
        .flags = (unsigned int)CLONE_PARENT | (unsigned int)CLONE_PIDFD | (joins ? 0 : CLONE_NEWPID | (others & ~joined.flags)),
        .pidfd = (uint64_t)(uintptr_t)&pidfd,
    };
    pid_t pid = (pid_t)syscall(SYS_clone3, &clone, sizeof(clone));
    if (pid < 0)
        return error_set(error, errno, "cannot create the cell's namespaces");
    if (pid == 0) {
        (void)close(report);
        cell_init_run(socket, offset, &joined);
    }
    struct cloned_message message = {.outer_pid = pid};
    memcpy(message.hostname, joined.hostname, sizeof(message.hostname));
    status = socket_send(report, &message, sizeof(message), &pidfd, 1);
    return status < 0 ? error_set(error, status, "cannot report the container's first process") : 0;
}

/* The pid of a pidfd's process in our own pid namespace. */
static pid_t pid_of(int pidfd)
{
    char path[64], line[128];
    (void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
    auto_fclose FILE *file = fopen(path, "re");
    pid_t pid = -1;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "Pid:\t%d", &pid) == 1)
            break;
    return pid;
}

static int run_helper(int namespaces, const struct cell_plan *plan, const int sockets[2], struct cell *cell,
                      struct error *error)
{
    int report[2];
    int status = socket_pair(report);
    if (status < 0)
        return error_set(error, status, "cannot make a socket");
    auto_close int ours = report[0];
    auto_close int theirs = report[1];

    pid_t pid = plan->joins ? fork() : fork_into(namespaces, error);
    if (pid < 0)
        return error_set(error, errno, "cannot fork into the sandbox");
    if (pid == 0) {
        (void)close(ours);
        (void)close(sockets[0]); /* or the process would not see our end */
        status = helper(namespaces, plan, sockets[1], theirs, error);
        if (status < 0)
            (void)socket_send(theirs, error, sizeof(*error), NULL, 0);
        _exit(status < 0);
    }
    (void)close(take_fd(&theirs));
    struct error failure = {0};
    size_t count = 0;
    int pidfd = -1;
    ssize_t got = await_message(ours, "the helper that starts the container's first process", &failure, sizeof(failure), &pidfd,
                                1, &count, error);
    await_killed(pid); /* it has said all it had to say */
    if (got < 0)
        return (int)got;
    if (got == sizeof(struct cloned_message) && count == 1) {
        struct cloned_message message;
        memcpy(&message, &failure, sizeof(message));
        cell->outer_pid = message.outer_pid;
        memcpy(cell->hostname, message.hostname, sizeof(cell->hostname));
        cell->pidfd = pidfd;
        cell->pid = pid_of(pidfd);
        return cell->pid > 0 ? 0 : error_refuse(error, "the container's first process ended at once");
    }
    cleanup_close(&pidfd);
    if (got == sizeof(failure)) {
        *error = failure;
        return -failure.code;
    }
    return error_refuse(error, "the helper that starts the container's first process died");
}

/* Receives one message of the container's init; a failure it reports becomes the error. */
static int receive_from_init(int socket, enum cell_step step, int *fds, size_t fd_max, struct cell_message *ret_message,
                             struct error *error)
{
    struct cell_message message;
    size_t count = 0;
    ssize_t got = await_message(socket, first_process, &message, sizeof(message), fds, fd_max, &count, error);
    if (got < 0)
        return (int)got;
    if (got != sizeof(message))
        return error_refuse(error, "%s ended while it was set up", first_process);
    message.error.text[sizeof(message.error.text) - 1] = '\0';
    if (message.step == step && message.error.code == 0) {
        *ret_message = message;
        return 0;
    }
    for (size_t i = 0; i < fd_max; i++)
        cleanup_close(&fds[i]);
    if (message.error.code != 0) {
        *error = message.error;
        return -message.error.code;
    }
    return error_refuse(error, "the container's first process is out of step");
}

/* The pid of a process in the sandbox's pid namespace, the second of the nested ones we see it in. */
static pid_t outer_pid_of(pid_t pid)
{
    char path[64], line[256];
    (void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
    auto_fclose FILE *file = fopen(path, "re");
    int outer = -1;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "NSpid: %*d %d", &outer) == 1)
            break;
    return outer;
}

static void abandon(struct cell *cell)
{
    await_killed(cell->pid);
    (void)close(cell->pidfd);
}

int cell_spawn(int sentry_pidfd, const struct cell_plan *plan, struct cell *ret_cell, struct error *error)
{
    int sockets[2];
    int status = socket_pair(sockets);
    if (status < 0)
        return error_set(error, status, "cannot make a socket");
    auto_close int ours = sockets[0];
    auto_close int theirs = sockets[1];

    cell_init_prepare(plan);
    struct cell cell = {.pidfd = -1, .socket = -1, .procfs = -1, .mqueue = -1};
    status = run_helper(sentry_pidfd, plan, sockets, &cell, error);
    if (status < 0)
        return status;
    (void)close(take_fd(&theirs));

    int fds[2];
    struct cell_message message = {0};
    status = receive_from_init(ours, CELL_MOUNTED, fds, 2, &message, error);
    if (status < 0) {
        abandon(&cell);
        return status;
    }
    cell.procfs = fds[0];
    cell.mqueue = fds[1];
    cell.boottime_offset_ns = message.boottime_offset_ns;
    cell.socket = take_fd(&ours);
    *ret_cell = cell;
    return 0;
}

int cell_join(int init, const struct cell_plan *plan, struct cell *ret_cell, struct error *error)
{
    int sockets[2];
    int status = socket_pair(sockets);
    if (status < 0)
        return error_set(error, status, "cannot make a socket");
    auto_close int ours = sockets[0];
    auto_close int theirs = sockets[1];

    cell_init_prepare(plan);
    struct cell cell = {.pidfd = -1, .socket = -1, .procfs = -1, .mqueue = -1};
    status = run_helper(init, plan, sockets, &cell, error);
    if (status < 0)
        return status;
    cell.outer_pid = outer_pid_of(cell.pid);
    if (cell.outer_pid < 0) {
        abandon(&cell);
        return error_refuse(error, "the process ended while it was set up");
    }
    cell.socket = take_fd(&ours);
    *ret_cell = cell;
    return 0;
}

int cell_confine(const struct cell *cell, int console, int start, int *ret_listener, struct error *error)
{
    struct cell_message go = {.step = CELL_CONFINE, .has_console = console >= 0, .has_start = start >= 0};
    int fds[2];
    size_t count = 0;
    if (console >= 0)
        fds[count++] = console;
    if (start >= 0)
        fds[count++] = start;
    int status = await_sent(cell->socket, first_process, &go, sizeof(go), fds, count, error);
    if (status < 0)
        return status;
    struct cell_message message = {0};
    int listener = -1;
    status = receive_from_init(cell->socket, CELL_CONFINED, &listener, 1, &message, error);
    if (status < 0)
        return status;
    if (listener < 0)
        return error_refuse(error, "the container's first process handed no listener over");
    *ret_listener = listener;
    return 0;
}

/* Engines tell 126 from 127 by the words. */
static int program_failed(const char *program, int code, struct error *error)
{
    char words[64];
    if (code == ENOENT && strchr(program, '/') == NULL)
        (void)error_refuse(error, "exec: \"%s\": executable file not found in $PATH", program);
    else if (code == ENOENT)
        (void)error_refuse(error, "exec: \"%s\": stat %s: no such file or directory", program, program);
    else
        (void)error_refuse(error, "exec: \"%s\": %s", program, cell_program_words(code, words, sizeof(words)));
    error->code = code;
    return -code;
}

static int send_step(int socket, enum cell_step step, struct error *error)
{
    struct cell_message message = {.step = step};
    return await_sent(socket, first_process, &message, sizeof(message), NULL, 0, error);
}

int cell_find(const struct cell *cell, const char *program, struct error *error)
{
    struct cell_message message;
    int status = send_step(cell->socket, CELL_FIND, error);
    if (status < 0)
        return status;
    ssize_t got = await_message(cell->socket, first_process, &message, sizeof(message), NULL, 0, NULL, error);
    if (got < 0)
        return (int)got;
    if (got != sizeof(message))
        return error_refuse(error, "%s ended while it was set up", first_process);
    if (message.step != CELL_FIND)
        return error_refuse(error, "the container's first process is out of step");
    return message.error.code == 0 ? 0 : program_failed(program, message.error.code, error);
}

int cell_execute(int socket, struct error *error)
{
    int status = send_step(socket, CELL_EXECUTE, error);
    if (status < 0)
        return status;

    struct cell_message message;
    ssize_t got = await_message(socket, first_process, &message, sizeof(message), NULL, 0, NULL, error);
    if (got < 0)
        return (int)got;
    if (got == 0)
        return 0; /* the socket closed at the exec, or the process died: its wait status says which */
    if (got != sizeof(message) || message.error.code == 0)
        return error_refuse(error, "the container's first process is out of step");

    message.error.text[sizeof(message.error.text) - 1] = '\0';
    return error_refuse(error, "%s", message.error.text);
}
