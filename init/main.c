/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern-init: the first process in a sandbox of `postern do`. The kernel drops signals without a handler that are
 * meant for a pid namespace's first process, ^C among them, and leaves orphans to it; a command that knows nothing of
 * that runs as our child. We pass signals on, take orphans away and end as the command ends.
 *
 * It runs as guest code: nothing relies on it.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STATUS_USAGE = 125, STATUS_NOT_EXECUTABLE = 126, STATUS_NOT_FOUND = 127, STATUS_SIGNAL = 128 };

/* A job of its own, in the foreground of the terminal, if there is one: ^Z stops only what somebody outside of it could let go on. */
static void become_job(void)
{
    (void)setpgid(0, 0);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (tcsetpgrp(fd, getpid()) == 0)
            return;
}

/* In the command's process. Returns only on failure. */
static int execute(char **command, const sigset_t *none)
{
    become_job();
    (void)sigprocmask(SIG_SETMASK, none, NULL);
    (void)execvp(command[0], command);
    int code = errno;
    if (code == ENOENT && strchr(command[0], '/') == NULL)
        (void)dprintf(STDERR_FILENO, "postern: exec: \"%s\": executable file not found in $PATH\n", command[0]);
    else
        (void)dprintf(STDERR_FILENO, "postern: exec: \"%s\": %s\n", command[0], strerror(code));
    return code == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
}

static bool is_for_job(int signal)
{
    return signal == SIGTSTP || signal == SIGCONT || signal == SIGTTIN || signal == SIGTTOU;
}

/* Takes away all who have ended. The command's exit status, or -1 while it runs. */
static int reap(pid_t command)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        if (pid == command)
            return WIFSIGNALED(status) ? STATUS_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
    return -1;
}

int main(int argc, char **argv)
{
    sigset_t all, none;
    (void)sigfillset(&all);
    (void)sigemptyset(&none);
    if (argc < 2 || sigprocmask(SIG_SETMASK, &all, NULL) < 0)
        return STATUS_USAGE;
    pid_t command = fork();
    if (command < 0)
        return STATUS_USAGE;
    if (command == 0)
        _exit(execute(argv + 1, &none));

    /* Who waits for the end of the command's output shall not wait for us. */
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        (void)close(fd);
    for (;;) {
        siginfo_t info;
        int signal = sigwaitinfo(&all, &info);
        int status = signal == SIGCHLD ? reap(command) : -1;
        if (status >= 0)
            return status;
        /* What the terminal sends, all who belong to it have got already. */
        if (signal > 0 && signal != SIGCHLD && info.si_code != SI_KERNEL)
            (void)kill(is_for_job(signal) ? -command : command, signal);
    }
}
