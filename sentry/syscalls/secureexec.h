/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Linux takes from a process that gains privileges, so that whoever had it before cannot work on it through what he left
 * there: begin_new_exec, setup_new_exec and commit_creds in its sources. Credentials, dumpability and AT_SECURE are elsewhere
 * (execve.c); POSIX timers, descriptors, signal handlers, robust lists and the alternate stack go with any exec, natively;
 * setitimer(2)'s timers stay, in Linux too.
 */
#ifndef SENTRY_SYSCALLS_SECUREEXEC_H
#define SENTRY_SYSCALLS_SECUREEXEC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

struct call;
struct tracee;

struct secureexec {
    bool limits_stack;       /* by AT_SECURE */
    bool resets_personality; /* by set-id bits, or capabilities gained */
    /* what there was before, to be put back should the exec fail */
    bool stack_was_larger, personality_was_odd;
    struct rlimit stack;
    unsigned int personality;
};

/* With the caller stopped, right before the host's exec, which lays the memory out by both. 0 or -ESRCH. */
int secureexec_begin(struct secureexec *exec, struct tracee *tracee);
/* The exec has failed. 0 or -ESRCH. */
int secureexec_undo(const struct secureexec *exec, struct tracee *tracee);
/* It went through. Another thread might have raised the limit meanwhile; now there is no other. */
void secureexec_finish(const struct secureexec *exec, const struct call *call);

/* The caller's parent-death signal goes: its credentials have just changed. Returns what its call returns: value, or
 * CALL_ANSWERED when that has been said. */
int64_t secureexec_forget_parent(struct call *call, int64_t value);

#endif
