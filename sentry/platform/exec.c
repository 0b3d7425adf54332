/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/platform/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/kernel/process.h"
#include "sentry/platform/platform.h"
#include "sentry/sentry.h"

CONFINE_ALLOW(ptrace, "make a caller of execve run the stub");
CONFINE_ALLOW(wait4, "stops of a caller of execve");
CONFINE_ALLOW(newfstatat, "what a process executes, in our procfs");

enum { SYSCALL_STOP = SIGTRAP | 0x80, SYSCALL_LENGTH = 2, SIGNALS_MAX = 64 };

extern const char stub_image[], stub_image_end[];

/* Everything about one exec that is under way. */
struct tracee {
    struct call *call;
    pid_t tid;                 /* changes to the leader's at the exec stop */
    int stub_number;           /* of the stub's descriptor in the guest */
    uint64_t signals;          /* taken off the tracee, to be sent again; bit n-1 for signal n */
    struct user_regs_struct before;
};

int stub_open(void)
{
    size_t size = (size_t)(stub_image_end - stub_image);
    auto_close int fd = memfd_create("postern", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    for (size_t done = 0; done < size;) {
        ssize_t put = write(fd, stub_image + done, size - done);
        if (put < 0)
            return -errno;
        done += (size_t)put;
    }
    if (fchmod(fd, 0555) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
        return -errno;
    return take_fd(&fd);
}

/* Waits for the tracee's next ptrace stop. Signals on their way to it are taken off and remembered. A thread other than
 * the leader that executes comes back under the leader's pid. Returns the wait status, or -ESRCH when it is gone. */
static int wait_stop(struct tracee *tracee)
{
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid < 0)
            return -ESRCH;
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (pid == tracee->tid)
                return -ESRCH;
            continue;
        }
        int event = status >> 16;
        int signal = WSTOPSIG(status);
        if (event == PTRACE_EVENT_EXEC || signal == SYSCALL_STOP ||
            (event == PTRACE_EVENT_STOP && signal == SIGTRAP)) {
            tracee->tid = pid;
            return status;
        }
        if (event == 0 && signal >= 1 && signal <= SIGNALS_MAX)
            tracee->signals |= UINT64_C(1) << (signal - 1);
        if (ptrace(PTRACE_SYSCALL, pid, 0, 0) < 0)
            return -ESRCH;
    }
}

static void let_go(struct tracee *tracee)
{
    (void)ptrace(PTRACE_DETACH, tracee->tid, 0, 0);
    for (int signal = 1; signal <= SIGNALS_MAX; signal++)
        if ((tracee->signals >> (signal - 1) & 1) != 0)
            (void)syscall(SYS_tgkill, tracee->call->task->process->pid, tracee->tid, signal);
}

/* The caller is stopped inside the kernel's exit path: make it issue execveat(stub, "", argv, envp, AT_EMPTY_PATH). */
static int redirect(struct tracee *tracee, const struct stub_exec *exec)
{
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, tracee->tid, 0, &registers) < 0)
        return -ESRCH;
    tracee->before = registers;
    registers.rip -= SYSCALL_LENGTH;
    registers.rax = SYS_execveat;
    registers.orig_rax = (unsigned long long)-1;
    registers.rdi = (unsigned long long)tracee->stub_number;
    registers.rsi = exec->empty;
    registers.rdx = exec->arguments;
    registers.r10 = exec->environment;
    registers.r8 = AT_EMPTY_PATH;
    if (ptrace(PTRACE_SETREGS, tracee->tid, 0, &registers) < 0)
        return -ESRCH;
    return ptrace(PTRACE_SYSCALL, tracee->tid, 0, 0) < 0 ? -ESRCH : 0;
}

/* Undoes redirect(): the caller sees execve fail with `result` and all other registers as they were. */
static void restore(struct tracee *tracee, int64_t result)
{
    struct user_regs_struct registers = tracee->before;
    registers.rax = (unsigned long long)result;
    registers.orig_rax = (unsigned long long)-1;
    (void)ptrace(PTRACE_SETREGS, tracee->tid, 0, &registers);
}

/* The second trap: check that it is the call we made, let it run. */
static int let_through(struct tracee *tracee)
{
    struct call second;
    struct platform *platform = tracee->call->sentry->platform;
    int status = platform_wait_trap(platform, tracee->call->listener, tracee->tid, SYS_execveat, &second);
    if (status < 0)
        return status;
    bool ours = (int)second.args[0] == tracee->stub_number && (int)second.args[4] == AT_EMPTY_PATH;
    platform_answer(&second, ours ? CALL_CONTINUE : -EPERM);
    return 0;
}

/* The program now in the tracee must be the stub: another thread may have put a different file under the number. */
static bool runs_stub(const struct sentry *sentry, pid_t pid, int stub)
{
    char name[32];
    struct stat running, expected;
    (void)snprintf(name, sizeof(name), "%d/exe", pid);
    return fstatat(sentry->proc_outer, name, &running, 0) == 0 && fstat(stub, &expected) == 0 &&
           running.st_dev == expected.st_dev && running.st_ino == expected.st_ino;
}

/* From the syscall-entry stop to the end. Returns 0 when the exec went through, -EAGAIN when it failed and the caller's
 * registers hold the reason, -ESRCH when the caller is gone. */
static int follow(struct tracee *tracee, const struct stub_exec *exec)
{
    int status = wait_stop(tracee);
    if (status < 0)
        return status;
    if (ptrace(PTRACE_SYSCALL, tracee->tid, 0, 0) < 0)
        return -ESRCH;
    status = let_through(tracee);
    if (status < 0)
        return status;
    status = wait_stop(tracee);
    if (status < 0)
        return status;
    if (status >> 16 != PTRACE_EVENT_EXEC) {
        struct user_regs_struct registers;
        if (ptrace(PTRACE_GETREGS, tracee->tid, 0, &registers) < 0)
            return -ESRCH;
        restore(tracee, (int64_t)registers.rax);
        return -EAGAIN;
    }
    if (!runs_stub(tracee->call->sentry, tracee->tid, exec->stub)) {
        (void)kill(tracee->tid, SIGKILL);
        return -ESRCH;
    }
    exec->committed(tracee->call, exec->data);
    return 0;
}

int64_t platform_exec(struct call *call, const struct stub_exec *exec)
{
    struct tracee tracee = {.call = call, .tid = call->task->tid};
    int status = call_add_fd(call, exec->stub, true, -1, &tracee.stub_number);
    if (status < 0)
        return status;
    if (ptrace(PTRACE_SEIZE, tracee.tid, 0, PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) < 0)
        return -ESRCH;
    if (ptrace(PTRACE_INTERRUPT, tracee.tid, 0, 0) < 0) {
        (void)ptrace(PTRACE_DETACH, tracee.tid, 0, 0);
        return -ESRCH;
    }

    platform_answer(call, -ENOSYS);
    status = wait_stop(&tracee);
    if (status >= 0)
        status = redirect(&tracee, exec);
    if (status >= 0)
        status = follow(&tracee, exec);
    call->installed = 0;
    if (status == -ETIMEDOUT)
        (void)kill(call->task->process->pid, SIGKILL);
    if (status == 0 || status == -EAGAIN)
        let_go(&tracee);
    return CALL_ANSWERED;
}
