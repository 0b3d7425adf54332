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
#include <sys/types.h>

#include "sentry/kernel/cred.h"
#include "sentry/kernel/limits.h"
#include "sentry/kernel/status.h"

struct boot_config;
struct sentry;
struct dentry;
struct process_table;
struct exec_plan;

/* Where a process or thread is, and the mode of what it makes. */
struct fs {
    struct dentry *root, *cwd;
    mode_t umask;
};

/* Of a thread that shares it with no other, or only with those it made. */
struct own_fs {
    uint64_t id; /* never 0, never reused */
    struct fs fs;
    bool used; /* while those that are not are looked for */
};

/* Which file is a program: by its number, whatever names it has. inode 0: none. */
struct program_file {
    uint64_t inode;
    uint32_t device_major, device_minor;
};

struct context {
    atomic_uint references;
    uint64_t id; /* the stamp; never 0, never reused */
    struct cred *cred;
    struct dentry *root, *cwd, *exe;
    struct program_file program; /* what exe was when it was executed */
    mode_t umask;
    bool dumpable;
    bool fs_shared; /* it, or an ancestor, cloned with CLONE_FS: root, cwd and umask may be another process's too */
    struct limits limits;
    int oom_score_adj;
    bool before_program; /* it runs the runtime's code still; its first exec clears this */
    /* A filter was put on it, or on an ancestor since, by somebody without CAP_SYS_ADMIN, on whichever thread: no exec gives
     * it privileges, because the program could not trust its own system calls. */
    bool filtered;
    bool no_new_privs; /* each thread has it, whatever its own credentials say (SECCOMP_FILTER_FLAG_TSYNC) */
    unsigned int host_filters;    /* how many seccomp filters there are below the configuration's and the guest's own */
    unsigned int vouched_filters; /* as many from below are ours, the configuration's or of somebody with CAP_SYS_ADMIN */
    bool once_tagged;    /* it was, or an ancestor: no thread gets a realtime policy, by which a tag comes back (slack.c) */
    bool tagged;         /* threads may carry tags (tags.h). If not threads_differ, none with other credentials than cred */
    bool threads_differ; /* credentials, root, cwd and umask of a thread with a tag are what the tag says; of others, the process's */
    bool files_differ;   /* so may the descriptor tables of threads */
    bool files_shared;   /* it, or an ancestor, cloned with CLONE_FILES: its table may be another process's too */
    struct own_fs *own_fs;
    size_t own_fs_count;
    struct aio_account *aio; /* kernel/aio.h; NULL: nothing was set up in its memory */
    unsigned char unseen_scans; /* scans in a row that found no process stamped with it */
    bool seen;                  /* by the scan that is going on */
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
    const struct task *_Atomic executing; /* the thread that is in an exec; read from any thread */
    struct program_file starting; /* the program of the exec it is in, once that is found */
    struct exec_plan *files_due; /* owned: its new program has yet to fetch its files (platform/exec.h) */
    unsigned int becoming_realtime; /* requests for that which are on their way (rank.c) */
    bool newcomer;           /* counted as one (newcomers.h) */
    bool counted;            /* in a user's share of what the table may know */
    uid_t counted_for;
    struct process_table *table;
};

struct task {
    unsigned int references; /* the table's, and those of calls in progress */
    pid_t tid, vtid;
    struct process *process; /* a reference */
    struct task *next; /* in process */
    bool served;       /* a call of it has been seen to be its own */
    bool took_over;    /* the id of its leader, by an exec: what that one asked before may still be on its way */
    bool gone;         /* the table knows it no more: it has ended, by an exec of another thread perhaps */
    bool bound;        /* while threads_differ: cred and fs have been found out */
    struct cred *cred; /* NULL: the process's */
    uint64_t fs;       /* of context->own_fs; 0, or one that is not there: the process's */
    uint64_t host_start; /* with bound: the host's start time of the thread, lest a later one is taken for it */
    uint64_t seen_same;  /* CLOCK_BOOTTIME ns when that was last compared */
    bool files_own;      /* it has been made to take its table for its own, for the exec it is about to ask for again */
    bool death_signal;   /* it has asked for a signal at its parent's end */
    uint64_t made_with_slack; /* its timer slack before it set one; 0: it has set none */
};

struct process_table *process_table_new(struct sentry *sentry);

/* Finds or makes the task for a notification's pid, checking that a remembered one is still the same
 * process. Returns NULL if it is gone. */
struct task *task_find(struct process_table *table, pid_t tid);

/* What the guest calls a process that may have ended since, by the pid we know; 0 if that cannot be told any more. */
pid_t process_guest_pid(const struct process_table *table, pid_t pid);

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

struct process *process_get(struct process *process);
void process_put(struct process *process);
struct task *task_get(struct task *task);
struct task *task_put(struct task *task); /* accepts NULL, returns NULL */

/* Is a task of the table still the same thread on the host? */
bool task_alive(const struct task *task);

/* Calls visit for each live process that is not before its program, newly found ones included. Stops on non-zero and returns it. Others
 * have the state lock in between (state_give_way). */
int process_for_each(struct process_table *table, int (*visit)(struct process *process, void *data), void *data);
/* Whether that is all there are: a user may have more processes than are known of him (kernel/share.h), and one may just have ended. Likewise. */
bool process_all_known(struct process_table *table);
/* The same without anybody in between: for what has to agree among processes. They should be known by then (process_all_known). */
int process_for_each_at_once(struct process_table *table, int (*visit)(struct process *process, void *data), void *data);

/* Calls visit with each of its threads as the host knows it. Stops on non-zero and returns it; -ESRCH: it is gone. */
int process_for_each_thread(const struct process *process, int (*visit)(pid_t tid, void *data), void *data);

/* Does any process run the program, or is about to? Those that are not known of are asked for as well. */
bool program_is_in_use(struct process_table *table, const struct program_file *program);

/* How many threads it has, at least 1. */
unsigned int process_threads(const struct process_table *table, const struct process *process);

/* How many processes the guest has. */
unsigned int process_count(const struct process_table *table);

/* ended(process, data) is called when a process is seen to have ended, before it is forgotten. */
void process_table_tell_ends(struct process_table *table, void (*ended)(const struct process *process, void *data), void *data);

/* pidfd of a process became readable: forget it. */
void process_exited(struct process_table *table, struct process *process);
/* After an exec the calling thread is the only one and has the leader's ids. */
void process_collapse_to(struct process_table *table, struct process *process, struct task *survivor);

/*
 * An exec, and what must not fall into it: one waits for the other, without the lock. The process is referenced by the caller.
 *
 * Between process_exec_begin() and _end() there is no other exec of the process, and nobody gets at its memory by an earlier
 * judgement: neither another process nor a thread of the old program, whose call is being served still and whose id the new
 * program may have. Whoever is to be judged calls process_intrude() first and process_intrude_end() when done.
 */
void process_exec_begin(struct process *process, const struct task *task);
void process_exec_end(struct process *process);
void process_intrude(struct process *process);
void process_intrude_end(struct process *process);
/* The same for what is judged and done without letting go of the lock. The process is looked up again afterwards. */
void process_wait_for_exec(struct process *process);

/* Borrowed. A process's are its leader's. */
struct cred *task_cred(const struct task *task);
struct cred *process_cred(const struct process *process);
bool task_no_new_privs(const struct task *task);

/* What a thread's is, in a context of its process or now; dentries borrowed. */
struct fs context_fs(const struct context *context, uint64_t id);
struct fs task_fs(const struct task *task);
/* Sets it in a private context of the process's (references are taken). */
void context_set_fs(struct context *context, const struct task *task, const struct fs *fs);
/* unshare(CLONE_FS) by the thread whose call is being served. 0 or -errno. */
int task_unshare_fs(struct process_table *table, struct task *task);

/* A private copy with references taken, id 0. NULL if memory is out. */
struct context *context_new(void);
struct context *context_copy(const struct context *context);
struct context *context_get(struct context *context);
struct context *context_put(struct context *context);

/* context_copy of a process's, to be changed and given to process_commit. NULL if memory is out. */
struct context *process_edit(const struct process *process);
/* The same on behalf of one of its threads. NULL too if there is no such thread any more: what its process is by now it was not. */
struct context *task_edit(const struct task *task);

/* Makes a private context (reference taken over) the process's, stamps the process. 0 or -errno (then the
 * context is dropped and the old one stands). */
int process_commit(struct process_table *table, struct process *process, struct context *context);

/* Has another process the same root, working directory and umask, and can change them? (When in doubt, yes.) */
bool process_shares_fs(struct process_table *table, struct process *process);
/* Has another process its descriptor table, or can one be about to? */
bool process_shares_files(struct process_table *table, struct process *process);

/* Gives the thread whose call is being served new credentials (reference taken over); in a single-threaded process those are
 * the process's. 0 or -errno; -EAGAIN: one more thread that differs from others cannot be had. */
int task_commit_cred(struct process_table *table, struct task *task, struct cred *cred);

/* Timer slack as the guest knows it. To set it only for the thread whose call is being served; 0: what it was made with. */
int thread_get_slack(const struct process_table *table, pid_t tid, uint64_t *ret_slack);
int thread_set_slack(struct process_table *table, struct task *task, uint64_t slack);

/* At the exec stop: the survivor has nothing of its own any more, and a private context of the process's says so. 0 or -errno. */
int process_forget_threads(struct process_table *table, struct task *survivor, struct context *context);

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
    unsigned int host_filters; /* as in struct context */
};
/* By guest pid or guest thread id. 0 or -ESRCH. */
int process_snapshot(struct process_table *table, pid_t vpid, struct process_snapshot *ret_snapshot);
/* Its timer slack as the guest knows it, for one of the guest's threads (outer id). Likewise, or -EPERM. */
int process_snapshot_slack(struct process_table *table, pid_t vpid, pid_t reader, uint64_t *ret_slack);

/* May a thread (outer id) look into a process by ptrace(2)'s "Ptrace access mode checking", PTRACE_MODE_READ_FSCREDS? Of a reader that
 * has made no trapped call nothing is known, so it may not; nor may anybody while a program is being started: what is there is the new
 * one's, and the credentials are still the old ones. To be asked when what may be looked at has been fetched. Any thread. */
enum process_look { PROCESS_LOOK_REFUSED, PROCESS_LOOK_GRANTED, PROCESS_LOOK_ITSELF /* the very thread */ };
enum process_look process_may_look(struct process_table *table, pid_t reader, pid_t vpid);

/* --- move_root.c --- */
/* Whoever has `from` as its root or working directory has `to` from now on. */
void process_table_move_root(struct process_table *table, const struct dentry *from, struct dentry *to);
/* Is test(place, data) true of some process's root or working directory? */
bool process_table_any_place(struct process_table *table, bool (*test)(const struct dentry *place, const struct dentry *data),
                             const struct dentry *data);
/* What processes that have ended held is let go of now, and not only when it is looked for the next time. */
void process_table_forget_ended(struct process_table *table);

#endif
