/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transient ptrace: turns a trapped execve into an execution of the stub (docs/architecture.md, "Exec").
 */
#ifndef SENTRY_PLATFORM_EXEC_H
#define SENTRY_PLATFORM_EXEC_H

#include <stdint.h>

#include "sentry/kernel/share.h"
#include "sentry/stub/plan.h"

struct call;
struct tracee;

/* What the stub will be told, and the files it needs. */
struct exec_plan {
    struct load_plan load;
    int program_fd, interpreter_fd; /* owned; -1: none */
    struct share *share; /* in which it counts, for him; NULL: it does not */
    uid_t user;
};

struct exec_plan *exec_plan_new(void);                    /* NULL if memory is out */
void exec_plan_close(struct exec_plan *plan);             /* the files alone */
struct exec_plan *exec_plan_take(struct exec_plan *plan); /* another that has the files now; NULL if memory is out */
struct exec_plan *exec_plan_free(struct exec_plan *plan); /* accepts NULL, returns NULL */
/* Counts it as long as it, or the other that has taken over its files, is there: one whose files are fetched later may lie for as long as
 * somebody keeps the process from running. False: he has as many as he may have. */
bool exec_plan_count(struct exec_plan *plan, struct share *share, uid_t user);

/*
 * The files go into the caller's table of descriptors right before it executes, and stay open over that. Whoever shares the table with it could
 * take them out. What the caller may not read it gets later (load.files_later): the stub, which shares with nobody any more, asks.
 */
struct stub_exec {
    struct exec_plan *plan; /* borrowed; its files are closed, unless committed() has taken them over */
    int stub;           /* borrowed descriptor of the stub */
    uint64_t empty;     /* guest address of a NUL byte: the path "" */
    uint64_t arguments; /* guest addresses of argv and envp, as the caller gave them */
    uint64_t environment;
    /* Called when the caller is stopped, right before it executes; and when that failed after all. 0, or -ESRCH: it is gone. */
    int (*begin)(struct tracee *tracee, void *data);
    int (*undo)(struct tracee *tracee, void *data);
    /* Called at the exec stop, when the new image is the stub and the old one is gone. 0, or -errno: it must not run. */
    int (*committed)(struct call *call, void *data);
    void *data;
};


/* Returns CALL_ANSWERED when the caller has been answered, one way or the other (also when it died), or -errno
 * to answer with when nothing has happened to it yet. */
/* The stub asks for them: gives what call's process is due. 0 or -errno. */
int64_t exec_give_files(struct call *call);

int64_t platform_exec(struct call *call, const struct stub_exec *exec);

#endif
