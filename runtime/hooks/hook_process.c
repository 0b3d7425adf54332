/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/hooks/hook_process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oci-spec/oci.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/base/await.h"
#include "runtime/base/limits.h"
#include "runtime/base/signals.h"

enum {
    QUOTED_MAX = 300,  /* bytes of what a failed hook printed */
    KILLED_MS = 10000, /* for a killed one to be gone */
};

/* -- streams ---------------------------------------------------------------------------------------------------- */

/* Memory files and no pipes: nobody has to read along, and a hook's child that stays behind with them hinders nobody. */
int hook_streams_open(const char *state, size_t size, struct hook_streams *ret_streams, struct error *error)
{
    struct hook_streams streams = {.input = memfd_create("state", MFD_CLOEXEC),
                                   .output = memfd_create("stdout", MFD_CLOEXEC),
                                   .errors = memfd_create("stderr", MFD_CLOEXEC)};
    if (streams.input < 0 || streams.output < 0 || streams.errors < 0 || write(streams.input, state, size) != (ssize_t)size ||
        lseek(streams.input, 0, SEEK_SET) < 0) {
        int saved = errno;
        hook_streams_close(&streams);
        return error_set(error, saved, "cannot make the hook's standard streams");
    }
    *ret_streams = streams;
    return 0;
}

void hook_streams_close(struct hook_streams *streams)
{
    cleanup_close(&streams->input);
    cleanup_close(&streams->output);
    cleanup_close(&streams->errors);
    *streams = (struct hook_streams){-1, -1, -1};
}

int hook_streams_connect(const struct hook_streams *streams)
{
    const int fds[] = {streams->input, streams->output, streams->errors};
    int high[3];
    for (int i = 0; i < 3; i++)
        if ((high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1)) < 0)
            return -errno;
    for (int i = 0; i < 3; i++)
        if (dup2(high[i], i) < 0)
            return -errno;
    return 0;
}

/* The first of what was printed, without its last newline. */
static void quote(int fd, char text[QUOTED_MAX + 1])
{
    ssize_t size = pread(fd, text, QUOTED_MAX, 0);
    text[size > 0 ? size : 0] = '\0';
    while (size > 0 && text[size - 1] == '\n')
        text[--size] = '\0';
}

/* -- the end ---------------------------------------------------------------------------------------------------- */

enum { AT_END = 0, TIME_OVER = 1 };

/* AT_END, TIME_OVER, or -EINTR when we are asked to end. */
static int wait_until(pid_t pid, const struct oci_hook *hook)
{
    auto_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    const long deadline = await_now_ms() + (hook->timeout.set ? hook->timeout.value * 1000L : LONG_MAX / 2);
    while (pidfd >= 0) {
        struct pollfd entries[] = {{.fd = pidfd, .events = POLLIN}, {.fd = signals_interrupt_fd(), .events = POLLIN}};
        long left = deadline - await_now_ms();
        int ready = poll(entries, 2, left > INT_MAX ? INT_MAX : left > 0 ? (int)left : 0);
        if (entries[0].revents != 0)
            return AT_END;
        if (entries[1].revents != 0 && signals_interrupt() != 0)
            return -EINTR;
        if (ready == 0 && left <= 0)
            return TIME_OVER;
    }
    return TIME_OVER;
}

int hook_wait(const struct oci_hook *hook, pid_t pid, int process, const struct hook_streams *streams, struct error *error)
{
    const int wait = wait_until(pid, hook);
    if (wait != AT_END && process >= 0)
        (void)syscall(SYS_pidfd_send_signal, process, SIGKILL, NULL, 0);
    else if (wait != AT_END)
        (void)kill(-pid, SIGKILL);
    int status = 0;
    int reaped = await_child(pid, KILLED_MS, &status);
    if (reaped < 0) {
        await_killed(pid);
        return error_set(error, reaped, "cannot wait for %s", hook->path);
    }
    if (wait < 0) {
        (void)error_refuse(error, "%s was ended with us, by signal %d", hook->path, signals_interrupt());
        return wait;
    }
    if (wait == TIME_OVER)
        return error_refuse(error, "%s ran past the specified timeout of %ds", hook->path, hook->timeout.value);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;

    char output[QUOTED_MAX + 1], errors[QUOTED_MAX + 1];
    quote(streams->output, output);
    quote(streams->errors, errors);
    if (WIFSIGNALED(status))
        return error_refuse(error, "signal: %s, stdout: %s, stderr: %s", strsignal(WTERMSIG(status)), output, errors);
    return error_refuse(error, "exit status %d, stdout: %s, stderr: %s", WEXITSTATUS(status), output, errors);
}

/* -- the process ------------------------------------------------------------------------------------------------ */

static int open_namespaces(const struct hook_place *place, int *ret_mounts, int *ret_others)
{
    auto_close int mounts = place->mounts > 0 ? (int)syscall(SYS_pidfd_open, place->mounts, 0) : -1;
    auto_close int others = place->others > 0 ? (int)syscall(SYS_pidfd_open, place->others, 0) : -1;
    if ((place->mounts > 0 && mounts < 0) || (place->others > 0 && others < 0))
        return -errno;
    *ret_mounts = take_fd(&mounts);
    *ret_others = take_fd(&others);
    return 0;
}

static void reset_signals(void)
{
    sigset_t none;
    (void)sigemptyset(&none);
    for (int signal = 1; signal < NSIG; signal++)
        (void)sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Returns only on failure. */
static int become(const struct oci_hook *hook, const struct hook_place *place, const struct hook_streams *streams)
{
    int mounts = -1, others = -1;
    char *only_path[] = {hook->path, NULL};
    (void)setpgid(0, 0);
    reset_signals();
    limits_restore();
    int status = open_namespaces(place, &mounts, &others);
    if (status < 0)
        return status;
    if (others >= 0 && setns(others, CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
        return -errno;
    if (mounts >= 0 && setns(mounts, CLONE_NEWNS) < 0)
        return -errno;
    if (chdir(place->folder) < 0 && chdir("/") < 0)
        return -errno;
    status = hook_streams_connect(streams);
    if (status < 0)
        return status;
    (void)close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    char *const *env = hook->env.items != NULL ? hook->env.items : place->env != NULL ? place->env : environ;
    (void)execve(hook->path, hook->args.count > 0 ? hook->args.items : only_path, env);
    return -errno;
}

int hook_process_run(const struct oci_hook *hook, const char *state, size_t size, const struct hook_place *place,
                     struct error *error)
{
    struct hook_streams streams;
    int failure[2];
    int status = hook_streams_open(state, size, &streams, error);
    if (status < 0)
        return status;
    if (pipe2(failure, O_CLOEXEC) < 0) {
        status = error_set(error, errno, "cannot make a pipe");
        hook_streams_close(&streams);
        return status;
    }
    auto_close int failure_read = failure[0];
    pid_t pid = fork();
    if (pid == 0) {
        status = become(hook, place, &streams);
        (void)!write(failure[1], &status, sizeof(status));
        _exit(127);
    }
    (void)close(failure[1]);
    int code = 0;
    if (pid < 0)
        status = error_set(error, errno, "cannot fork for %s", hook->path);
    else
        status = await_ready(failure_read, POLLIN, hook->path, error);
    if (pid > 0 && (status < 0 || read(failure_read, &code, sizeof(code)) == (ssize_t)sizeof(code))) {
        await_killed(pid);
        status = status < 0 ? status : error_set(error, code, "cannot execute %s", hook->path);
    } else if (pid > 0) {
        status = hook_wait(hook, pid, -1, &streams, error);
    }
    hook_streams_close(&streams);
    return status;
}
