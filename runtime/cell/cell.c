/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cell/cell.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "oci-spec/oci.h"
#include "postern/cell.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "postern/privilege.h"
#include "postern/socket.h"
#include "runtime/base/await.h"
#include "runtime/base/limits.h"
#include "runtime/base/programs.h"
#include "runtime/cell/fork_into.h"
#include "runtime/cell/namespaces.h"

static const char first_process[] = "the container's first process";

/* -- postern-cell -------------------------------------------------------------------------------------------------- */

/* To be inherited by the process; before the user namespace is joined, in which /proc/self is no longer ours to write. */
static void set_oom_score(const struct oci_process *process)
{
    if (!process->oom_score_adj.set)
        return;
    auto_close int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (file >= 0)
        (void)dprintf(file, "%d", process->oom_score_adj.value);
}

struct handed {
    int socket, report, boot, namespaces, offsets; /* as postern/cell.h numbers them; the last may be -1 */
};

/* Puts them at their numbers; everything else but the program's own descriptors closes at the exec. Returns where `program` is now. */
static int place(const struct handed *handed, int program, int preserved, struct error *error)
{
    const int table[][2] = {{handed->socket, CELL_FD_SOCKET}, {handed->report, CELL_FD_REPORT}, {handed->boot, CELL_FD_BOOT},
                            {handed->namespaces, CELL_FD_NAMESPACES}, {handed->offsets, CELL_FD_OFFSETS}};
    enum { COUNT = sizeof(table) / sizeof(table[0]) };
    int high[COUNT];
    const int moved = fcntl(program, F_DUPFD_CLOEXEC, CELL_FD_FIRST_FREE);
    for (size_t i = 0; i < COUNT; i++) {
        high[i] = table[i][0] < 0 ? -1 : fcntl(table[i][0], F_DUPFD_CLOEXEC, CELL_FD_FIRST_FREE);
        if (moved < 0 || (high[i] < 0 && table[i][0] >= 0))
            return error_set(error, errno, "cannot place a descriptor");
    }
    if (close_range(STDERR_FILENO + 1 + (unsigned int)preserved, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
        return error_set(error, errno, "cannot close descriptors");
    for (size_t i = 0; i < COUNT; i++)
        if (high[i] >= 0 && dup2(high[i], table[i][1]) < 0)
            return error_set(error, errno, "cannot place a descriptor");
    return moved;
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

/* Runs in a child, which for a new cell is inside the sandbox's pid namespace already. What needs the host it does itself; then it becomes
 * postern-cell, which has nothing of the host's, joins the rest and clones the process as the caller's child. Returns only on failure. */
static int become_cell(int namespaces, int program, const struct cell_plan *plan, int socket, int report, struct error *error)
{
    const unsigned int others = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWCGROUP;
    const bool joins = plan->joins;
    struct joined joined = {0};
    /* Opened while we are still the host's root: the right to set offsets is the opener's. */
    auto_close int offsets = joins ? -1 : open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
    set_oom_score(plan->process);
    int status = limits_clear_stamp(error);
    if (status == 0 && !joins)
        status = namespaces_join(plan->host, &joined, error);
    if (status < 0)
        return status;
    const unsigned int different = namespaces_different(pid_of(namespaces));
    const unsigned int wanted = joins ? CLONE_NEWPID | CLONE_NEWTIME | CLONE_NEWNS | CLONE_NEWCGROUP | different : different & CLONE_NEWIPC;
    int boot = -1;
    status = cell_boot_write(plan, &joined, CLONE_NEWUSER | wanted, joins ? 0 : CLONE_NEWPID | (others & ~joined.flags), &boot, error);
    if (status < 0)
        return status;
    const struct handed handed = {.socket = socket, .report = report, .boot = boot, .namespaces = namespaces, .offsets = offsets};
    int placed = place(&handed, program, plan->preserve_fds, error);
    if (placed < 0)
        return placed;
    privilege_keep(CAP_SYS_ADMIN); /* to join what does not belong to the sandbox's user namespace, which gives all others */
    char *arguments[] = {(char *)(uintptr_t)CELL_PROGRAM_NAME, NULL}, *environment[] = {NULL};
    (void)syscall(SYS_execveat, placed, "", arguments, environment, AT_EMPTY_PATH);
    return error_set(error, errno, "cannot execute postern-cell");
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
    auto_close int program = program_open(CELL_PROGRAM_NAME, NULL, 0, error);
    if (program < 0)
        return program;

    pid_t pid = plan->joins ? fork() : fork_into(namespaces, error);
    if (pid < 0)
        return error_set(error, errno, "cannot fork into the sandbox");
    if (pid == 0) {
        (void)close(ours);
        (void)close(sockets[0]); /* or the process would not see our end */
        (void)become_cell(namespaces, program, plan, sockets[1], theirs, error);
        (void)socket_send(theirs, error, sizeof(*error), NULL, 0);
        _exit(1);
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
    if (got == sizeof(struct cell_cloned) && count == 1) {
        struct cell_cloned message;
        memcpy(&message, &failure, sizeof(message));
        cell->outer_pid = message.outer_pid;
        (void)snprintf(cell->hostname, sizeof(cell->hostname), "%.64s", message.hostname);
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

/* One of the cell's processes, by a helper that enters what `target` is in. *ret_ours is the end of its socket. */
static int start(int target, const struct cell_plan *plan, struct cell *ret_cell, int *ret_ours, struct error *error)
{
    int sockets[2];
    int status = socket_pair(sockets);
    if (status < 0)
        return error_set(error, status, "cannot make a socket");
    auto_close int ours = sockets[0];
    auto_close int theirs = sockets[1];
    struct cell cell = {.pidfd = -1, .socket = -1, .procfs = -1};
    status = run_helper(target, plan, sockets, &cell, error);
    if (status < 0)
        return status;
    *ret_cell = cell;
    *ret_ours = take_fd(&ours);
    return 0;
}

int cell_spawn(int sentry_pidfd, const struct cell_plan *plan, struct cell *ret_cell, struct error *error)
{
    struct cell cell;
    auto_close int ours = -1;
    int status = start(sentry_pidfd, plan, &cell, &ours, error);
    if (status < 0)
        return status;
    struct cell_message message = {0};
    status = receive_from_init(ours, CELL_MOUNTED, &cell.procfs, 1, &message, error);
    if (status < 0) {
        abandon(&cell);
        return status;
    }
    cell.boottime_offset_ns = message.boottime_offset_ns;
    cell.socket = take_fd(&ours);
    *ret_cell = cell;
    return 0;
}

int cell_join(int init, const struct cell_plan *plan, struct cell *ret_cell, struct error *error)
{
    struct cell cell;
    auto_close int ours = -1;
    int status = start(init, plan, &cell, &ours, error);
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

/* An errno as Go writes it, which is how engines know it: "permission denied". */
static const char *words_of(int code, char *words, size_t size)
{
    (void)snprintf(words, size, "%s", strerror(code));
    words[0] = (char)tolower((unsigned char)words[0]);
    return words;
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
        (void)error_refuse(error, "exec: \"%s\": %s", program, words_of(code, words, sizeof(words)));
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
