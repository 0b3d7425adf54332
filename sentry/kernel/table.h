/* SPDX-License-Identifier: Apache-2.0 */
/* The process table from within: for the files of sentry/kernel only. */
#ifndef SENTRY_KERNEL_TABLE_H
#define SENTRY_KERNEL_TABLE_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "sentry/kernel/id_map.h"
#include "sentry/kernel/process.h"

struct process_table {
    struct sentry *sentry;
    pthread_mutex_t mutex;  /* held to change anything below and what hangs on it; the main thread reads without */
    struct id_map by_tid;   /* struct task, by outer thread id */
    struct id_map by_vtid;  /* struct task, by the guest's */
    struct id_map contexts; /* struct context, by stamp; holds a reference to each */
    int pid_namespace;      /* the guest's, where the host can translate ids by it; else -1 */
    uint64_t last_context;
    unsigned int commits_until_scan;
    unsigned int lineage_depth; /* of the recursion in lineage.c */
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
/* Counts a commit; now and then frees the contexts no process is stamped with. */
void stamp_count_commit(struct process_table *table);

/* --- process.c --- */
/* Counts a process as a newcomer, or no longer. */
void process_count_newcomer(struct process_table *table, struct process *process, bool newcomer);

/* --- lineage.c --- */
/* Gives a process just found, whose stamp stands for a process with threads of different credentials, those of the thread
 * that forked it. 0 or -errno. */
int lineage_resolve(struct process_table *table, struct process *process);

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
/* Was `child` forked by this thread, and is its child still? */
bool is_child_of_thread(const struct sentry *sentry, pid_t tgid, pid_t tid, pid_t child);

/* Calls visit with each thread group leader the procfs shows (tid < 0), or with each thread of a process (tid its id). */
int scan_pids(const struct sentry *sentry, pid_t process, int (*visit)(pid_t pid, void *data), void *data);
/* The outer id of a guest-visible thread id, by asking the host; *ret_status is its status. known: NULL, or tasks by outer
 * id that need not be looked at first. 0 or -ESRCH. */
int scan_for_vtid(const struct sentry *sentry, const struct id_map *known, pid_t vtid, struct host_status *ret_status,
                  pid_t *ret_tid);

#endif
