/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's /proc: what the files that make it share. Entries are in tables; see synthfs.h. */
#ifndef SENTRY_FS_PROCFS_H
#define SENTRY_FS_PROCFS_H

#include "postern/boot.h"
#include "sentry/fs/synthfs.h"

struct boot_config;
struct process;
struct process_snapshot;
struct sentry;

enum { PROC_FILE_MAX = 1 << 20 }; /* most we read of one file of the host's procfs */

/* Mounts it at an absolute path of the guest. */
int procfs_mount(struct sentry *sentry, const char *path);

/* The tables, each ending with an entry without a path. */
extern const struct synth_entry proc_system_table[]; /* meminfo, stat, version, ... */
extern const struct synth_entry proc_sys_table[];    /* sys/... */
extern const struct synth_entry proc_sysvipc_table[];
extern const struct synth_entry proc_root_table[];   /* self, the processes, ... */

/* Whose entry: the thread (of /proc/PID, the leader) or process behind a subject (a worker), or NULL if it is gone. */
struct task *proc_subject_task(const struct synth_source *source);
struct process *proc_subject_process(const struct synth_source *source);
/* Its credentials and the like; any thread. 0 or -ESRCH. */
int proc_subject_snapshot(const struct synth_source *source, struct process_snapshot *ret_snapshot);

/* The process whose folder /proc/PID this is, as the guest numbers it; 0: it is something else. */
pid_t proc_folder_process(const struct dentry *dentry);

/* Is the process one that hidepid keeps from who asks, where it keeps that much at least? */
bool proc_is_kept(const struct synth_source *source, enum boot_hide least);

/* Opens `name` of the subject's folder in the guest's own procfs. Any thread. A descriptor or -errno. */
int proc_subject_open(const struct synth_source *source, const char *name, int flags);
/* What a link there leads to, for links to namespaces. */
int proc_subject_follow(const struct synth_source *source, const char *name);
/* readlink(2) of a link there: its length or -errno. */
ssize_t proc_subject_readlink(const struct synth_source *source, const char *name, char *buffer, size_t size);
/* Appends a file of that folder. 0 or -errno. */
int proc_subject_read(const struct synth_source *source, const char *name, struct text *text);

/* The numbers that name entries of a folder of the guest's own procfs, ascending. "." is the procfs itself. Any thread.
 */
int proc_list_numbers(const struct sentry *sentry, const char *folder, int **ret_numbers, size_t *ret_count);
/* Those of the processes the guest may know of. Any thread. */
int proc_list_processes(const struct sentry *sentry, int **ret_numbers, size_t *ret_count);

/* --- generators, by file --- */
/* proc_fd.c */
extern const struct synth_numbered proc_descriptors, proc_descriptor_infos;
/* proc_status.c */
int proc_status_text(const struct synth_source *source, struct text *text);
int proc_limits_text(const struct synth_source *source, struct text *text);
int proc_sched_text(const struct synth_source *source, struct text *text);
/* Keeps of a sched file what does not tell how long the host has been up. `host` is taken apart. */
void proc_sched_filter(char *host, struct text *text);
/* Replaces in a status file what is the host's with what is emulated. `host` is taken apart. reads_itself: the process
 * waits for this text, and to itself it is running. */
void proc_status_substitute(char *host, const struct process_snapshot *process, bool reads_itself, struct text *text);
/* proc_pid_stat.c. `host` is taken apart. */
int proc_pid_stat_text(const struct synth_source *source, struct text *text);
int proc_io_text(const struct synth_source *source, struct text *text);
int proc_personality_text(const struct synth_source *source, struct text *text);
bool proc_may_look(const struct synth_source *source); /* into the subject, whoever reads */
struct stat_view {
    bool shows_addresses, reads_itself; /* reads_itself: as for proc_status_substitute */
    int64_t boottime_offset_ns;         /* of the guest's clock to ours */
};
void proc_pid_stat_substitute(char *host, const struct stat_view *view, struct text *text);
/* proc_maps.c; a worker, with the state lock */
int proc_maps_text(const struct synth_source *source, struct text *text);
int proc_smaps_text(const struct synth_source *source, struct text *text);
int proc_numa_maps_text(const struct synth_source *source, struct text *text);
/* `host` is taken apart. */
struct twins;
void proc_maps_substitute(char *host, const struct twins *twins, struct text *text);
void proc_smaps_substitute(char *host, const struct twins *twins, struct text *text);
/* proc_mounts.c; a worker, with the state lock */
int proc_mounts_text(const struct synth_source *source, struct text *text);
int proc_mountinfo_text(const struct synth_source *source, struct text *text);
int proc_mountstats_text(const struct synth_source *source, struct text *text);
/* proc_net.c */
extern const struct synth_entry proc_net_table[];
/* proc_namespaces.c */
extern const struct synth_entry proc_namespace_table[];
/* proc_cpu.c */
int proc_cpuinfo_text(const struct synth_source *source, struct text *text);
unsigned int proc_cpu_count(void);
/* proc_time.c */
uint64_t proc_uptime_ns(const struct sentry *sentry); /* since the container was made */
uint64_t proc_boot_seconds(const struct sentry *sentry);
/* The averages of /proc/loadavg, as sysinfo(2) carries them: 16 bits behind the point. Any thread. */
void proc_load_average(const struct sentry *sentry, unsigned long ret_loads[3]);
/* proc_memory.c */
struct proc_memory {
    uint64_t total, free, available, resident, anonymous, shared, committed; /* bytes */
};
void proc_memory_read(const struct sentry *sentry, struct proc_memory *ret_memory);
int proc_meminfo_text(const struct synth_source *source, struct text *text);
int proc_vmstat_text(const struct synth_source *source, struct text *text);
/* proc_load.c */
int proc_stat_text(const struct synth_source *source, struct text *text);
int proc_loadavg_text(const struct synth_source *source, struct text *text);
int proc_uptime_text(const struct synth_source *source, struct text *text);

#endif
