/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/console/job.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "runtime/console/console.h"

enum { LOOK_MS = 10, PATIENCE_MS = 1500 };

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void job_watch(struct job *job, bool whole)
{
    job->whole = whole;
    job->until = now_ms() + PATIENCE_MS;
}

int job_timeout(const struct job *job)
{
    return job->until == 0 ? -1 : LOOK_MS;
}

static int first_child(int parent)
{
    char path[64];
    int child = 0;
    (void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", parent, parent);
    auto_fclose FILE *children = fopen(path, "re");
    return children != NULL && fscanf(children, "%d", &child) == 1 ? child : 0;
}

/* 'T' is one that has stopped; 'D' may be one that has not because it waits for a vfork child, which has. */
static char state_of(int pid)
{
    char path[64], state = '\0';
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    auto_fclose FILE *stat = fopen(path, "re");
    /* A name with a parenthesis would only hide what it says. */
    return stat != NULL && fscanf(stat, "%*d (%*[^)]) %c", &state) == 1 ? state : '\0';
}

static bool has_stopped(pid_t init)
{
    const int command = first_child((int)init);
    const char state = command == 0 ? '\0' : state_of(command);
    return state == 'T' || (state == 'D' && state_of(first_child(command)) == 'T');
}

/* By the signal, not by SIGSTOP: where nobody could let us go on, the kernel ignores it, and so it does where our caller told us to. */
static void stop(bool whole)
{
    sigset_t one, before;
    (void)sigemptyset(&one);
    (void)sigaddset(&one, SIGTSTP);
    (void)(whole ? kill(0, SIGTSTP) : raise(SIGTSTP));
    (void)sigprocmask(SIG_UNBLOCK, &one, &before); /* here it comes */
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
}

bool job_stop(struct job *job, struct console *console)
{
    if (job->until == 0)
        return false;
    if (!has_stopped(job->init)) {
        job->until = now_ms() < job->until ? job->until : 0;
        return false;
    }
    job->until = 0;
    if (console != NULL)
        console_suspend(console);
    stop(job->whole);
    if (console != NULL)
        console_resume(console);
    return true;
}
