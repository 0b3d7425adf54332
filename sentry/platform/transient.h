/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transient ptrace: a trapped caller is stopped on its way out of the kernel, made to do something in its own name that nobody
 * can do for it, and let go. Signals that reach it meanwhile are blocked and stay what they are; but SIGSTOP stops the process's other
 * threads at once, and this one when it is let go of. An instruction of its own that faults ends it: another thread has put it there.
 */
#ifndef SENTRY_PLATFORM_TRANSIENT_H
#define SENTRY_PLATFORM_TRANSIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

struct call;
struct sentry;

struct tracee {
    struct call *call;
    pid_t pid;        /* its process */
    pid_t tid;        /* changes to the leader's at an exec stop */
    uint64_t looked, waited;  /* CLOCK_MONOTONIC, ns: when it was looked after last; how long it has been let run, in all */
    uint64_t computed;        /* clock ticks: how long it had computed at the first look; UINT64_MAX: there has been none */
    struct tracee *next;      /* of all there are: for transient_tick() */
    bool held;        /* it is ours to let go, or to see end: otherwise it would stay a zombie, and its process with it */
    uint64_t signals; /* taken off the tracee, to be sent again; bit n-1 for signal n */
    bool masked;      /* all others wait in the kernel: its own mask, to be given back, is this */
    uint64_t mask;
    struct user_regs_struct before;
};

/* Before the first thread is started: how stops are waited for. 0 or -errno. */
int transient_prepare(void);

/* Now and then: ends tracees that run astray. Any thread, without the state lock. */
void transient_tick(const struct sentry *sentry);

/* Takes hold of the caller. 0, or -ESRCH with nothing done; the call must then be answered by somebody else. Until it is let go of or
 * abandoned the tracee must stay where it is. All of this is for one thread of ours. Whatever returns -ESRCH from here on has seen the tracee's
 * end. */
int transient_seize(struct call *call, struct tracee *ret_tracee);

/* Waits for the next stop: an exec, an interrupt or its process's stop, the entry or exit of a system call. Its wait status, or -ESRCH when the
 * tracee is gone, or was ended because it ran astray. A thread other than the leader that executes comes back under the leader's pid. */
int transient_wait(struct tracee *tracee);

/* The same for a tracee that was let run into a call, or out of one: its entry or exit, or the exec that it is. */
int transient_leave(struct tracee *tracee);

/* Answers the call and waits until the caller is on its way out; notes its registers. 0 or -ESRCH. */
int transient_stop(struct tracee *tracee);

/* Sets the stopped caller's registers for a call and lets it run to the stop at the call's entry. 0 or -ESRCH. */
int transient_enter(struct tracee *tracee, long nr, const uint64_t arguments[6]);

/* Makes the stopped caller issue a call that the filter lets through; *ret_result is what the kernel returned. 0 or -ESRCH. */
int transient_call(struct tracee *tracee, long nr, const uint64_t arguments[6], int64_t *ret_result);

/* From the entry of a call into its trap: *ret_trapped is to be answered. 0; -ECANCELED when it stands at its exit, refused by a filter of
 * the guest's own before ours has trapped it; or -ESRCH. */
int transient_trap(struct tracee *tracee, int nr, struct call *ret_trapped);

/* The same for a call that the filter traps: let through here, whatever its handler would say, and made again where a signal has kept it from us.
 * (Not for ever: *ret_result may be a restart's.) */
int transient_trapped_call(struct tracee *tracee, long nr, const uint64_t arguments[6], int64_t *ret_result);

/* What the last call returned, at the stop at its exit. 0 or -ESRCH. */
int transient_result(struct tracee *tracee, int64_t *ret_result);

/* Answers a call, for a signal that is perhaps not the caller's. Returned to a thread that has been told of none, a restart code would reach the
 * guest; so the kernel is made to look for one in any case. Returns CALL_ANSWERED, or -ESRCH with nothing done. */
int64_t transient_interrupt(struct call *call, int64_t result);

/* Did a signal come, and the kernel would have the call made again? */
bool transient_is_restart(int64_t result);

/* The caller will see its call return `result`, and all other registers as they were. If that is a restart, it makes its call again. */
void transient_return(struct tracee *tracee, int64_t result);

void transient_let_go(struct tracee *tracee);

/* Ends the caller's process, for the caller does not do what it was made to. */
void transient_abandon(struct tracee *tracee);

/* At the end of whoever seized it: what is still held, stopped where something went wrong, is abandoned. For cleanup attributes too. */
void transient_end(struct tracee *tracee);
#define auto_tracee __attribute__((cleanup(transient_end)))

#endif
