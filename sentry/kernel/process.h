/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes as the sentry knows them. Pids here are those of the outer pid namespace unless a name says
 * `v` (virtual): what the guest sees.
 *
 * struct context is the immutable, numbered version of all that fork copies; its number is stamped on the
 * process in the host kernel (docs/architecture.md, "the stamp"). To change something: context_copy, change,
 * process_commit.
 *
 * Locking: the state lock (platform/worker.h) covers everything. The table's mutex (taken inside the functions here) protects
 * besides what process_snapshot() reads for the FUSE thread, which never takes the state lock. Nothing waits while holding it.
 *
 * Life: the table holds a reference to each task and process, a call in progress one to its task, a task one to its process. What
 * is looked up is good until the state lock is let go of (a request to the gofer, a look at guest memory): whoever needs it
 * afterwards takes a reference, or looks it up again.
 */
#ifndef SENTRY_KERNEL_PROCESS_H
#define SENTRY_KERNEL_PROCESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "sentry/kernel/cred.h"
#include "sentry/kernel/status.h"

struct boot_config;
struct sentry;
struct dentry;
struct process_table;

struct context {
    atomic_uint references;
    uint64_t id; /* the stamp; never 0, never reused */
    struct cred *cred;
    struct dentry *root, *cwd, *exe;
    mode_t umask;
    bool dumpable;
    bool before_program; /* it runs the runtime's code still; its first exec clears this */
    bool fs_shared; /* it, or an ancestor, cloned with CLONE_FS: root, cwd and umask may be another process's too */
    struct rlimit locks; /* what the guest sees as RLIMIT_LOCKS */
    int oom_score_adj;
    unsigned char unseen_scans; /* scans in a row that found no process stamped with it */
    bool seen;                  /* by the scan that is going on */
    /* While threads of the process differ in credentials: which one changed last, to what (lineage.c). NULL: none does. */
    struct cred *thread_cred;
    pid_t thread_tgid, thread_tid;
};

struct process {
    unsigned int references; /* the table's, and its tasks' */
    pid_t pid;      /* thread group id, outer */
    pid_t vpid;     /* thread group id, guest's view */
    int pidfd;
    struct context *context;
    struct task *tasks;
    uint64_t started;        /* CLOCK_BOOTTIME ns when first seen */
    unsigned int task_count; /* of the list; some may have ended */
    unsigned int sweep_at;   /* task_count at which ended ones are looked for */
    bool gone;               /* no lookup finds it any more; the table lets go of it when its pidfd reports the exit */
    unsigned int intruders;  /* calls of others that are in its memory */
    bool executing;          /* one of its threads is in an exec */
    bool newcomer;           /* counted as one (newcomers.h) */
    struct process_table *table;
    uint64_t resolved_from;     /* forked by such a thread: the stamp it was found with, */
    struct cred *resolved_cred; /* and what lineage.c made of it */
};

struct task {
    unsigned int references; /* the table's, and those of calls in progress */
    pid_t tid, vtid;
    struct process *process; /* a reference */
    struct cred *cred; /* NULL: the process's. Set where threads' credentials differ (raw setuid) */
    struct task *next; /* in process */
    bool served;         /* a call of it has been seen to be its own */
    uint64_t host_start; /* with cred set: the host's start time of the thread, lest a later one inherits it */
};

struct process_table *process_table_new(struct sentry *sentry);

/* Finds or makes the task for a notification's pid, checking that a remembered one is still the same
 * process. Returns NULL if it is gone. */
struct task *task_find(struct process_table *table, pid_t tid);

/* The process with a guest-visible pid (any thread group leader, seen before or not), or NULL. One that is before its program is
 * nobody's to find by a guest's id. */
struct process *process_find_vpid(struct process_table *table, pid_t vpid);
/* The task with a guest-visible thread id, or NULL. */
struct task *task_find_vtid(struct process_table *table, pid_t vtid);

/* Registers the container's first process with its context (reference taken over). */
int process_add_first(struct process_table *table, pid_t pid, struct context *context, struct process **ret_process);

/* A process that starts with the credentials, directory and limits of a configuration: the container's first, or one of
 * `postern exec`. 0 or -errno. */
int kernel_enter_process(struct sentry *sentry, const struct boot_config *boot, pid_t pid);

struct task *task_get(struct task *task);
struct task *task_put(struct task *task); /* accepts NULL, returns NULL */

/* Is a task of the table still the same thread on the host? */
bool task_alive(const struct task *task);

/* Calls visit for each live process that is not before its program, newly found ones included. Stops on non-zero and returns it. */
int process_for_each(struct process_table *table, int (*visit)(struct process *process, void *data), void *data);

/* How many processes the guest has. */
unsigned int process_count(const struct process_table *table);

/* pidfd of a process became readable: forget it. */
void process_exited(struct process_table *table, struct process *process);
/* After an exec the calling thread is the only one and has the leader's ids. */
void process_collapse_to(struct process_table *table, struct process *process, struct task *survivor);

/*
 * An exec, and what must not fall into it: one waits for the other, without the lock. The process is referenced by the caller.
 *
 * Between process_exec_begin() and _end() there is no other exec of the process, and nobody gets at its memory by an earlier
 * judgement. Whoever is to be judged calls process_intrude() first and process_intrude_end() when done.
 */
void process_exec_begin(struct process *process);
void process_exec_end(struct process *process);
void process_intrude(struct process *process);
void process_intrude_end(struct process *process);

struct cred *task_cred(const struct task *task); /* borrowed */

/* A private copy with references taken, id 0. NULL if memory is out. */
struct context *context_new(void);
struct context *context_copy(const struct context *context);
struct context *context_get(struct context *context);
struct context *context_put(struct context *context);

/* context_copy of a process's, to be changed and given to process_commit. NULL if memory is out. */
struct context *process_edit(const struct process *process);

/* Makes a private context (reference taken over) the process's, stamps the process. 0 or -errno (then the
 * context is dropped and the old one stands). */
int process_commit(struct process_table *table, struct process *process, struct context *context);

/* Has another process the same root, working directory and umask, and can change them? (When in doubt, yes.) */
bool process_shares_fs(struct process_table *table, struct process *process);

/* Gives one thread new credentials (reference taken over); in a single-threaded process that is the
 * process's. Threads not yet seen keep the old ones. 0 or -errno. */
int task_commit_cred(struct process_table *table, struct task *task, struct cred *cred);

/* What the FUSE thread may know of a process: a copy. Groups beyond SNAPSHOT_GROUPS are left out and counted. */
enum { SNAPSHOT_GROUPS = 64 };
struct process_snapshot {
    pid_t pid, vpid;
    struct cred cred; /* groups[] not used */
    gid_t groups[SNAPSHOT_GROUPS];
    size_t group_count;
    mode_t umask;
    int oom_score_adj;
    bool dumpable;
};
/* By guest pid or guest thread id. 0 or -ESRCH. */
int process_snapshot(struct process_table *table, pid_t vpid, struct process_snapshot *ret_snapshot);

#endif
