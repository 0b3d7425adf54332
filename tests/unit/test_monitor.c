/* SPDX-License-Identifier: Apache-2.0 */
/* sources: runtime/lifecycle/monitor.c runtime/console/console.c runtime/console/job.c runtime/lifecycle/notify.c runtime/base/signals.c runtime/base/log.c runtime/base/await.c */
/* The loop of `postern run` on processes that stand in for init and sentry: exit statuses, signals, a sentry that
 * fails, and the console between a terminal of ours and a pty. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "postern/boot.h"
#include "postern/error.h"
#include "postern/socket.h"
#include "runtime/base/exit_status.h"
#include "runtime/base/signals.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/console/console.h"
#include "runtime/lifecycle/monitor.h"
#include "runtime/sandbox/sandbox.h"
#include "runtime/state/container.h"

static struct signals signals = SIGNALS_NONE;
static const struct container container = {.cgroup = "/a"};
static bool out_of_memory;

bool cgroup_oom_killed(const char *path, bool systemd)
{
    return strcmp(path, "/a") == 0 && !systemd && out_of_memory;
}

/* -- stand-ins -------------------------------------------------------------------------------------------------- */

struct stand_in {
    struct sandbox sandbox;
};

/* A test that fails leaves nobody behind. */
static void die_with_parent(void)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static pid_t spawn(void (*body)(int), int argument, int *ret_pidfd)
{
    pid_t pid = fork();
    if (pid == 0) {
        sigset_t none;
        die_with_parent();
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        body(argument);
        _exit(99);
    }
    assert_true(pid > 0);
    *ret_pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    assert_true(*ret_pidfd >= 0);
    return pid;
}

static void sleep_for_ever(int ignored)
{
    (void)ignored;
    for (;;)
        (void)pause();
}

/* A sentry that is well. */
static void answer(int control)
{
    struct control_message message;
    for (;;)
        if (socket_receive(control, &message, sizeof(message), NULL, 0, NULL) == sizeof(message) && message.kind == CONTROL_PING) {
            message.kind = CONTROL_PONG;
            (void)socket_send(control, &message, sizeof(message), NULL, 0);
        }
}

static void exit_with(int status)
{
    _exit(status);
}

static void die_of(int number)
{
    (void)signal(number, SIG_DFL); /* cmocka catches some */
    (void)raise(number);
}

static int make_control(struct stand_in *stand_in)
{
    int sockets[2];
    assert_int_equal(socket_pair(sockets), 0);
    *stand_in = (struct stand_in){.sandbox = {.console_master = -1, .control = sockets[0]}};
    return sockets[1];
}

/* The sentry's end of the control socket is left to the sentry: it closes when that dies. */
static void start_with(struct stand_in *stand_in, int sentry_end, void (*init)(int), int init_argument,
                       void (*sentry)(int), int sentry_argument)
{
    stand_in->sandbox.sentry = spawn(sentry, sentry_argument, &stand_in->sandbox.sentry_pidfd);
    (void)close(sentry_end);
    stand_in->sandbox.init = spawn(init, init_argument, &stand_in->sandbox.init_pidfd);
}

static void start(struct stand_in *stand_in, void (*init)(int), int init_argument, void (*sentry)(int),
                  int sentry_argument)
{
    int sentry_end = make_control(stand_in);
    start_with(stand_in, sentry_end, init, init_argument, sentry, sentry == answer ? sentry_end : sentry_argument);
}

/* Also shows that whoever still has a pid has not been reaped. */
static void finish(struct stand_in *stand_in)
{
    const pid_t pids[] = {stand_in->sandbox.sentry, stand_in->sandbox.init};
    for (size_t i = 0; i < 2; i++) {
        if (pids[i] == 0)
            continue;
        (void)kill(pids[i], SIGKILL);
        assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
    }
    (void)close(stand_in->sandbox.sentry_pidfd);
    (void)close(stand_in->sandbox.init_pidfd);
    (void)close(stand_in->sandbox.control);
}

/* What the monitor says on stderr while it runs. */
static int run_until(struct stand_in *stand_in, int64_t deadline, char *said, size_t room)
{
    int pipe_fds[2], saved = dup(STDERR_FILENO);
    assert_int_equal(pipe(pipe_fds), 0);
    (void)dup2(pipe_fds[1], STDERR_FILENO);
    (void)close(pipe_fds[1]);
    int status = monitor_run(&stand_in->sandbox, &container, &signals, &(struct monitor_options){.deadline = deadline});
    (void)dup2(saved, STDERR_FILENO);
    (void)close(saved);
    ssize_t got = read(pipe_fds[0], said, room - 1);
    said[got > 0 ? got : 0] = '\0';
    (void)close(pipe_fds[0]);
    return status;
}

static int run_monitor(struct stand_in *stand_in, char *said, size_t room)
{
    return run_until(stand_in, 0, said, room);
}

/* -- endings ---------------------------------------------------------------------------------------------------- */

static void test_exit_status(void **state)
{
    (void)state;
    struct stand_in stand_in;
    char said[512];
    start(&stand_in, exit_with, 42, answer, 0);
    assert_int_equal(run_monitor(&stand_in, said, sizeof(said)), 42);
    assert_string_equal(said, "");
    finish(&stand_in);
}

static void test_killed_by_signal(void **state)
{
    (void)state;
    struct stand_in stand_in;
    char said[512];
    start(&stand_in, die_of, SIGTERM, answer, 0);
    assert_int_equal(run_monitor(&stand_in, said, sizeof(said)), 128 + SIGTERM);
    finish(&stand_in);
}

/* A deadline that has passed ends init at once, and is told from its own end; one that has not changes nothing. */
static void test_deadline(void **state)
{
    (void)state;
    struct stand_in stand_in;
    char said[512];
    start(&stand_in, sleep_for_ever, 0, sleep_for_ever, 0);
    assert_int_equal(run_until(&stand_in, 1, said, sizeof(said)), EXIT_TIMED_OUT);
    assert_string_equal(said, "postern: warning: the time was up\n");
    finish(&stand_in);
    start(&stand_in, exit_with, 3, answer, 0);
    assert_int_equal(run_until(&stand_in, INT64_MAX, said, sizeof(said)), 3);
    finish(&stand_in);
}

/* init's SIGKILL is its own when the sentry ended in order. */
static void test_killed_by_sigkill(void **state)
{
    (void)state;
    struct stand_in stand_in;
    char said[512];
    start(&stand_in, die_of, SIGKILL, exit_with, 0);
    assert_int_equal(run_monitor(&stand_in, said, sizeof(said)), 128 + SIGKILL);
    assert_string_equal(said, "");
    finish(&stand_in);
}

static void test_sentry_crash_is_reported(void **state)
{
    (void)state;
    struct stand_in stand_in;
    char said[512];
    start(&stand_in, die_of, SIGKILL, die_of, SIGSEGV);
    assert_int_equal(run_monitor(&stand_in, said, sizeof(said)), EXIT_SANDBOX_DIED);
    assert_string_equal(said, "postern: sentry: killed by signal 11 (Segmentation fault)\n");
    finish(&stand_in);
}

/* The kernel's killer took the sentry, or all at once: to the caller the container was killed, as with runc. */
static void test_out_of_memory(void **state)
{
    (void)state;
    struct stand_in stand_in;
    char said[512];
    out_of_memory = true;
    start(&stand_in, die_of, SIGKILL, die_of, SIGKILL);
    assert_int_equal(run_monitor(&stand_in, said, sizeof(said)), 128 + SIGKILL);
    assert_non_null(strstr(said, "out of memory: the kernel killed what it found in the cgroup /a\n"));
    finish(&stand_in);
    start(&stand_in, exit_with, 3, answer, 0); /* survived it */
    assert_int_equal(run_monitor(&stand_in, said, sizeof(said)), 3);
    assert_string_equal(said, "");
    finish(&stand_in);
    out_of_memory = false;
}

static void test_sentry_says_why(void **state)
{
    (void)state;
    struct stand_in stand_in;
    char said[512];
    struct control_message message = {.kind = CONTROL_FATAL, .text = "the gofer is \033[2Jgone"};
    int sentry_end = make_control(&stand_in);
    assert_int_equal(socket_send(sentry_end, &message, sizeof(message), NULL, 0), 0);
    start_with(&stand_in, sentry_end, die_of, SIGKILL, exit_with, 1);
    assert_int_equal(run_monitor(&stand_in, said, sizeof(said)), EXIT_SANDBOX_DIED);
    assert_string_equal(said, "postern: sentry: the gofer is \\x1b[2Jgone\n");
    finish(&stand_in);
}

/* A sentry that is gone while init lives on (the kernel should not allow it) ends the container. */
static void test_sentry_gone_alone(void **state)
{
    (void)state;
    struct stand_in stand_in;
    char said[512];
    start(&stand_in, sleep_for_ever, 0, exit_with, 3);
    assert_int_equal(run_monitor(&stand_in, said, sizeof(said)), EXIT_SANDBOX_DIED);
    assert_string_equal(said, "postern: sentry: ended with status 3\n");
    finish(&stand_in);
}

/* Both are dead when the monitor looks. Which was first only the sentry can have told. */
static void test_program_that_ended_first_keeps_its_status(void **state)
{
    (void)state;
    struct stand_in stand_in;
    char said[512];
    struct control_message message = {.kind = CONTROL_ENDED};
    int sentry_end = make_control(&stand_in);
    assert_int_equal(socket_send(sentry_end, &message, sizeof(message), NULL, 0), 0);
    start_with(&stand_in, sentry_end, exit_with, 7, exit_with, 1);
    (void)usleep(50000);
    assert_int_equal(run_monitor(&stand_in, said, sizeof(said)), 7);
    finish(&stand_in);
}

static void test_no_success_without_a_sentry(void **state)
{
    (void)state;
    struct stand_in stand_in;
    char said[512];
    start(&stand_in, exit_with, 0, die_of, SIGKILL);
    (void)usleep(50000);
    assert_int_equal(run_monitor(&stand_in, said, sizeof(said)), EXIT_SANDBOX_DIED);
    assert_string_equal(said, "postern: sentry: killed by signal 9 (Killed)\n");
    finish(&stand_in);
}

/* It has not gone: what it was asked it has answered. */
static void test_sentry_that_is_stopped(void **state)
{
    (void)state;
    struct stand_in stand_in;
    char said[512];
    start(&stand_in, exit_with, 4, sleep_for_ever, 0);
    assert_int_equal(run_monitor(&stand_in, said, sizeof(said)), 4);
    finish(&stand_in);
}

static void test_warnings_are_bounded(void **state)
{
    (void)state;
    struct stand_in stand_in;
    static char said[65536];
    struct control_message message = {.kind = CONTROL_WARNING, .text = "w"};
    int sentry_end = make_control(&stand_in);
    (void)fcntl(sentry_end, F_SETFL, O_NONBLOCK);
    for (int i = 0; i < 150; i++)
        (void)socket_send(sentry_end, &message, sizeof(message), NULL, 0);
    start_with(&stand_in, sentry_end, die_of, SIGKILL, exit_with, 0);
    assert_int_equal(run_monitor(&stand_in, said, sizeof(said)), 128 + SIGKILL);
    size_t lines = 0;
    for (const char *at = said; (at = strstr(at, "postern: warning: sentry: w\n")) != NULL; at++)
        lines++;
    assert_in_range(lines, 1, 100);
    finish(&stand_in);
}

static void test_signals_are_forwarded(void **state)
{
    (void)state;
    struct stand_in stand_in;
    char said[512];
    start(&stand_in, sleep_for_ever, 0, answer, 0);
    assert_int_equal(raise(SIGCHLD), 0);
    assert_int_equal(raise(SIGPIPE), 0);
    assert_int_equal(raise(SIGUSR2), 0);
    assert_int_equal(run_monitor(&stand_in, said, sizeof(said)), 128 + SIGUSR2);
    finish(&stand_in);
}

/* -- the console ------------------------------------------------------------------------------------------------ */

struct pty {
    int master, slave;
};

static struct pty open_pty(void)
{
    struct pty pty = {.master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
    int number = 0;
    assert_true(pty.master >= 0);
    assert_int_equal(ioctl(pty.master, TIOCSPTLCK, &(int){0}), 0);
    assert_int_equal(ioctl(pty.master, TIOCGPTN, &number), 0);
    pty.slave = ioctl(pty.master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(pty.slave >= 0);
    return pty;
}

/* Reads from the far end until it ends or a text has come. */
static void expect_output(int fd, const char *text)
{
    char got[8192];
    size_t used = 0;
    while (used < sizeof(got) - 1) {
        struct pollfd entry = {.fd = fd, .events = POLLIN};
        if (poll(&entry, 1, 3000) != 1)
            break;
        ssize_t size = read(fd, got + used, sizeof(got) - 1 - used);
        if (size <= 0)
            break;
        used += (size_t)size;
        got[used] = '\0';
        if (strstr(got, text) != NULL)
            return;
    }
    got[used] = '\0';
    fail_msg("expected \"%s\", got \"%s\"", text, got);
}

/* The process that would be `postern run`: relays between the given input and output and a program on a pty, then
 * exits with what monitor_run said. */
static pid_t spawn_relay(int input, int output, struct pty guest, const char *script)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;

    die_with_parent();
    struct stand_in stand_in;
    struct console console;
    struct error error = {0};
    int sockets[2], status = 98;
    (void)dup2(input, STDIN_FILENO);
    (void)dup2(output, STDOUT_FILENO);
    for (int fd = STDERR_FILENO + 1; fd < 64; fd++) /* the far ends: nobody would see them close */
        if (fd != guest.master && fd != guest.slave && fd != signals.fd)
            (void)close(fd);
    if (socket_pair(sockets) < 0)
        _exit(97);
    stand_in.sandbox = (struct sandbox){.control = sockets[0], .console_master = guest.master};
    stand_in.sandbox.sentry = fork();
    if (stand_in.sandbox.sentry == 0) {
        die_with_parent();
        sleep_for_ever(0);
    }
    stand_in.sandbox.init = fork();
    if (stand_in.sandbox.init == 0) {
        sigset_t none;
        die_with_parent();
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)setsid();
        (void)ioctl(guest.slave, TIOCSCTTY, 0);
        for (int fd = 0; fd < 3; fd++)
            (void)dup2(guest.slave, fd);
        (void)execl("/bin/sh", "sh", "-c", script, NULL);
        _exit(127);
    }
    (void)close(guest.slave);
    (void)close(sockets[1]);
    stand_in.sandbox.sentry_pidfd = (int)syscall(SYS_pidfd_open, stand_in.sandbox.sentry, 0);
    stand_in.sandbox.init_pidfd = (int)syscall(SYS_pidfd_open, stand_in.sandbox.init, 0);
    if (console_open(guest.master, 0, &console, &error) == 0)
        status = monitor_run(&stand_in.sandbox, &container, &signals, &(struct monitor_options){.console = &console});
    (void)kill(stand_in.sandbox.sentry, SIGKILL);
    _exit(status);
}

static int wait_status(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_console_on_a_terminal(void **state)
{
    (void)state;
    struct pty user = open_pty(), guest = open_pty();
    struct termios before, during, after;
    struct winsize size = {.ws_row = 33, .ws_col = 77};
    assert_int_equal(tcgetattr(user.slave, &before), 0);
    assert_int_equal(ioctl(user.master, TIOCSWINSZ, &size), 0);
    pid_t pid =
        spawn_relay(user.slave, user.slave, guest,
                    "trap i=1 INT; stty size; echo ready; until [ \"$i\" ]; do sleep 0.02; done; echo interrupted; "
                    "read a; read b; echo \"<$a|$b>\"; exit 5");
    (void)close(guest.slave);
    expect_output(user.master, "33 77\r\nready\r\n");

    assert_int_equal(tcgetattr(user.slave, &during), 0);
    assert_int_equal(during.c_lflag & (tcflag_t)(ICANON | ECHO | ISIG), 0);

    /* a signal of the terminal: the byte goes through, the guest's pty makes it a signal */
    assert_int_equal(write(user.master, "\003", 1), 1);
    expect_output(user.master, "interrupted");
    assert_int_equal(write(user.master, "one\r", 4), 4);
    assert_int_equal(write(user.master, "two\r", 4), 4);
    expect_output(user.master, "<one|two>");
    assert_int_equal(wait_status(pid), 5);

    assert_int_equal(tcgetattr(user.slave, &after), 0);
    assert_int_equal(after.c_lflag, before.c_lflag);
    assert_int_equal(after.c_oflag, before.c_oflag);
    (void)close(user.slave);
    (void)close(user.master);
    (void)close(guest.master);
}

static void test_console_follows_the_window(void **state)
{
    (void)state;
    struct pty user = open_pty(), guest = open_pty();
    pid_t pid = spawn_relay(user.slave, user.slave, guest,
                            "trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.05; done");
    (void)close(guest.slave);
    expect_output(user.master, "ready");
    struct winsize size = {.ws_row = 12, .ws_col = 34};
    assert_int_equal(ioctl(user.master, TIOCSWINSZ, &size), 0);
    assert_int_equal(kill(pid, SIGWINCH), 0); /* the relay has no controlling terminal in this test */
    expect_output(user.master, "12 34");
    assert_int_equal(wait_status(pid), 0);
    (void)close(user.slave);
    (void)close(user.master);
    (void)close(guest.master);
}

static void test_console_on_pipes(void **state)
{
    (void)state;
    struct pty guest = open_pty();
    int input[2], output[2];
    assert_int_equal(pipe(input), 0);
    assert_int_equal(pipe(output), 0);
    pid_t pid = spawn_relay(input[0], output[1], guest, "stty -echo; cat; echo end; exit 3");
    (void)close(guest.slave);
    (void)close(input[0]);
    (void)close(output[1]);
    (void)usleep(200000);
    assert_int_equal(write(input[1], "line\nhalf", 9), 9);
    (void)close(input[1]); /* end of file, in the middle of a line */
    expect_output(output[0], "line\r\nhalfend\r\n");
    assert_int_equal(wait_status(pid), 3);
    (void)close(output[0]);
    (void)close(guest.master);
}

/* The end of input waits until the program has read what is before it: until then the terminal may be in raw mode. */
static void test_console_ends_input_late(void **state)
{
    (void)state;
    struct pty guest = open_pty();
    int input[2], output[2];
    assert_int_equal(pipe(input), 0);
    assert_int_equal(pipe(output), 0);
    assert_int_equal(write(input[1], "data\n", 5), 5);
    (void)close(input[1]);
    pid_t pid =
        spawn_relay(input[0], output[1], guest, "stty -echo -icanon; sleep 0.4; stty icanon; cat; echo end; exit 3");
    (void)close(guest.slave);
    (void)close(input[0]);
    (void)close(output[1]);
    expect_output(output[0], "data\r\nend\r\n");
    assert_int_equal(wait_status(pid), 3);
    (void)close(output[0]);
    (void)close(guest.master);
}

/* An end of input that is lost, here because the mode changes and the queue is flushed, is said again. */
static void test_console_repeats_the_end(void **state)
{
    (void)state;
    struct pty guest = open_pty();
    int output[2], input = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(pipe(output), 0);
    pid_t pid = spawn_relay(input, output[1], guest, "sleep 0.2; stty -echo -icanon; stty icanon; cat; cat; exit 3");
    (void)close(guest.slave);
    (void)close(output[1]);
    assert_int_equal(wait_status(pid), 3);
    (void)close(output[0]);
    (void)close(input);
    (void)close(guest.master);
}

/* Everything a program wrote arrives, also what it wrote just before it died. */
static void test_console_drains(void **state)
{
    (void)state;
    struct pty guest = open_pty();
    int output[2], input = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(pipe(output), 0);
    pid_t pid =
        spawn_relay(input, output[1], guest, "i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done");
    (void)close(guest.slave);
    (void)close(output[1]);
    size_t total = 0;
    static char buffer[65536];
    ssize_t got;
    while ((got = read(output[0], buffer, sizeof(buffer))) > 0)
        total += (size_t)got;
    assert_int_equal(wait_status(pid), 0);
    assert_in_range(total, 20000 * 12, 20000 * 12 + 16); /* and the echo of the end of file */
    (void)close(output[0]);
    (void)close(input);
    (void)close(guest.master);
}

/* A program that has closed the pty for a while does not make the loop spin, and can open it again. */
static void test_console_survives_a_hang_up(void **state)
{
    (void)state;
    struct pty user = open_pty(), guest = open_pty();
    pid_t pid = spawn_relay(user.slave, user.slave, guest,
                            "t=$(tty); exec <&- >&- 2>&-; sleep 0.5; exec >$t; echo back; exit 0");
    (void)close(guest.slave);
    expect_output(user.master, "back");
    assert_int_equal(wait_status(pid), 0);
    (void)close(user.slave);
    (void)close(user.master);
    (void)close(guest.master);
}

/* A reader that went away does not stop the program. */
static void test_console_without_a_reader(void **state)
{
    (void)state;
    struct pty guest = open_pty();
    int output[2], input = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(pipe(output), 0);
    (void)close(output[0]);
    pid_t pid = spawn_relay(input, output[1], guest,
                            "i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done; exit 6");
    (void)close(guest.slave);
    (void)close(output[1]);
    assert_int_equal(wait_status(pid), 6);
    (void)close(input);
    (void)close(guest.master);
}

static int open_signals(void **state)
{
    (void)state;
    struct error error = {0};
    return signals_open(&signals, &error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exit_status),
        cmocka_unit_test(test_killed_by_signal),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_killed_by_sigkill),
        cmocka_unit_test(test_sentry_crash_is_reported),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_sentry_says_why),
        cmocka_unit_test(test_sentry_gone_alone),
        cmocka_unit_test(test_program_that_ended_first_keeps_its_status),
        cmocka_unit_test(test_no_success_without_a_sentry),
        cmocka_unit_test(test_sentry_that_is_stopped),
        cmocka_unit_test(test_warnings_are_bounded),
        cmocka_unit_test(test_signals_are_forwarded),
        cmocka_unit_test(test_console_on_a_terminal),
        cmocka_unit_test(test_console_follows_the_window),
        cmocka_unit_test(test_console_on_pipes),
        cmocka_unit_test(test_console_ends_input_late),
        cmocka_unit_test(test_console_repeats_the_end),
        cmocka_unit_test(test_console_drains),
        cmocka_unit_test(test_console_survives_a_hang_up),
        cmocka_unit_test(test_console_without_a_reader),
    };
    return cmocka_run_group_tests(tests, open_signals, NULL);
}
