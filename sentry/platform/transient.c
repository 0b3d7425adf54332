/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/platform/transient.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "postern/confine.h"
#include "sentry/kernel/process.h"
#include "sentry/kernel/status.h"
#include "sentry/platform/call.h"
#include "sentry/platform/platform.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"

CONFINE_ALLOW(ptrace, "make a stopped caller run the stub, or take a descriptor");
CONFINE_ALLOW(wait4, "stops of such a caller");

enum { SLICE_MS = 50, TRACED_MAX_MS = 60000, USER_TICKS_MAX = 10 /* USER_HZ: 100 ms */, NS_PER_MS = 1000000 };
enum { SYSCALL_STOP = SIGTRAP | 0x80, SIGNALS_MAX = 64, SYSCALL_LENGTH = 2 /* bytes of the instruction */, TRIES = 64 };
enum { ERESTART_RESTARTBLOCK = 516 }; /* the last of the kernel's own codes that begin with ERESTARTSYS */

/* SIGCHLD stays blocked and is only ever waited for. Children, if a guest is given to us as one, the kernel reaps. */
int transient_prepare(void)
{
    const struct sigaction action = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
    sigset_t child;
    (void)sigemptyset(&child);
    (void)sigaddset(&child, SIGCHLD);
    if (sigaction(SIGCHLD, &action, NULL) < 0 || sigprocmask(SIG_BLOCK, &child, NULL) < 0)
        return -errno;
    return 0;
}

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* --- tracees that do not come back --- */

static struct {
    pthread_mutex_t mutex;
    struct tracee *first; /* those that have been let run and have not stopped yet */
} running = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void note_running(struct tracee *tracee)
{
    tracee->looked = now_ns();
    (void)pthread_mutex_lock(&running.mutex);
    tracee->next = running.first;
    running.first = tracee;
    (void)pthread_mutex_unlock(&running.mutex);
}

static void note_stopped(struct tracee *tracee)
{
    (void)pthread_mutex_lock(&running.mutex);
    for (struct tracee **link = &running.first; *link != NULL; link = &(*link)->next) {
        if (*link == tracee) {
            *link = tracee->next;
            break;
        }
    }
    (void)pthread_mutex_unlock(&running.mutex);
}

/*
 * Between two stops a caller has one instruction to run, at an address where it had a system call. Another thread can put
 * something else there, an endless loop for one; whoever waits for that shall not do so for ever, nor for a number of stops. One that gets no
 * processor is waited for longer; and one gap between two looks, in which the sandbox may have been paused, is not time enough.
 */
static void look_after(const struct sentry *sentry, struct tracee *tracee)
{
    const uint64_t now = now_ns(), passed = now - tracee->looked, most = UINT64_C(1) * TRACED_MAX_MS / 2 * NS_PER_MS;
    tracee->looked = now;
    tracee->waited += passed < most ? passed : most;
    if (tracee->waited < (uint64_t)SLICE_MS * NS_PER_MS)
        return;
    uint64_t computed = thread_user_time(sentry, tracee->tid);
    if (tracee->computed == UINT64_MAX)
        tracee->computed = computed;
    if (computed - tracee->computed > USER_TICKS_MAX || tracee->waited > (uint64_t)TRACED_MAX_MS * NS_PER_MS)
        (void)kill(tracee->pid, SIGKILL); /* it comes back as one that has ended */
}

void transient_tick(const struct sentry *sentry)
{
    (void)pthread_mutex_lock(&running.mutex);
    for (struct tracee *tracee = running.first; tracee != NULL; tracee = tracee->next)
        look_after(sentry, tracee);
    (void)pthread_mutex_unlock(&running.mutex);
}

/* The next stop of the thread's tracee: its pid and wait status, or -1. */
static pid_t wait_for_stop(struct tracee *tracee, int *ret_status)
{
    note_running(tracee);
    pid_t pid;
    while ((pid = wait_child(ret_status, SLICE_MS)) < 0 && (errno == ETIMEDOUT || errno == EINTR))
        transient_tick(tracee->call->sentry);
    note_stopped(tracee);
    return pid;
}

/*
 * Of one that has been killed, by an exec of another thread perhaps: that it has a tracer would keep it, and its parent from learning of it.
 * A leader's number has gone to the thread that executes by then. So this is not to wait for the number: the kernel would not wake us, and the
 * stops of that thread are not for us to take, but for its tracer, another thread of ours.
 */
static void see_end(struct tracee *tracee)
{
    int status;
    pid_t pid;
    bool paused = state_pause();
    while ((pid = waitpid(-1, &status, __WALL | __WNOTHREAD)) > 0) {
        if (WIFSTOPPED(status))
            (void)ptrace(PTRACE_CONT, pid, 0, 0);
        else if (pid == tracee->tid)
            break;
    }
    state_resume(paused);
    tracee->held = false;
}

void transient_abandon(struct tracee *tracee)
{
    (void)kill(tracee->pid, SIGKILL);
    see_end(tracee);
}

/* A stopped caller that a request does not reach has been killed, alone perhaps, by an exec of another thread: its process is not to end with
 * it, but its end must be seen. Any other refusal leaves one that would go on with registers of ours. */
static int lose(struct tracee *tracee)
{
    if (errno == ESRCH)
        see_end(tracee);
    else
        transient_abandon(tracee);
    return -ESRCH;
}

void transient_end(struct tracee *tracee)
{
    struct user_regs_struct registers;
    if (tracee->held && ptrace(PTRACE_GETREGS, tracee->tid, 0, &registers) == 0)
        transient_abandon(tracee);
    else if (tracee->held)
        (void)lose(tracee);
}

/* One that was seized and did not ask any more: its number may be another thread's by now, which stops for a moment. */
static void let_pass(struct tracee *tracee)
{
    int status;
    const pid_t pid = wait_for_stop(tracee, &status);
    const bool stopped = pid > 0 && WIFSTOPPED(status); /* or it has ended */
    const int signal = stopped && status >> 16 == 0 && WSTOPSIG(status) != SYSCALL_STOP ? WSTOPSIG(status) : 0;
    if (stopped && ptrace(PTRACE_DETACH, pid, 0, signal) < 0)
        (void)lose(tracee);
    tracee->held = false;
}

/* Not under the state lock: the kernel has whoever seizes a thread wait for an exec of its process, and that waits for other threads' tracers
 * to see them end. */
static int seize(const struct tracee *tracee, long options)
{
    bool paused = state_pause();
    long result = ptrace(PTRACE_SEIZE, tracee->tid, 0, options);
    state_resume(paused);
    return result < 0 ? -ESRCH : 0;
}

int transient_seize(struct call *call, struct tracee *ret_tracee)
{
    struct tracee tracee = {.call = call, .tid = call->task->tid, .pid = call->task->process->pid, .held = true, .computed = UINT64_MAX};
    if (seize(&tracee, PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) < 0)
        return -ESRCH;
    if (ptrace(PTRACE_INTERRUPT, tracee.tid, 0, 0) < 0)
        return lose(&tracee);
    if (!platform_is_asking(call->sentry, call->listener, call->id)) {
        let_pass(&tracee);
        return -ESRCH;
    }
    *ret_tracee = tracee;
    return 0;
}

static uint64_t bit(int signal)
{
    return UINT64_C(1) << (signal - 1);
}

/* The processor's, for what the thread does itself: blocked, they would end its process in any case. */
static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};

static bool is_fault(const struct tracee *tracee, int signal)
{
    siginfo_t about;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        if (signal == faults[i])
            return ptrace(PTRACE_GETSIGINFO, tracee->tid, 0, &about) == 0 && about.si_code > 0;
    return false;
}

/* From the first stop on signals wait where they are, with all the kernel knows of them. (An interrupt is a stop before any signal is taken.)
 * SIGSYS is what a filter of the guest's own says to a call of ours. */
static int block_signals(struct tracee *tracee)
{
    uint64_t all = ~bit(SIGSYS);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        all &= ~bit(faults[i]);
    if (ptrace(PTRACE_GETSIGMASK, tracee->tid, sizeof(tracee->mask), &tracee->mask) < 0 ||
        ptrace(PTRACE_SETSIGMASK, tracee->tid, sizeof(all), &all) < 0)
        return lose(tracee);
    tracee->masked = true;
    return 0;
}

/* What the tracee goes on with of a signal it was to take all the same. SIGSTOP, which no handler takes, is taken at once: the others of its
 * process stop, it goes on for us, and stops when it is let go of, unless SIGCONT has come meanwhile. */
static long take_off(struct tracee *tracee, int event, int signal)
{
    if (event != 0 || signal < 1 || signal > SIGNALS_MAX)
        return 0;
    if (signal == SIGSTOP)
        return SIGSTOP;
    tracee->signals |= bit(signal);
    return 0;
}

int transient_wait(struct tracee *tracee)
{
    for (;;) {
        int status;
        pid_t pid = wait_for_stop(tracee, &status);
        const bool ended = pid > 0 && (WIFEXITED(status) || WIFSIGNALED(status));
        if (pid <= 0 || (ended && pid == tracee->tid)) { /* or nobody is left: another thread that executes has taken the leader's place */
            tracee->held = false;
            return -ESRCH;
        }
        if (ended)
            continue;
        const int event = status >> 16, signal = WSTOPSIG(status);
        if (event == PTRACE_EVENT_EXEC || event == PTRACE_EVENT_STOP || signal == SYSCALL_STOP) {
            tracee->tid = pid;
            return status;
        }
        if (event == 0 && is_fault(tracee, signal)) {
            transient_abandon(tracee);
            return -ESRCH;
        }
        if (ptrace(PTRACE_SYSCALL, pid, 0, take_off(tracee, event, signal)) < 0)
            return lose(tracee);
    }
}

int transient_stop(struct tracee *tracee)
{
    platform_answer(tracee->call, -ENOSYS);
    int status = transient_wait(tracee);
    if (status < 0)
        return status;
    return ptrace(PTRACE_GETREGS, tracee->tid, 0, &tracee->before) < 0 ? lose(tracee) : block_signals(tracee);
}

int transient_leave(struct tracee *tracee)
{
    int status = transient_wait(tracee);
    while (status >= 0 && status >> 16 == PTRACE_EVENT_STOP) {
        if (ptrace(PTRACE_SYSCALL, tracee->tid, 0, 0) < 0)
            return lose(tracee);
        status = transient_wait(tracee);
    }
    return status;
}

/* To the next system call stop. */
static int step(struct tracee *tracee)
{
    if (ptrace(PTRACE_SYSCALL, tracee->tid, 0, 0) < 0)
        return lose(tracee);
    int status = transient_leave(tracee);
    return status < 0 ? status : 0;
}

static bool is_call(const struct user_regs_struct *registers, long nr, const uint64_t arguments[6])
{
    return registers->orig_rax == (unsigned long long)nr && registers->rdi == arguments[0] &&
           registers->rsi == arguments[1] && registers->rdx == arguments[2] && registers->r10 == arguments[3] &&
           registers->r8 == arguments[4] && registers->r9 == arguments[5];
}

int transient_enter(struct tracee *tracee, long nr, const uint64_t arguments[6])
{
    struct user_regs_struct registers = tracee->before;
    registers.rip -= SYSCALL_LENGTH;
    registers.rax = (unsigned long long)nr;
    registers.orig_rax = (unsigned long long)-1;
    registers.rdi = arguments[0];
    registers.rsi = arguments[1];
    registers.rdx = arguments[2];
    registers.r10 = arguments[3];
    registers.r8 = arguments[4];
    registers.r9 = arguments[5];
    if (ptrace(PTRACE_SETREGS, tracee->tid, 0, &registers) < 0)
        return lose(tracee);
    int status = step(tracee);
    if (status < 0)
        return status;
    struct user_regs_struct entered;
    if (ptrace(PTRACE_GETREGS, tracee->tid, 0, &entered) < 0)
        return lose(tracee);
    /* If the instruction was replaced this is a call of the guest's own choice. */
    if (!is_call(&entered, nr, arguments)) {
        transient_abandon(tracee);
        return -ESRCH;
    }
    return 0;
}

int transient_result(struct tracee *tracee, int64_t *ret_result)
{
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, tracee->tid, 0, &registers) < 0)
        return lose(tracee);
    *ret_result = (int64_t)registers.rax;
    return 0;
}

int transient_call(struct tracee *tracee, long nr, const uint64_t arguments[6], int64_t *ret_result)
{
    int status = transient_enter(tracee, nr, arguments);
    if (status == 0)
        status = step(tracee);
    return status < 0 ? status : transient_result(tracee, ret_result);
}

int transient_trap(struct tracee *tracee, int nr, struct call *ret_trapped)
{
    struct platform *platform = tracee->call->sentry->platform;
    struct expected_trap *trap = platform_expect_trap(platform, tracee->call->listener, tracee->tid, nr);
    if (trap == NULL || ptrace(PTRACE_SYSCALL, tracee->tid, 0, 0) < 0) {
        platform_forget_trap(platform, trap);
        transient_end(tracee);
        return -ESRCH;
    }
    int status = platform_wait_trap(platform, trap, ret_trapped);
    if (status == 0 || status == -ECANCELED)
        return status;
    if (status == -ESRCH)
        see_end(tracee);
    else
        transient_abandon(tracee);
    return -ESRCH;
}

/* The trap on the way is let through if it is the call that was set. */
static int trapped_call(struct tracee *tracee, long nr, const uint64_t arguments[6], int64_t *ret_result)
{
    struct call trapped;
    int status = transient_enter(tracee, nr, arguments);
    if (status == 0)
        status = transient_trap(tracee, (int)nr, &trapped);
    if (status == 0)
        platform_answer(&trapped, memcmp(trapped.args, arguments, sizeof(trapped.args)) == 0 ? CALL_CONTINUE : -EPERM);
    else if (status != -ECANCELED)
        return status;
    status = transient_leave(tracee);
    return status < 0 ? status : transient_result(tracee, ret_result);
}

bool transient_is_restart(int64_t result)
{
    return result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK;
}

/* A signal takes the call back that has trapped and that we have not been told of yet; it is taken off, and the call made again. */
int transient_trapped_call(struct tracee *tracee, long nr, const uint64_t arguments[6], int64_t *ret_result)
{
    int status = trapped_call(tracee, nr, arguments, ret_result);
    for (int i = 1; status == 0 && transient_is_restart(*ret_result) && i < TRIES; i++)
        status = trapped_call(tracee, nr, arguments, ret_result);
    return status;
}

/* The stop is where signals are taken; one that is taken off the tracee with it is given back. */
int64_t transient_interrupt(struct call *call, int64_t result)
{
    struct tracee tracee = {.call = call, .tid = call->task->tid, .pid = call->task->process->pid, .held = true, .computed = UINT64_MAX};
    if (seize(&tracee, PTRACE_O_EXITKILL) < 0)
        return -ESRCH;
    (void)ptrace(PTRACE_INTERRUPT, tracee.tid, 0, 0);
    platform_answer(call, result);
    let_pass(&tracee);
    return CALL_ANSWERED;
}

/* A call within, whose result is the caller's, may have met a signal on the way to us. The caller's own call has done nothing yet then, and
 * is made again behind the signal. */
void transient_return(struct tracee *tracee, int64_t result)
{
    struct user_regs_struct registers = tracee->before;
    const bool again = transient_is_restart(result);
    registers.rax = again ? registers.orig_rax : (unsigned long long)result;
    registers.rip -= again ? SYSCALL_LENGTH : 0;
    registers.orig_rax = (unsigned long long)-1;
    if (ptrace(PTRACE_SETREGS, tracee->tid, 0, &registers) < 0)
        (void)lose(tracee);
}

void transient_let_go(struct tracee *tracee)
{
    if (!tracee->held)
        return;
    if ((tracee->masked && ptrace(PTRACE_SETSIGMASK, tracee->tid, sizeof(tracee->mask), &tracee->mask) < 0) ||
        ptrace(PTRACE_DETACH, tracee->tid, 0, 0) < 0)
        (void)lose(tracee);
    tracee->held = false;
    for (int signal = 1; signal <= SIGNALS_MAX; signal++)
        if ((tracee->signals & bit(signal)) != 0)
            (void)syscall(SYS_tgkill, tracee->pid, tracee->tid, signal);
}
