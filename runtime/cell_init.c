/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cell_init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "oci-spec/oci.h"
#include "postern/cleanup.h"
#include "postern/filter.h"
#include "postern/limits.h"
#include "postern/socket.h"
#include "runtime/cell_program.h"
#include "runtime/command.h"
#include "runtime/config_seccomp.h"
#include "runtime/limits.h"
#include "runtime/namespaces.h"
#include "runtime/privilege.h"
#include "runtime/sysctl.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

enum { GUEST_ID = 0 /* in U */ };

static struct cell_plan prepared;
static struct joined joined;

const char *cell_plan_program(const struct cell_plan *plan)
{
    return plan->program != NULL ? plan->program : plan->process->args.items[0];
}

void cell_init_prepare(const struct cell_plan *plan)
{
    prepared = *plan;
}

static void report_failure(int socket, const struct error *error) __attribute__((noreturn));
static void report_failure(int socket, const struct error *error)
{
    struct cell_message message = {.step = 0, .error = *error};
    (void)socket_send(socket, &message, sizeof(message), NULL, 0);
    _exit(1);
}

static void close_all(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cleanup_close(&fds[i]);
}

/* Waits for a step. -EPIPE if the other side is gone: there is nobody to tell. */
static int wait_for(int socket, enum cell_step step, struct cell_message *ret_message, int fds[2])
{
    struct cell_message message;
    ssize_t got = socket_receive(socket, &message, sizeof(message), fds, 2, NULL);
    if (got != sizeof(message) || message.step != step) {
        close_all(fds, 2);
        return -EPIPE;
    }
    *ret_message = message;
    return 0;
}

/* The container has been created; whoever starts it connects. A connection that says nothing sensible is dropped. */
static int wait_for_start(int listener)
{
    for (;;) {
        auto_close int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        struct cell_message message;
        int fds[2];
        if (connection < 0 && errno != EINTR && errno != ECONNABORTED)
            return -errno;
        if (connection >= 0 && wait_for(connection, CELL_EXECUTE, &message, fds) == 0) {
            close_all(fds, 2);
            return take_fd(&connection);
        }
    }
}

static int connect_terminal(int console, struct error *error)
{
    if (setsid() < 0)
        return error_set(error, errno, "cannot start a session");
    if (console < 0)
        return 0;
    for (int i = 0; i < 3; i++)
        if ((prepared.own_streams >> i & 1) == 0 && dup2(console, i) < 0)
            return error_set(error, errno, "cannot connect the terminal");
    if (ioctl(console, TIOCSCTTY, 0) < 0)
        return error_set(error, errno, "cannot make the terminal the controlling one");
    return 0;
}

/* A signal state nobody inherits by accident: our caller may have blocked or ignored some. */
static void reset_signals(void)
{
    sigset_t blocked;
    (void)(prepared.hold_signals ? sigfillset : sigemptyset)(&blocked);
    for (int signal = 1; signal < NSIG; signal++)
        (void)sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    (void)sigprocmask(SIG_SETMASK, &blocked, NULL);
}

/* Closes what the container's program must not find. Descriptors to preserve lie right above the standard streams; ours are
 * moved out of their way. */
static int close_others(int *socket, int *start, struct error *error)
{
    int first = STDERR_FILENO + 1 + prepared.preserve_fds;
    int high = fcntl(*socket, F_DUPFD_CLOEXEC, first);
    int higher = *start < 0 ? -1 : fcntl(*start, F_DUPFD_CLOEXEC, first);
    if (high < 0 || (*start >= 0 && higher < 0))
        return error_set(error, errno, "cannot place descriptors");
    *socket = dup2(high, first) < 0 ? -1 : first;
    if (*socket < 0 || fcntl(first, F_SETFD, FD_CLOEXEC) < 0)
        return error_set(error, errno, "cannot place descriptors");
    if (higher >= 0) {
        *start = dup2(higher, first + 1) < 0 ? -1 : first + 1;
        if (*start < 0 || fcntl(first + 1, F_SETFD, FD_CLOEXEC) < 0)
            return error_set(error, errno, "cannot place descriptors");
    }
    if (close_range((unsigned int)first + (higher >= 0 ? 2 : 1), ~0U, 0) < 0)
        return error_set(error, errno, "cannot close descriptors");
    for (int fd = STDERR_FILENO + 1; fd < first; fd++)
        (void)fcntl(fd, F_SETFD, 0);
    return 0;
}

static int install_filter(int *ret_listener, struct error *error)
{
    struct sock_fprog program;
    int status = filter_build(limits_granted(prepared.process->capabilities.bounding), &program, error);
    if (status < 0)
        return status;
    int listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                                SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &program);
    if (listener < 0)
        return error_set(error, errno, "cannot install the filter (Linux 5.19 or newer is needed)");
    *ret_listener = listener;
    return 0;
}

/* Before the runtime hears of us, and so before any hook looks at the network. */
static int prepare_network(int procfs, struct error *error)
{
    if ((joined.flags & CLONE_NEWNET) != 0)
        return 0;
    network_relax(procfs, "0 0"); /* the one group there is */
    return network_raise_loopback(error);
}

static int make_filesystems(int socket, int64_t offset, int *ret_procfs, struct error *error)
{
    if (setresgid(GUEST_ID, GUEST_ID, GUEST_ID) < 0 || setresuid(GUEST_ID, GUEST_ID, GUEST_ID) < 0)
        return error_set(error, errno, "cannot become the guest's user");
    int procfs = privilege_detached_mount("proc", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, error);
    if (procfs < 0)
        return procfs;
    int status = prepare_network(procfs, error);
    if (status < 0)
        return status;
    struct cell_message message = {.step = CELL_MOUNTED, .boottime_offset_ns = offset};
    status = socket_send(socket, &message, sizeof(message), &procfs, 1);
    *ret_procfs = procfs;
    return status < 0 ? error_set(error, status, "cannot reach the runtime") : 0;
}

void cell_init_set_oom_score(void)
{
    if (!prepared.process->oom_score_adj.set)
        return;
    auto_close int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (file >= 0)
        (void)dprintf(file, "%d", prepared.process->oom_score_adj.value);
}

/* What belongs to the namespaces and is done once for all their processes. */
static int set_up_namespaces(int procfs, struct error *error)
{
    const unsigned int own = (joined.flags & CLONE_NEWNET) == 0 ? SYSCTL_NET : 0u;
    int status = sysctl_write(procfs, &prepared.host->sysctl, own, error);
    if (status < 0)
        return status;
    if (prepared.hostname != NULL && (joined.flags & CLONE_NEWUTS) == 0)
        (void)!sethostname(prepared.hostname, strlen(prepared.hostname)); /* the guest is shown the sentry's answer */
    return privilege_enter_empty_root(error);
}

struct life {
    int socket;  /* to whoever starts us */
    int procfs;  /* -1 when we joined */
    int console, start; /* -1: none */
};

static int set_up(struct life *life, struct error *error)
{
    int status = connect_terminal(life->console, error);
    if (status == 0 && prepared.personality != NULL && personality((unsigned long)prepared.personality->domain) < 0)
        status = error_set(error, errno, "linux.personality: the kernel does not take it");
    if (status == 0 && !prepared.joins)
        status = set_up_namespaces(life->procfs, error);
    if (status == 0)
        status = close_others(&life->socket, &life->start, error);
    if (status == 0)
        status = privilege_drop(GUEST_ID, GUEST_ID, NULL, 0, error);
    /* Last: they are meant for the program, and may be too tight for us. */
    return status == 0 ? limits_set_guest(prepared.process, error) : status;
}

/* A process that joins needs none of the filesystems, but the same identity before it goes on. */
static int enter(struct life *life, int64_t offset, struct error *error)
{
    if (!prepared.joins)
        return make_filesystems(life->socket, offset, &life->procfs, error);
    if (setresgid(GUEST_ID, GUEST_ID, GUEST_ID) < 0 || setresuid(GUEST_ID, GUEST_ID, GUEST_ID) < 0)
        return error_set(error, errno, "cannot become the guest's user");
    return 0;
}

/* The console and the socket to be started by, as far as they come along. */
static int hear_confine(struct life *life)
{
    struct cell_message message;
    int fds[2];
    int status = wait_for(life->socket, CELL_CONFINE, &message, fds);
    if (status < 0)
        return status;
    int next = 0;
    if (message.has_console)
        life->console = fds[next++];
    if (message.has_start)
        life->start = fds[next];
    return 0;
}

/* Whoever creates the container hears now, and not whoever starts it, that its program is not there. */
static int find_program(int socket, struct cell_program *ret_program)
{
    struct cell_message message;
    int none[2];
    int status = wait_for(socket, CELL_FIND, &message, none);
    if (status < 0)
        return status;
    message = (struct cell_message){.step = CELL_FIND};
    status = cell_program_find(&prepared, ret_program);
    message.error.code = -status;
    int sent = socket_send_from_cell(socket, &message, sizeof(message), NULL, 0);
    return status < 0 ? status : sent;
}

void cell_init_run(int socket, int64_t boottime_offset_ns, const struct joined *not_own)
{
    struct error error = {0};
    struct life life = {.socket = socket, .procfs = -1, .console = -1, .start = -1};
    int listener = -1;

    joined = *not_own;
    reset_signals();
    (void)umask(0022);
    if (enter(&life, boottime_offset_ns, &error) < 0)
        report_failure(life.socket, &error);
    if (hear_confine(&life) < 0)
        _exit(1);
    if (set_up(&life, &error) < 0)
        report_failure(life.socket, &error);
    /* The sentry must be able to read our execve's arguments; changing ids has forbidden it. */
    if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0 || install_filter(&listener, &error) < 0)
        report_failure(life.socket, &error);

    struct cell_message message = {.step = CELL_CONFINED};
    if (socket_send_from_cell(life.socket, &message, sizeof(message), &listener, 1) < 0)
        _exit(1);
    (void)close(listener);
    struct cell_program program;
    int status = find_program(life.socket, &program);
    if (status < 0)
        _exit(EXIT_NOT_FOUND);
    if (life.start >= 0) {
        life.socket = wait_for_start(life.start);
    } else {
        int none[2];
        status = wait_for(life.socket, CELL_EXECUTE, &message, none);
    }
    if (status < 0 || life.socket < 0)
        _exit(1);
    status = config_seccomp_load(prepared.seccomp);
    if (status == 0)
        cell_program_execute(&prepared, &program);
    message = (struct cell_message){.step = 0};
    (void)error_set(&message.error, status, "linux.seccomp: the kernel does not take the filter");
    (void)socket_send_from_cell(life.socket, &message, sizeof(message), NULL, 0);
    _exit(EXIT_USAGE);
}
