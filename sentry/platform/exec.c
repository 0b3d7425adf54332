/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/platform/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/kernel/process.h"
#include "sentry/platform/platform.h"
#include "sentry/platform/transient.h"
#include "sentry/sentry.h"

CONFINE_ALLOW(newfstatat, "what a process executes, in our procfs");

enum { SEAL_EXEC = 0x0020 }; /* F_SEAL_EXEC */

extern const char stub_image[], stub_image_end[];

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
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK) < 0)
        return -errno;
    /* A guest can hold on to it: nobody takes its execution bits away (Linux 6.3). */
    (void)fcntl(fd, F_ADD_SEALS, SEAL_EXEC);
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL) < 0)
        return -errno;
    return take_fd(&fd);
}

/* The second trap: check that it is the call we made, let it run. */
static int let_through(struct tracee *tracee, int stub_number)
{
    struct call second;
    struct platform *platform = tracee->call->sentry->platform;
    int status = platform_wait_trap(platform, tracee->call->listener, tracee->tid, SYS_execveat, &second);
    if (status < 0)
        return status;
    bool ours = (int)second.args[0] == stub_number && (int)second.args[4] == AT_EMPTY_PATH;
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

/* Runs the call whose entry the tracee stands at. Its wait status at the next stop, or -errno. */
static int run_execveat(struct tracee *tracee, int stub_number)
{
    int status = ptrace(PTRACE_SYSCALL, tracee->tid, 0, 0) < 0 ? -ESRCH : let_through(tracee, stub_number);
    if (status < 0 && status != -ECANCELED) { /* a filter of the guest's own may refuse it before ours traps it */
        transient_abandon(tracee);
        return status;
    }
    return transient_wait(tracee);
}

/* Returns 0 when the exec went through, -EAGAIN when it failed and the caller is told why, -ESRCH when the caller is gone. */
static int follow(struct tracee *tracee, const struct stub_exec *exec, int stub_number)
{
    const uint64_t arguments[6] = {(uint64_t)stub_number, exec->empty, exec->arguments, exec->environment, AT_EMPTY_PATH};
    int status = transient_stop(tracee);
    if (status == 0)
        status = exec->begin(tracee, exec->data);
    if (status == 0)
        status = transient_enter(tracee, SYS_execveat, arguments);
    if (status == 0)
        status = run_execveat(tracee, stub_number);
    if (status < 0)
        return status;
    if (status >> 16 != PTRACE_EVENT_EXEC) {
        int64_t result;
        status = transient_result(tracee, &result);
        if (status == 0)
            status = exec->undo(tracee, exec->data);
        if (status < 0)
            return status;
        transient_return(tracee, result);
        return -EAGAIN;
    }
    if (!runs_stub(tracee->call->sentry, tracee->tid, exec->stub)) {
        transient_abandon(tracee);
        return -ESRCH;
    }
    exec->committed(tracee->call, exec->data);
    return 0;
}

int64_t platform_exec(struct call *call, const struct stub_exec *exec)
{
    int stub_number;
    int status = call_add_fd(call, exec->stub, true, -1, &stub_number);
    if (status < 0)
        return status;
    struct tracee tracee;
    status = transient_seize(call, &tracee);
    if (status < 0)
        return status;
    status = follow(&tracee, exec, stub_number);
    if (status == 0 || status == -EAGAIN)
        transient_let_go(&tracee);
    call->installed = 0;
    return CALL_ANSWERED;
}
