/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ^Z for `postern do`: its command is to the caller's shell as one that runs without us. When the command has stopped, so do we;
 * when we go on, so does the command. Whether it stops is its own business (a shell does not, an editor says goodbye first), so it
 * is looked at for a while after whatever may stop it.
 */
#ifndef RUNTIME_CONSOLE_JOB_H
#define RUNTIME_CONSOLE_JOB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct console;

struct job {
    pid_t init;     /* postern-init, as we know it; the command is its first child */
    bool whole;     /* our whole process group stops: the key was ours to take, in its stead */
    int64_t until;  /* milliseconds of the monotonic clock; 0: not looked at */
};

/* Look out from now on. */
void job_watch(struct job *job, bool whole);

/* How long until the next look, in milliseconds; -1: there is none. */
int job_timeout(const struct job *job);

/* Stops with the command, if that has stopped; returns true when we go on. The console may be NULL. */
bool job_stop(struct job *job, struct console *console);

#endif
