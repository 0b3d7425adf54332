/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interrupt: runs a command and does harm at one exact moment of it: as the Nth system call of one of its processes begins.
 *
 *   interrupt REPORT BIRTHS TARGET N none|kill=VICTIM|stop=VICTIM|fail=ERRNO [NAME=PID]... -- COMMAND...
 *
 * BIRTHS     the names, by commas, of the processes the command makes, in their order: "sentry,fork,helper,init,fork,gofer". The command
 *            itself is "runtime". NAME=PID names one that is there already.
 * TARGET     whose system calls are counted
 * kill       by SIGKILL, with the target held where it is until the victim has gone
 * stop       by SIGSTOP, for good
 * fail       the call is not made and returns ERRNO. Calls that cannot fail in a healthy program do not count.
 *
 * REPORT gets one line: `done NUMBER PID` (the call at which it was done, whose it was), or `missed COUNT` if the target made fewer
 * calls than N, or `unborn` if there was no victim yet. The exit code is the command's; 128+n if signal n killed it.
 *
 * Only the target is stopped at its calls. All others run free: a process cannot have two tracers, and the sentry traces
 * its guests for a moment at each execve. So a target is let go at its first execve of a path, too.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <linux/ptrace.h>
#include <unistd.h>

enum { PROCESSES_MAX = 16, GONE_MS = 100, HARMLESS = SYS_close };

enum action { ACTION_NONE, ACTION_KILL, ACTION_STOP, ACTION_FAIL };

struct process {
    const char *name;
    pid_t pid;
};

static struct process processes[PROCESSES_MAX];
static int process_count;
static char *births; /* names not yet given, by commas */

static const char *report, *target_name, *victim_name;
static long wanted, counted;
static enum action action;
static int failure;
static bool armed;          /* calls are counted: of the command, from its own first one on */
static bool settled;        /* it has been done, or cannot be any more */
static bool failing;        /* the target is in the call that is to fail */
static uint64_t first_argument;

static void die(const char *what)
{
    fprintf(stderr, "interrupt: %s: %s\n", what, strerror(errno));
    exit(125);
}

static void say(const char *format, long one, long other)
{
    FILE *file = fopen(report, "w");
    if (file == NULL)
        die(report);
    fprintf(file, format, one, other);
    fclose(file);
    settled = true;
}

static pid_t pid_of(const char *name)
{
    for (int i = 0; i < process_count; i++)
        if (strcmp(processes[i].name, name) == 0)
            return processes[i].pid;
    return 0;
}

static const char *name_of(pid_t pid)
{
    for (int i = 0; i < process_count; i++)
        if (processes[i].pid == pid)
            return processes[i].name;
    return "";
}

static void add(const char *name, pid_t pid)
{
    if (process_count < PROCESSES_MAX)
        processes[process_count++] = (struct process){name, pid};
}

static void born(pid_t pid)
{
    const char *name = births != NULL ? strsep(&births, ",") : "other";
    add(name, pid);
}

/* Others are followed only as long as they may bear one we need. */
static bool is_followed(pid_t pid)
{
    const char *name = name_of(pid);
    const bool bears = strcmp(name, "runtime") == 0 || strcmp(name, "helper") == 0 || strcmp(name, "fork") == 0;
    return strcmp(name, target_name) == 0 || (!settled && bears);
}

/* -- harm -------------------------------------------------------------------------------------------------------- */

/* Failing these would be no test: the kernel never does, or what comes of it is nothing a program can act upon. */
static bool can_fail(long number)
{
    static const long never[] = {SYS_close,  SYS_close_range, SYS_munmap,  SYS_exit,         SYS_exit_group, SYS_kill,
                                 SYS_wait4,  SYS_waitid,      SYS_getpid,  SYS_rt_sigreturn, SYS_geteuid,    SYS_getuid,
                                 SYS_umask,  SYS_gettid,      SYS_getppid, SYS_pidfd_send_signal, SYS_clock_nanosleep, SYS_brk};
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
        if (number == never[i])
            return false;
    return true;
}

static void await_end(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    if (fd < 0)
        return;
    poll(&entry, 1, GONE_MS); /* it may have to wait for one that we hold */
    close(fd);
}

static void do_kill(long number, pid_t pid)
{
    pid_t victim = pid_of(victim_name);
    if (victim == 0) {
        say("unborn\n", 0, 0);
        return;
    }
    say("done %ld %ld\n", number, pid);
    kill(victim, SIGKILL);
    if (victim != pid)
        await_end(victim);
}

/* The target stops when it has been let go. */
static void do_stop(long number, pid_t pid)
{
    pid_t victim = pid_of(victim_name);
    if (victim == 0) {
        say("unborn\n", 0, 0);
        return;
    }
    say("done %ld %ld\n", number, pid);
    kill(victim, SIGSTOP);
}

/* Makes of the call one that does nothing, and that every filter of ours allows. */
static void begin_failure(long number, pid_t pid)
{
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, pid, 0, &registers) < 0)
        return;
    first_argument = registers.rdi;
    registers.orig_rax = HARMLESS;
    registers.rdi = (unsigned long long)-1;
    if (ptrace(PTRACE_SETREGS, pid, 0, &registers) < 0)
        return;
    failing = true;
    say("done %ld %ld\n", number, pid);
}

static void end_failure(pid_t pid)
{
    struct user_regs_struct registers;
    failing = false;
    if (ptrace(PTRACE_GETREGS, pid, 0, &registers) < 0)
        return;
    registers.rdi = first_argument;
    registers.rax = (unsigned long long)-failure;
    ptrace(PTRACE_SETREGS, pid, 0, &registers);
}

/* A system call stop of the target. Returns whether it is to be let go. */
static bool at_call(pid_t pid)
{
    struct ptrace_syscall_info info = {0};
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) < 0)
        return false;
    if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
        if (failing)
            end_failure(pid);
        return settled;
    }
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY || settled)
        return settled && !failing;
    long number = (long)info.entry.nr;
    if (!armed) {
        /* A call that fails is the program's, not its loader's: that one just crashes. The limits are the first it asks for. */
        armed = number == (action == ACTION_FAIL ? SYS_prlimit64 : SYS_execve);
        return false;
    }
    bool counts = action != ACTION_FAIL || can_fail(number);
    if (counts && ++counted == wanted) {
        if (action == ACTION_KILL)
            do_kill(number, pid);
        else if (action == ACTION_STOP)
            do_stop(number, pid);
        else if (action == ACTION_FAIL)
            begin_failure(number, pid);
        else
            say("done %ld %ld\n", number, pid);
    }
    return (settled && !failing) || (number == SYS_execve);
}

/* -- the loop ----------------------------------------------------------------------------------------------------- */

static void resume(pid_t pid, int with_signal)
{
    bool is_target = strcmp(name_of(pid), target_name) == 0;
    ptrace(is_target && (!settled || failing) ? PTRACE_SYSCALL : PTRACE_CONT, pid, 0, with_signal);
}

static void let_go(pid_t pid)
{
    ptrace(PTRACE_DETACH, pid, 0, 0);
}

static void at_stop(pid_t pid, int status)
{
    int signal = WSTOPSIG(status), event = status >> 16;
    unsigned long message = 0;
    if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE) {
        ptrace(PTRACE_GETEVENTMSG, pid, 0, &message);
        if (strcmp(name_of((pid_t)message), "") == 0)
            born((pid_t)message);
        resume(pid, 0);
    } else if (signal == (SIGTRAP | 0x80)) {
        if (at_call(pid))
            let_go(pid);
        else
            resume(pid, 0);
    } else if (event == PTRACE_EVENT_STOP && signal == SIGSTOP && settled) {
        let_go(pid); /* and it stays stopped */
    } else if (event == PTRACE_EVENT_STOP) {
        /* A child may be seen before its parent's event. */
        if (strcmp(name_of(pid), "") == 0)
            born(pid);
        if (is_followed(pid))
            resume(pid, 0);
        else
            let_go(pid);
    } else {
        resume(pid, event != 0 ? 0 : signal);
    }
}

static pid_t start(char **command)
{
    int go[2];
    char byte;
    if (pipe(go) < 0)
        die("pipe");
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        close(go[1]);
        if (read(go[0], &byte, 1) != 1)
            _exit(125);
        close(go[0]);
        execvp(command[0], command);
        _exit(127);
    }
    close(go[0]);
    if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE) < 0)
        die("cannot trace the command");
    if (strcmp(target_name, "runtime") == 0)
        ptrace(PTRACE_INTERRUPT, pid, 0, 0);
    if (write(go[1], "g", 1) != 1)
        die("pipe");
    close(go[1]);
    return pid;
}

/* One that is there already. */
static void hold(const char *name)
{
    pid_t pid = pid_of(name);
    if (pid == 0)
        return;
    if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD) < 0)
        die("cannot trace the target");
    ptrace(PTRACE_INTERRUPT, pid, 0, 0);
}

static int watch(pid_t command)
{
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid < 0)
            die("lost the command");
        if (WIFSTOPPED(status))
            at_stop(pid, status);
        else if (pid == command)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
}

static void parse_action(char *text)
{
    char *value = strchr(text, '=');
    if (strncmp(text, "kill=", 5) == 0) {
        action = ACTION_KILL;
        victim_name = value + 1;
    } else if (strncmp(text, "stop=", 5) == 0) {
        action = ACTION_STOP;
        victim_name = value + 1;
    } else if (strncmp(text, "fail=", 5) == 0) {
        action = ACTION_FAIL;
        failure = atoi(value + 1);
    }
}

int main(int argc, char **argv)
{
    int at = 6;
    if (argc < 8)
        return 125;
    report = argv[1];
    births = argv[2];
    target_name = argv[3];
    wanted = atol(argv[4]);
    parse_action(argv[5]);
    for (; at < argc && strcmp(argv[at], "--") != 0; at++) {
        char *value = strchr(argv[at], '=');
        if (value == NULL)
            return 125;
        *value = '\0';
        add(argv[at], (pid_t)atol(value + 1));
    }
    armed = strcmp(target_name, "runtime") != 0;
    hold(target_name);
    pid_t command = start(argv + at + 1);
    add("runtime", command);
    int code = watch(command);
    if (!settled)
        say("missed %ld\n", counted, 0);
    return code; /* whoever is still traced is let go by the kernel */
}
