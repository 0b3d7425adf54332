/* SPDX-License-Identifier: Apache-2.0 */
/* What the container's process does before it is the container's program, step by step as the runtime says. */
#include "cell/cell.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/cell.h"
#include "postern/cleanup.h"
#include "postern/privilege.h"
#include "postern/socket.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/* Exit codes nobody takes for the program's: by then the runtime has been told, or is gone. */
enum { EXIT_FAILED = 1, EXIT_PROGRAM_NOT_FOUND = 127 };

struct life {
    const struct cell_boot *boot;
    int socket; /* to whoever starts us */
    int procfs; /* -1 when we joined */
    int console, start; /* -1: none */
    struct program program;
};

static void report_failure(int socket, const struct error *error) __attribute__((noreturn));
static void report_failure(int socket, const struct error *error)
{
    const struct cell_message message = {.error = *error};
    (void)socket_send(socket, &message, sizeof(message), NULL, 0);
    _exit(EXIT_FAILED);
}

static void close_both(int fds[2])
{
    cleanup_close(&fds[0]);
    cleanup_close(&fds[1]);
}

/* Waits for a step. -EPIPE if the other side is gone: there is nobody to tell. fds: NULL where none come, as when we are confined: then
 * recvmsg(2) is not ours any more. */
static int wait_for(int socket, enum cell_step step, struct cell_message *ret_message, int fds[2])
{
    struct cell_message message;
    ssize_t got = fds != NULL ? socket_receive(socket, &message, sizeof(message), fds, 2, NULL)
                              : TEMP_FAILURE_RETRY(recv(socket, &message, sizeof(message), 0));
    if (got != sizeof(message) || message.step != step) {
        if (fds != NULL)
            close_both(fds);
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
        if (connection < 0 && errno != EINTR && errno != ECONNABORTED)
            return -errno;
        if (connection >= 0 && wait_for(connection, CELL_EXECUTE, &message, NULL) == 0)
            return take_fd(&connection);
    }
}

/* -- steps -------------------------------------------------------------------------------------------------------- */

/* A process that joins needs none of the file systems, but the same identity before it goes on. */
static int begin(struct life *life, int64_t offset_ns, struct error *error)
{
    if (setresgid(GUEST_ID, GUEST_ID, GUEST_ID) < 0 || setresuid(GUEST_ID, GUEST_ID, GUEST_ID) < 0)
        return error_set(error, errno, "cannot become the guest's user");
    int status = program_take(life->boot, &life->program);
    if (status < 0)
        return error_set(error, status, "cannot take over the program's words");
    return life->boot->joins != 0 ? 0 : setup_filesystems(life->boot, life->socket, offset_ns, &life->procfs, error);
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

static int set_up(struct life *life, struct error *error)
{
    const struct cell_boot *boot = life->boot;
    int status = setup_terminal(boot, life->console, error);
    if (status == 0)
        status = setup_personality(boot, error);
    if (status == 0 && boot->joins == 0)
        status = setup_namespaces(boot, life->procfs, error);
    if (status == 0)
        status = setup_descriptors(boot, &life->socket, &life->start, error);
    if (status == 0)
        status = privilege_drop(GUEST_ID, GUEST_ID, NULL, 0, error);
    return status == 0 ? setup_limits(boot, error) : status;
}

static int load_filter(const struct cell_filter *filter, unsigned int flags)
{
    const struct sock_fprog program = {.len = (unsigned short)filter->count, .filter = (struct sock_filter *)(uintptr_t)filter->code};
    int loaded = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, filter->flags | flags, &program);
    return loaded < 0 ? -errno : loaded;
}

static int confine(const struct cell_boot *boot, int *ret_listener, struct error *error)
{
    /* The sentry must be able to read our execve's arguments; changing ids has forbidden it. */
    if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
        return error_set(error, errno, "cannot be read by the sentry");
    int listener = load_filter(&boot->guest, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
    if (listener < 0)
        return error_set(error, listener, "cannot install the filter (Linux 5.19 or newer is needed)");
    *ret_listener = listener;
    return 0;
}

/* -- confined: from here on calls trap ------------------------------------------------------------------------------ */

static void hand_over(int socket, int listener)
{
    const struct cell_message message = {.step = CELL_CONFINED};
    if (socket_send_from_cell(socket, &message, sizeof(message), &listener, 1) < 0)
        _exit(EXIT_FAILED);
    (void)close(listener);
}

/* Whoever creates the container hears now, and not whoever starts it, that its program is not there. */
static void find_program(struct life *life)
{
    struct cell_message message;
    if (wait_for(life->socket, CELL_FIND, &message, NULL) < 0)
        _exit(EXIT_FAILED);
    message = (struct cell_message){.step = CELL_FIND};
    int status = program_find(&life->program);
    message.error.code = -status;
    if (socket_send_from_cell(life->socket, &message, sizeof(message), NULL, 0) < 0 || status < 0)
        _exit(EXIT_PROGRAM_NOT_FOUND);
}

static void await_execute(struct life *life)
{
    struct cell_message message;
    int status = 0;
    if (life->start >= 0)
        life->socket = wait_for_start(life->start);
    else
        status = wait_for(life->socket, CELL_EXECUTE, &message, NULL);
    if (status < 0 || life->socket < 0)
        _exit(EXIT_FAILED);
}

/* linux.seccomp is loaded last: nothing of what makes a container has to be allowed in it. */
static void execute(struct life *life)
{
    const struct cell_filter *config = &life->boot->config;
    int status = config->count > 0 ? load_filter(config, 0) : 0;
    if (status >= 0)
        program_execute(&life->program);
    struct cell_message message = {0};
    (void)error_set(&message.error, status, "linux.seccomp: the kernel does not take the filter");
    (void)socket_send_from_cell(life->socket, &message, sizeof(message), NULL, 0);
    _exit(EXIT_FAILED);
}

void cell_live(const struct cell_boot *boot, int64_t boottime_offset_ns)
{
    struct error error = {0};
    struct life life = {.boot = boot, .socket = CELL_FD_SOCKET, .procfs = -1, .console = -1, .start = -1};
    int listener = -1;

    setup_signals(boot);
    (void)umask(0022);
    if (begin(&life, boottime_offset_ns, &error) < 0)
        report_failure(life.socket, &error);
    if (hear_confine(&life) < 0)
        _exit(EXIT_FAILED);
    if (set_up(&life, &error) < 0 || confine(boot, &listener, &error) < 0)
        report_failure(life.socket, &error);
    hand_over(life.socket, listener);
    find_program(&life);
    await_execute(&life);
    execute(&life);
    _exit(EXIT_FAILED);
}
