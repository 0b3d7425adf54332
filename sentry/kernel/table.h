/* SPDX-License-Identifier: Apache-2.0 */
/* The process table from within: for the files of sentry/kernel only. */
#ifndef SENTRY_KERNEL_TABLE_H
#define SENTRY_KERNEL_TABLE_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "sentry/kernel/id_map.h"
#include "sentry/kernel/process.h"
#include "sentry/kernel/share.h"
#include "sentry/kernel/tags.h"

enum { ENDED_KEPT = 1024 };

struct process_table {
    struct sentry *sentry;
    pthread_mutex_t mutex;  /* held to change anything below and what hangs on it; the main thread reads without */
    struct id_map by_tid;   /* struct task, by outer thread id */
    struct id_map by_vtid;  /* struct task, by the guest's */
    struct id_map contexts; /* struct context, by stamp; holds a reference to each */
    struct share known;     /* processes: each costs a descriptor; of the user it is when it is first seen */
    int pid_namespace;      /* the guest's, where the host can translate ids by it; else -1 */
    uint64_t last_context, last_own_fs;
    unsigned int commits_until_scan;
    struct tag_table tags;
    size_t tags_sweep_at; /* how many there may be before the unused ones are looked for */
    uint64_t no_search_before; /* CLOCK_MONOTONIC, ms */
    struct cred *nobody;           /* of a thread that carries a tag there is not: no right at all */
    struct {
        pthread_mutex_t mutex; /* whoever lets go of an account need have no other lock */
        struct share events;   /* of all accounts */
    } aio; /* kernel/aio.h */
    struct {
        pid_t pid, vpid;
    } ended[ENDED_KEPT]; /* names of processes that have ended, by pid: others may still show who did something last */
    void (*on_end)(const struct process *process, void *data); /* see process_table_tell_ends */
    void *on_end_data;
    /* newcomers.c; read from any thread */
    atomic_uint newcomers;           /* in the table */
    atomic_uint announced;           /* not yet in it */
    _Atomic(time_t) announced_until; /* of the monotonic clock */
};

/* --- stamp.c --- */
/* The context stamped on a process (borrowed). -ESRCH: it is gone; -ENOENT: never stamped; -EBADF: with a number that stands
 * for no context. */
int stamp_read(struct process_table *table, pid_t pid, struct context **ret_context);
/* The host's start time of a thread in clock ticks, 0 if it is gone. */
uint64_t thread_start_time(const struct sentry *sentry, pid_t tid);
/* Threads of a process, at least 1. */
unsigned int thread_count(const struct sentry *sentry, pid_t pid);

/* Numbers a private context and stamps the process with it. The reference stays the caller's; on success the table has one too. */
int stamp_process(struct process_table *table, pid_t pid, struct context *context);
/* Frees the contexts no process is stamped with, now. */
void stamp_collect(struct process_table *table);
/* Counts a commit; now and then frees the contexts no process is stamped with. */
void stamp_count_commit(struct process_table *table);

/* --- process.c --- */
/* Counts a process as a newcomer, or no longer. */
void process_count_newcomer(struct process_table *table, struct process *process, bool newcomer);

/* --- commit.c --- */
/* While threads of its process differ: finds out what the thread has of its own. -ESRCH: it is gone. */
int task_bind(struct process_table *table, struct task *task);

/* --- slack.c --- */
/* What a thread has of its own (references taken), and its timer slack as the guest knows it. -ESRCH: it is gone. Any thread that
 * holds the mutex. */
int thread_state_read(const struct process_table *table, pid_t tid, struct thread_state *ret_state, uint64_t *ret_slack);
void thread_state_release(struct thread_state *state);
#define auto_thread_state __attribute__((cleanup(thread_state_release)))

/* Looking through all threads is dear, and a guest can be the reason for it as often as it likes: a small share of our time
 * goes there. Whether it may be done now; to be told when it has been. */
bool search_begin(const struct process_table *table, uint64_t *ret_begun);
void search_end(struct process_table *table, uint64_t begun);

/* Before a process's first tag, on the context that will say that there are some: 0 or -errno. */
int thread_prepare_tag(struct context *context, const struct process *process);

/* A process that comes from outside carries nothing that looks like a tag. 0 or -errno. */
int thread_enter_slack(const struct process_table *table, pid_t pid);

/* The rest is for the thread whose call is being served, or that stands at its exec stop, and for no other: see the top of slack.c. */
/* Its credentials are its own from now on. -EAGAIN: no tag can be had. */
int thread_state_set_cred(struct process_table *table, const struct task *task, struct cred *cred);
/* Its fs is this one of the process's own_fs. The same. */
int thread_state_set_fs(struct process_table *table, const struct task *task, uint64_t fs);
/* It has nothing of its own but its slack, and perhaps its fs. *ret_tagged: it carries a tag all the same. */
int thread_reset_state(struct process_table *table, const struct task *task, bool keep_fs, bool *ret_tagged);

/* --- thread_fs.c --- */
int own_fs_copy(struct context *to, const struct context *from);
void own_fs_drop(struct context *context);

/* --- ids.c --- */
struct thread_ids {
    pid_t tid, vtid;   /* as we know it, as the guest does */
    pid_t tgid, vtgid; /* its thread group */
};
/* Finds out how ids are translated, by the container's first process. */
void ids_open_namespace(struct process_table *table, pid_t pid);
/* -ESRCH if there is none, or it is not the guest's. */
int ids_of_tid(const struct process_table *table, pid_t tid, struct thread_ids *ret_ids);
/* known: as in scan_for_vtid. */
int ids_of_vtid(const struct process_table *table, const struct id_map *known, pid_t vtid, struct thread_ids *ret_ids);

/* --- scan.c --- */
/* Calls visit with each thread group leader the procfs shows (tid < 0), or with each thread of a process (tid its id). */
int scan_pids(const struct sentry *sentry, pid_t process, int (*visit)(pid_t pid, void *data), void *data);
/* The same as a list. 0 or -errno. */
struct pid_list {
    pid_t *pids;
    size_t count, capacity;
};
int scan_list(const struct sentry *sentry, pid_t process, struct pid_list *ret_list);
void pid_list_release(struct pid_list *list);
#define auto_pid_list __attribute__((cleanup(pid_list_release)))
/* The outer id of a guest-visible thread id, by asking the host; *ret_status is its status. known: NULL, or tasks by outer
 * id that need not be looked at first. 0 or -ESRCH. */
int scan_for_vtid(const struct sentry *sentry, const struct id_map *known, pid_t vtid, struct host_status *ret_status,
                  pid_t *ret_tid);

#endif
