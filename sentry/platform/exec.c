/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/platform/exec.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/kernel/process.h"
#include "sentry/platform/platform.h"
#include "sentry/platform/transient.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"

CONFINE_ALLOW(newfstatat, "what a process executes, in our procfs");
CONFINE_ALLOW_IF(kcmp, 2, UINT32_MAX, KCMP_FILE, "has the new program the files that were given to it");
CONFINE_ALLOW(getpid, "its own side of that question");

extern const char stub_image[];

/* Distance of the stub's load plan from its entry point, as start.S notes it right before that. */
static int64_t plan_distance(void)
{
    Elf64_Ehdr header;
    memcpy(&header, stub_image, sizeof(header));
    for (size_t i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment;
        memcpy(&segment, stub_image + header.e_phoff + i * sizeof(segment), sizeof(segment));
        if (segment.p_type != PT_LOAD || header.e_entry < segment.p_vaddr ||
            header.e_entry >= segment.p_vaddr + segment.p_filesz)
            continue;
        int64_t distance;
        const char *entry = stub_image + segment.p_offset + (header.e_entry - segment.p_vaddr);
        memcpy(&distance, entry - sizeof(distance), sizeof(distance));
        return distance;
    }
    return 0;
}

/* --- the second trap --- */

static bool is_ours(const struct call *second, const uint64_t arguments[6])
{
    return memcmp(second->args, arguments, 6 * sizeof(arguments[0])) == 0;
}

/* The files go in as late as can be, and stay open over the exec. */
static int inject_files(struct call *second, struct exec_plan *plan)
{
    if (plan->load.files_later)
        return 0;
    int status = call_add_fd(second, plan->program_fd, false, -1, &plan->load.program.fd);
    if (status == 0 && plan->interpreter_fd >= 0)
        status = call_add_fd(second, plan->interpreter_fd, false, -1, &plan->load.interpreter.fd);
    return status;
}

/* Lets the call whose entry the tracee stands at run into its trap, and on from there. 0, or a negative errno. */
static int pass_trap(struct tracee *tracee, const uint64_t arguments[6], struct exec_plan *plan)
{
    struct call second;
    int status = transient_trap(tracee, SYS_execveat, &second);
    if (status < 0)
        return status == -ECANCELED ? 0 : status;
    status = is_ours(&second, arguments) ? inject_files(&second, plan) : -EPERM;
    platform_answer(&second, status < 0 ? status : CALL_CONTINUE);
    return 0;
}

/* --- the new image --- */

/* The program now in the tracee must be the stub: another thread may have put a different file under the number. */
static bool runs_stub(const struct sentry *sentry, pid_t pid, int stub)
{
    char name[32];
    struct stat running, expected;
    (void)snprintf(name, sizeof(name), "%d/exe", pid);
    return fstatat(sentry->proc_outer, name, &running, 0) == 0 && fstat(stub, &expected) == 0 &&
           running.st_dev == expected.st_dev && running.st_ino == expected.st_ino;
}

/* The same for the files: until the exec other threads shared the table of descriptors; now nobody does. */
static bool holds_file(const struct exec_plan *plan, pid_t pid, int number, int fd)
{
    return fd < 0 || plan->load.files_later || syscall(SYS_kcmp, getpid(), pid, KCMP_FILE, fd, number) == 0;
}

/* Strings, the last part of a plan, are mostly room. */
static int write_plan(const struct tracee *tracee, const struct load_plan *plan)
{
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, tracee->tid, 0, &registers) < 0)
        return -ESRCH;
    size_t size = offsetof(struct load_plan, strings) + plan->strings_size;
    struct iovec local = {.iov_base = (void *)(uintptr_t)plan, .iov_len = size};
    struct iovec remote = {.iov_base = (void *)(registers.rip + (uint64_t)plan_distance()), .iov_len = size};
    return process_vm_writev(tracee->tid, &local, 1, &remote, 1, 0) == (ssize_t)size ? 0 : -EFAULT;
}

static bool take_over(struct tracee *tracee, const struct stub_exec *exec)
{
    const struct exec_plan *plan = exec->plan;
    return runs_stub(tracee->call->sentry, tracee->tid, exec->stub) &&
           holds_file(plan, tracee->tid, plan->load.program.fd, plan->program_fd) &&
           holds_file(plan, tracee->tid, plan->load.interpreter.fd, plan->interpreter_fd) &&
           write_plan(tracee, &plan->load) == 0 && exec->committed(tracee->call, exec->data) == 0;
}

/* They close on the next exec: the stub closes them, but a filter of the caller's can keep it from that. */
int64_t exec_give_files(struct call *call)
{
    struct exec_plan *plan = call->task->process->files_due;
    call->task->process->files_due = NULL;
    struct load_plan *load = &plan->load;
    int status = call_add_fd(call, plan->program_fd, true, -1, &load->program.fd);
    if (status == 0 && plan->interpreter_fd >= 0)
        status = call_add_fd(call, plan->interpreter_fd, true, -1, &load->interpreter.fd);
    if (status == 0)
        status = guest_write(call, call->args[1], &load->program.fd, sizeof(load->program.fd));
    if (status == 0 && plan->interpreter_fd >= 0)
        status = guest_write(call, call->args[2], &load->interpreter.fd, sizeof(load->interpreter.fd));
    (void)exec_plan_free(plan);
    return status;
}

/* --- all of it --- */

/* The call failed: the caller gets its result, and not our files. */
static int give_up(struct tracee *tracee, const struct stub_exec *exec)
{
    const struct exec_plan *plan = exec->plan;
    int64_t result, ignored;
    int status = transient_result(tracee, &result);
    if (status == 0)
        status = exec->undo(tracee, exec->data);
    const int numbers[] = {plan->load.stub_fd, plan->load.program.fd, plan->load.interpreter.fd};
    for (size_t i = 0; i < 3 && status == 0; i++) {
        const uint64_t closing[6] = {(uint64_t)numbers[i]};
        status = numbers[i] < 0 ? 0 : transient_call(tracee, SYS_close, closing, &ignored);
    }
    if (status < 0)
        return status;
    transient_return(tracee, result);
    return 0;
}

/* Returns 0 when the caller can go on, as the stub or as it was; -ESRCH when it is gone. */
static int follow(struct tracee *tracee, const struct stub_exec *exec)
{
    const uint64_t arguments[6] = {(uint64_t)exec->plan->load.stub_fd, exec->empty, exec->arguments, exec->environment, AT_EMPTY_PATH};
    int status = transient_stop(tracee);
    if (status == 0)
        status = exec->begin(tracee, exec->data);
    if (status == 0)
        status = transient_enter(tracee, SYS_execveat, arguments);
    if (status < 0)
        return status;
    status = pass_trap(tracee, arguments, exec->plan);
    if (status == 0)
        status = transient_leave(tracee);
    if (status < 0)
        return status;
    if (status >> 16 != PTRACE_EVENT_EXEC)
        return give_up(tracee, exec);
    if (!take_over(tracee, exec)) {
        transient_abandon(tracee);
        return -ESRCH;
    }
    return 0;
}

int64_t platform_exec(struct call *call, const struct stub_exec *exec)
{
    /* It stays open over the exec: the stub maps more of it. */
    int status = call_add_fd(call, exec->stub, false, -1, &exec->plan->load.stub_fd);
    if (status < 0)
        return status;
    auto_tracee struct tracee tracee = {.held = false};
    status = transient_seize(call, &tracee);
    if (status < 0)
        return status;
    status = follow(&tracee, exec);
    exec_plan_close(exec->plan);
    state_resume(state_pause()); /* no copy of ours outlives the answer */
    if (status == 0)
        transient_let_go(&tracee);
    call->installed = 0;
    return CALL_ANSWERED;
}
