/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sandbox/sentry_start.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/boot.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "postern/mark.h"
#include "postern/privilege.h"
#include "postern/socket.h"
#include "runtime/base/await.h"
#include "runtime/base/limits.h"
#include "runtime/base/log.h"
#include "runtime/base/streams.h"
#include "runtime/cell/namespaces.h"
#include "runtime/ids/ids.h"
#include "runtime/ids/user_namespace.h"
#include "runtime/mounts/surroundings.h"

/* Inside the user namespace U. Where there is but one id outside, the sentry is the guest's too: what keeps them apart then
 * are capabilities and the guest's pid namespace. */
enum { U_GUEST = 0, U_SENTRY = 1 };

/* In U only, over the guest's processes and nothing else: docs/exposure.md says why each. */
static const int sentry_caps[] = {CAP_SYS_PTRACE, CAP_KILL, CAP_SYS_RESOURCE, CAP_DAC_READ_SEARCH,
                                  CAP_DAC_OVERRIDE, CAP_SYS_NICE, CAP_SETUID, CAP_SETGID};

/* What sentry_launch sends to the waiting child: where to put the descriptors that come along. */
struct launch_message {
    size_t count;
    int numbers[SOCKET_FDS_MAX];
    bool quiet;
};

static void child_failed(int control, const struct error *error) __attribute__((noreturn));
static void child_failed(int control, const struct error *error)
{
    struct control_message message = {.kind = CONTROL_FATAL};
    (void)snprintf(message.text, sizeof(message.text), "%.*s", (int)sizeof(message.text) - 1, error->text);
    (void)socket_send(control, &message, sizeof(message), NULL, 0);
    _exit(1);
}

enum { PLACES_MAX = SOCKET_FDS_MAX + 3 };

struct places {
    size_t count;
    int fds[PLACES_MAX], numbers[PLACES_MAX];
};

static void place(struct places *places, int fd, int number)
{
    places->fds[places->count] = fd;
    places->numbers[places->count++] = number;
}

static bool is_placed(const struct places *places, int number)
{
    for (size_t i = 0; i < places->count; i++)
        if (places->numbers[i] == number)
            return true;
    return false;
}

/* Puts descriptors at their numbers, below SENTRY_FD_FIRST_FREE, and closes all others. They are first moved out of the way,
 * so that none is overwritten. */
static int place_descriptors(const struct places *places, struct error *error)
{
    int high[PLACES_MAX];
    for (size_t i = 0; i < places->count; i++) {
        high[i] = fcntl(places->fds[i], F_DUPFD_CLOEXEC, SENTRY_FD_FIRST_FREE);
        if (high[i] < 0)
            return error_set(error, errno, "cannot place a descriptor");
    }
    for (size_t i = 0; i < places->count; i++)
        if (dup2(high[i], places->numbers[i]) < 0)
            return error_set(error, errno, "cannot place a descriptor");
    for (int number = STDERR_FILENO + 1; number < SENTRY_FD_FIRST_FREE; number++)
        if (!is_placed(places, number))
            (void)close(number);
    (void)close_range(SENTRY_FD_FIRST_FREE, ~0U, 0);
    return 0;
}

static int receive_launch(int control, struct places *places, bool *ret_quiet, struct error *error)
{
    struct launch_message launch;
    int fds[SOCKET_FDS_MAX];
    size_t count;
    ssize_t got = socket_receive(control, &launch, sizeof(launch), fds, SOCKET_FDS_MAX, &count);
    if (got == 0)
        _exit(1); /* the runtime is gone */
    if (got != sizeof(launch) || count != launch.count)
        return error_refuse(error, "sentry start: malformed launch message");
    for (size_t i = 0; i < count; i++)
        place(places, fds[i], launch.numbers[i]);
    *ret_quiet = launch.quiet;
    return 0;
}

static int run_sentry(int control, int procfs, int binary, uid_t self, struct error *error)
{
    const int program = SENTRY_FD_FIRST_FREE - 1;
    struct places places = {0};
    bool quiet = false;
    int status = receive_launch(control, &places, &quiet, error);
    if (status == 0 && (status = streams_let_go(quiet ? -1 : STDERR_FILENO)) < 0)
        (void)error_set(error, status, "cannot close standard streams");
    if (status == 0)
        status = surroundings_of_sentry(error);
    place(&places, control, SENTRY_FD_CONTROL);
    place(&places, procfs, SENTRY_FD_PROC_OUTER);
    place(&places, binary, program);
    if (status == 0)
        status = place_descriptors(&places, error);
    if (status == 0)
        status = privilege_drop(self, self, sentry_caps, sizeof(sentry_caps) / sizeof(sentry_caps[0]), error);
    if (status < 0)
        return status;
    (void)fcntl(program, F_SETFD, FD_CLOEXEC);
    char *arguments[] = {(char *)(uintptr_t) "postern-sentry", NULL};
    char *environment[] = {NULL};
    (void)syscall(SYS_execveat, program, "", arguments, environment, AT_EMPTY_PATH);
    return error_set(error, errno, "cannot execute postern-sentry");
}

static void sentry_child(int control, int go, int binary, uid_t self) __attribute__((noreturn));
static void sentry_child(int control, int go, int binary, uid_t self)
{
    struct error error = {0};
    char byte;
    if (read(go, &byte, 1) != 1)
        _exit(1);
    (void)prctl(PR_SET_NAME, "postern-sentry");
    limits_give_up_ranks();
    /* As the sentry's id from here on: what we mount belongs to it. Capabilities in U are kept. */
    if (setresgid(self, self, self) < 0 || setresuid(self, self, self) < 0) {
        (void)error_set(&error, errno, "cannot become the sentry's user");
        child_failed(control, &error);
    }
    /* The runtime must be able to join our namespaces. Changing ids has forbidden it, to one whose own memory is older than the user
     * namespace it works in. Nobody else of this id sees us. */
    if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0) {
        (void)error_set(&error, errno, "cannot be joined");
        child_failed(control, &error);
    }
    int procfs = privilege_detached_mount("proc", 0, &error);
    if (procfs < 0)
        child_failed(control, &error);
    struct control_message ready = {.kind = CONTROL_READY};
    if (socket_send(control, &ready, sizeof(ready), &procfs, 1) < 0)
        _exit(1);
    (void)run_sentry(control, procfs, binary, self, &error);
    child_failed(control, &error);
}

static int write_map(pid_t pid, const char *file, uint32_t guest, uint32_t sentry, uint32_t label, struct error *error)
{
    struct boot_id_table table = {.count = guest == sentry ? 1 : 2, .lines = {{U_GUEST, guest, 1}, {U_SENTRY, sentry, 1}}};
    if (label != 0)
        table.lines[table.count++] = (struct boot_id_line){LABELS_FIRST, label, LABELS};
    int status = user_namespace_write(pid, file, &table);
    return status < 0 ? error_set(error, status, "cannot write %s of the sandbox's user namespace", file) : 0;
}

int control_expect(int control, unsigned int kind, struct error *error)
{
    for (;;) {
        struct control_message message;
        ssize_t got = await_message(control, "the sentry", &message, sizeof(message), NULL, 0, NULL, error);
        if (got < 0)
            return (int)got;
        if (got != sizeof(message))
            return error_refuse(error, "the sentry ended before the container was started");
        message.text[sizeof(message.text) - 1] = '\0';
        if (message.kind == kind)
            return 0;
        if (message.kind == CONTROL_FATAL)
            return error_refuse(error, "sentry: %s", message.text);
        if (message.kind == CONTROL_WARNING)
            log_message(LOG_LEVEL_WARNING, "sentry: %s", message.text);
    }
}

/* Receives the procfs from the first step, or the child's failure. */
static int receive_procfs(int control, int *ret_procfs, struct error *error)
{
    struct control_message message;
    size_t count = 0;
    int fd;
    ssize_t got = await_message(control, "the sentry's process", &message, sizeof(message), &fd, 1, &count, error);
    if (got < 0)
        return (int)got;
    if (got != sizeof(message))
        return error_refuse(error, "the sentry's process ended while it was set up");
    if (message.kind != CONTROL_READY || count != 1) {
        cleanup_close(&fd);
        message.text[sizeof(message.text) - 1] = '\0';
        return error_refuse(error, "%s", message.text);
    }
    *ret_procfs = fd;
    return 0;
}

/* What a helper's child needs; the parent's ends are closed in it, or it would not see them close when we are killed. */
struct spawn {
    const struct oci_linux *config;
    uid_t self;  /* the sentry's, in U */
    uid_t owner; /* of U */
    int binary;
    int control[2]; /* [0] is ours */
    int go[2];
};

/* Runs in the helper: enters the ipc namespace and clones the sentry as the runtime's child. Returns its pid in the helper. */
static int clone_sentry(const struct spawn *spawn, int report, struct error *error)
{
    (void)close(spawn->control[0]);
    (void)close(spawn->go[1]);
    int status = namespaces_enter_ipc(spawn->config, error);
    if (status < 0)
        return status;
    status = privilege_own_as(spawn->owner);
    if (status < 0)
        return error_set(error, status, "cannot own the sandbox's user namespace");
    int pidfd = -1;
    struct clone_args clone = {
        .flags = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_PIDFD |
                 CLONE_PARENT,
        .pidfd = (uint64_t)(uintptr_t)&pidfd,
    };
    pid_t pid = (pid_t)syscall(SYS_clone3, &clone, sizeof(clone));
    if (pid < 0)
        return error_set(error, errno, "cannot create the sandbox's namespaces");
    if (pid == 0) {
        (void)close(report);
        sentry_child(spawn->control[1], spawn->go[0], spawn->binary, spawn->self);
    }
    status = socket_send(report, &pid, sizeof(pid), &pidfd, 1);
    return status < 0 ? error_set(error, status, "cannot report the sentry's process") : 0;
}

/* *ret_pidfd is owned by the caller. */
static int run_helper(const struct spawn *spawn, pid_t *ret_pid, int *ret_pidfd, struct error *error)
{
    int report[2];
    int status = socket_pair(report);
    if (status < 0)
        return error_set(error, status, "cannot make a socket");
    auto_close int ours = report[0];
    auto_close int theirs = report[1];
    pid_t helper = fork();
    if (helper < 0)
        return error_set(error, errno, "cannot create the sandbox's namespaces");
    if (helper == 0) {
        (void)close(ours);
        status = clone_sentry(spawn, theirs, error);
        if (status < 0)
            (void)socket_send(theirs, error, sizeof(*error), NULL, 0);
        _exit(status < 0);
    }
    (void)close(take_fd(&theirs));
    struct error failure = {0};
    size_t count = 0;
    int pidfd = -1;
    ssize_t got = await_message(ours, "the helper that starts the sentry", &failure, sizeof(failure), &pidfd, 1, &count, error);
    await_killed(helper); /* it has said all */
    if (got == sizeof(pid_t) && count == 1) {
        memcpy(ret_pid, &failure, sizeof(*ret_pid));
        *ret_pidfd = pidfd;
        return 0;
    }
    cleanup_close(&pidfd);
    if (got < 0)
        return (int)got;
    if (got != sizeof(failure))
        return error_refuse(error, "the helper that starts the sentry died");
    *error = failure;
    return -failure.code;
}

int sentry_spawn(const struct oci_linux *config, const struct ids *ids, int sentry_binary, struct sentry_start *ret_start,
                 struct error *error)
{
    struct spawn spawn = {.config = config,
                          .self = ids->sentry == ids->guest ? U_GUEST : U_SENTRY,
                          .owner = ids->sentry,
                          .binary = sentry_binary};
    int status = socket_pair(spawn.control);
    if (status < 0)
        return error_set(error, status, "cannot make the control socket");
    auto_close int ours = spawn.control[0];
    auto_close int theirs = spawn.control[1];
    if (pipe2(spawn.go, O_CLOEXEC) < 0)
        return error_set(error, errno, "cannot make a pipe");
    auto_close int go_read = spawn.go[0];
    auto_close int go_write = spawn.go[1];

    pid_t pid;
    int raw_pidfd;
    status = run_helper(&spawn, &pid, &raw_pidfd, error);
    if (status < 0)
        return status;
    auto_close int pidfd = raw_pidfd;
    int procfs = -1;
    status = write_map(pid, "gid_map", ids->guest_gid, ids->sentry_gid, ids->label_gid, error);
    if (status == 0)
        status = write_map(pid, "uid_map", ids->guest, ids->sentry, ids->label, error);
    (void)close(take_fd(&theirs));
    if (status == 0 && write(go_write, "g", 1) != 1)
        status = error_set(error, errno, "cannot start the sentry's process");
    if (status == 0)
        status = receive_procfs(ours, &procfs, error);
    if (status < 0) {
        await_killed(pid);
        return status;
    }
    *ret_start = (struct sentry_start){.pid = pid, .pidfd = take_fd(&pidfd), .control = take_fd(&ours), .procfs = procfs};
    return 0;
}

int sentry_launch(const struct sentry_start *start, const struct sentry_fds *fds, struct error *error)
{
    const int table[][2] = {
        {fds->gofer, SENTRY_FD_GOFER},   {fds->boot, SENTRY_FD_BOOT},     {fds->trace, SENTRY_FD_TRACE},
        {fds->inner, SENTRY_FD_PROC_INNER},
        {fds->fuse, SENTRY_FD_FUSE},     {fds->listen, SENTRY_FD_LISTEN}, {fds->reason, SENTRY_FD_REASON},
        {fds->locks[0], SENTRY_FD_LOCKS}, {fds->locks[1], SENTRY_FD_LOCKS + 1},
    };
    struct launch_message launch = {.quiet = fds->quiet};
    int sent[SOCKET_FDS_MAX];
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (table[i][0] < 0)
            continue;
        sent[launch.count] = table[i][0];
        launch.numbers[launch.count++] = table[i][1];
    }
    int status = await_sent(start->control, "the sentry's process", &launch, sizeof(launch), sent, launch.count, error);
    if (status < 0)
        return status;
    return control_expect(start->control, CONTROL_READY, error);
}
