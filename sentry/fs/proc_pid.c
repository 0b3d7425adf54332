/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/PID and /proc/PID/task/TID: the tables.
 *
 * The host's own files (SYNTH_REAL) are those whose content is right as it stands and that can do no harm in the
 * guest's hands: what they say is about guest processes alone, in the numbers of the guest's pid namespace and the
 * paths of the container's root, and what they let write (comm, oom_score_adj, coredump_filter) the
 * kernel checks against the writer, who has no capability natively. mem is bound to the memory the process had when it
 * was opened: an exec of a set-id program leaves the holder with the old one; so are pagemap, which has no frame numbers for the
 * likes of our guests, and clear_refs. Left out for what they would tell: wchan
 * and stack (symbols of the host kernel), syscall, loginuid and sessionid (the host's audit session), uid_map,
 * cgroup, mountinfo.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postern/boot.h"
#include "postern/confine.h"
#include "sentry/fs/cgroupfs.h"
#include "sentry/fs/procfs.h"
#include "sentry/kernel/newcomers.h"
#include "sentry/kernel/process.h"
#include "sentry/sentry.h"

CONFINE_ALLOW_IF(faccessat, 0, UINT32_MAX, SENTRY_FD_PROC_INNER, "is there such a process or thread");
CONFINE_ALLOW(newfstatat, "how many threads a process has");

/* --- links --- */

/* A process that has ended and not been waited for has a context still, but no program and no folders. */
static struct task *living_task(const struct synth_source *source)
{
    char target[8];
    return proc_subject_readlink(source, source->entry->path, target, sizeof(target)) < 0
               ? NULL
               : proc_subject_task(source);
}

static int dentry_text(const struct synth_source *source, const struct dentry *dentry, struct text *text)
{
    char path[VFS_PATH_MAX + 32];
    if (dentry == NULL || source->who == NULL)
        return -ENOENT;
    ssize_t length = dentry_path(dentry, source->who->root, path, sizeof(path));
    if (length < 0)
        return (int)length;
    text_append(text, path, (size_t)length);
    return 0;
}

static int follow_dentry(struct dentry *dentry, struct dentry **ret_dentry)
{
    if (dentry == NULL)
        return -ENOENT;
    *ret_dentry = dentry_get(dentry);
    return 0;
}

#define TASK_LINK(name, target)                                                                                        \
    static int name##_text(const struct synth_source *source, struct text *text)                                       \
    {                                                                                                                  \
        const struct task *task = living_task(source);                                                                 \
        return task != NULL ? dentry_text(source, target, text) : -ENOENT;                                             \
    }                                                                                                                  \
    static int name##_follow(const struct synth_source *source, struct dentry **ret_dentry, int *ret_fd)               \
    {                                                                                                                  \
        (void)ret_fd;                                                                                                  \
        const struct task *task = living_task(source);                                                                 \
        return task != NULL ? follow_dentry(target, ret_dentry) : -ENOENT;                                             \
    }
TASK_LINK(exe, task->process->context->exe)
TASK_LINK(cwd, task_fs(task).cwd)
TASK_LINK(root, task_fs(task).root)

/* --- files --- */

static int timens_offsets_text(const struct synth_source *source, struct text *text)
{
    const struct boot_config *boot = source->sentry->boot;
    text_printf(text, "%-10s %10" PRId64 " %9" PRIu32 "\n%-10s %10" PRId64 " %9" PRIu32 "\n", "monotonic", boot->monotonic.secs,
                boot->monotonic.nanosecs, "boottime", boot->boottime.secs, boot->boottime.nanosecs);
    return 0;
}

static int refuse_access(const struct synth_source *source, struct text *text)
{
    (void)source;
    (void)text;
    return -EACCES;
}

static int id_map_text(const struct synth_source *source, struct text *text)
{
    const struct boot_config *boot = source->sentry->boot;
    const struct boot_id_table *table = strcmp(source->entry->path, "uid_map") == 0 ? &boot->uids : &boot->gids;
    for (uint32_t i = 0; i < table->count; i++)
        text_printf(text, "%10u %10u %10u\n", table->lines[i].inside, table->lines[i].outside, table->lines[i].size);
    return 0;
}

static int setgroups_text(const struct synth_source *source, struct text *text)
{
    text_printf(text, "%s\n", source->sentry->boot->groups_denied != 0 ? "deny" : "allow");
    return 0;
}

/* Without a security module the kernel has the files, and nothing behind them. */
static int no_security_module(const struct synth_source *source, struct text *text)
{
    (void)source;
    (void)text;
    return -EINVAL;
}

static int store_no_security_module(const struct synth_source *source, const char *data, size_t size)
{
    (void)source;
    (void)data;
    (void)size;
    return -EINVAL;
}

static int store_refused(const struct synth_source *source, const char *data, size_t size)
{
    (void)source;
    (void)data;
    (void)size;
    return -EPERM;
}

/* The host's carries our tags. */
static int timerslack_text(const struct synth_source *source, struct text *text)
{
    uint64_t slack;
    pid_t reader = source->who != NULL && source->who->task != NULL ? source->who->task->tid : source->reader;
    int result = process_snapshot_slack(source->sentry->processes, source->subject.vpid, reader, &slack);
    if (result == 0)
        text_printf(text, "%" PRIu64 "\n", slack);
    return result;
}

/* pam_loginuid writes it and fails a login that cannot. */
static int store_ignored(const struct synth_source *source, const char *data, size_t size)
{
    (void)source;
    (void)data;
    (void)size;
    return 0;
}

#define REAL(path_, mode_, flags_) SYNTH_FILE(path_, mode_, SYNTH_REAL, .flags = (flags_))
#define ATTRIBUTE(path_, mode_)                                                                                        \
    SYNTH_FILE(path_, mode_, SYNTH_LIVE, .generate = no_security_module, .store = store_no_security_module)
#define ID_MAP(path_)                                                                                                  \
    SYNTH_FILE(path_, 0644, SYNTH_LIVE, .generate = id_map_text, .store = store_refused)

/* What a process and each of its threads have. */
static const struct synth_entry common_table[] = {
    SYNTH_DIR(""),
    SYNTH_FILE("fd", 0500, SYNTH_DIRECTORY, .flags = SYNTH_CHECKED | SYNTH_OWN, .numbered = &proc_descriptors),
    SYNTH_DIR("fdinfo", .flags = SYNTH_CHECKED, .numbered = &proc_descriptor_infos),
    SYNTH_FILE("ns", 0511, SYNTH_DIRECTORY, .flags = 0),
    SYNTH_DIR("net"),
    REAL("environ", 0400, SYNTH_CHECKED),
    REAL("auxv", 0400, SYNTH_CHECKED),
    REAL("pagemap", 0400, SYNTH_CHECKED | SYNTH_OPTIONAL),
    REAL("clear_refs", 0200, SYNTH_CHECKED | SYNTH_OPTIONAL),
    SYNTH_FILE("arch_status", 0444, SYNTH_SNAPSHOT, .flags = SYNTH_OPTIONAL, .argument = ""),
    SYNTH_FILE("status", 0444, SYNTH_LIVE, .generate = proc_status_text),
    SYNTH_FILE("personality", 0400, SYNTH_LIVE, .flags = SYNTH_CHECKED, .generate = proc_personality_text, .keeps = proc_may_look),
    SYNTH_FILE("limits", 0444, SYNTH_SNAPSHOT, .generate = proc_limits_text),
    SYNTH_FILE("sched", 0444, SYNTH_LIVE, .flags = SYNTH_OPTIONAL, .generate = proc_sched_text),
    REAL("comm", 0644, 0),
    SYNTH_FILE("syscall", 0400, SYNTH_SNAPSHOT, .flags = SYNTH_CHECKED, .generate = refuse_access),
    REAL("cmdline", 0444, 0),
    SYNTH_FILE("stat", 0444, SYNTH_LIVE, .generate = proc_pid_stat_text, .keeps = proc_may_look),
    REAL("statm", 0444, 0),
    SYNTH_FILE("maps", 0444, SYNTH_SNAPSHOT, .flags = SYNTH_CHECKED, .generate = proc_maps_text),
    SYNTH_FILE("numa_maps", 0444, SYNTH_SNAPSHOT, .flags = SYNTH_CHECKED | SYNTH_OPTIONAL, .generate = proc_numa_maps_text),
    REAL("mem", 0600, SYNTH_CHECKED),
    SYNTH_FILE("cwd", 0777, SYNTH_MAGIC, .flags = SYNTH_CHECKED, .generate = cwd_text, .follow = cwd_follow),
    SYNTH_FILE("root", 0777, SYNTH_MAGIC, .flags = SYNTH_CHECKED, .generate = root_text, .follow = root_follow),
    SYNTH_FILE("exe", 0777, SYNTH_MAGIC, .flags = SYNTH_CHECKED, .generate = exe_text, .follow = exe_follow),
    SYNTH_FILE("mounts", 0444, SYNTH_SNAPSHOT, .generate = proc_mounts_text),
    SYNTH_FILE("mountinfo", 0444, SYNTH_SNAPSHOT, .generate = proc_mountinfo_text),
    SYNTH_FILE("smaps", 0444, SYNTH_SNAPSHOT, .flags = SYNTH_CHECKED | SYNTH_OPTIONAL, .generate = proc_smaps_text),
    REAL("smaps_rollup", 0444, SYNTH_CHECKED | SYNTH_OPTIONAL),
    SYNTH_TEXT("wchan", 0444, "0"),
    SYNTH_FILE("stack", 0400, SYNTH_SNAPSHOT, .flags = SYNTH_CHECKED, .generate = refuse_access),
    REAL("schedstat", 0444, SYNTH_OPTIONAL),
    SYNTH_TEXT("cpuset", 0444, "/\n"),
    SYNTH_FILE("cgroup", 0444, SYNTH_SNAPSHOT, .generate = cgroup_paths_text),
    REAL("oom_score", 0444, 0),
    REAL("oom_adj", 0644, 0),
    REAL("oom_score_adj", 0644, 0),
    SYNTH_FILE("loginuid", 0644, SYNTH_LIVE, .argument = "4294967295", .store = store_ignored),
    SYNTH_TEXT("sessionid", 0444, "4294967295"),
    SYNTH_FILE("io", 0400, SYNTH_LIVE, .flags = SYNTH_CHECKED | SYNTH_OPTIONAL, .generate = proc_io_text, .keeps = proc_may_look),
    ID_MAP("uid_map"),
    ID_MAP("gid_map"),
    SYNTH_FILE("projid_map", 0644, SYNTH_LIVE, .argument = "         0          0 4294967295\n", .store = store_refused),
    SYNTH_FILE("setgroups", 0644, SYNTH_LIVE, .generate = setgroups_text, .store = store_refused),
    ATTRIBUTE("attr/current", 0666),
    SYNTH_FILE("attr/prev", 0444, SYNTH_LIVE, .generate = no_security_module),
    ATTRIBUTE("attr/exec", 0666),
    ATTRIBUTE("attr/fscreate", 0666),
    ATTRIBUTE("attr/keycreate", 0666),
    ATTRIBUTE("attr/sockcreate", 0666),
    {0},
};

static const struct synth_entry thread_table[] = {
    REAL("children", 0444, SYNTH_OPTIONAL),
    {0},
};

static const struct synth_numbered threads;

/* A link for each thread: programs ask so whether they have but one. */
static int threads_attributes(const struct synth_source *source, struct statx *attributes)
{
    char path[64];
    struct stat host;
    snprintf(path, sizeof(path), "%d/task", source->subject.vpid);
    if (fstatat(source->sentry->proc_inner, path, &host, 0) < 0)
        return -ENOENT;
    attributes->stx_nlink = (uint32_t)host.st_nlink;
    return 0;
}

/* What only the process as a whole has. */
static const struct synth_entry process_table[] = {
    SYNTH_DIR("task", .numbered = &threads, .attributes = threads_attributes),
    SYNTH_FILE("mountstats", 0400, SYNTH_SNAPSHOT, .flags = SYNTH_CHECKED, .generate = proc_mountstats_text),
    SYNTH_FILE("timens_offsets", 0644, SYNTH_LIVE, .generate = timens_offsets_text, .store = store_refused),
    REAL("coredump_filter", 0644, SYNTH_OPTIONAL),
    REAL("timers", 0444, SYNTH_CHECKED | SYNTH_OPTIONAL),
    SYNTH_FILE("timerslack_ns", 0666, SYNTH_LIVE, .generate = timerslack_text, .store = store_refused),
    {0},
};

static struct synth_tree thread_tree = {.tables = {common_table, thread_table, proc_namespace_table, proc_net_table}};
static struct synth_tree process_tree = {.tables = {common_table, process_table, proc_namespace_table, proc_net_table}};

/* --- threads of a process --- */

static int list_threads(const struct synth_source *folder, int **ret_numbers, size_t *ret_count)
{
    char path[64];
    snprintf(path, sizeof(path), "%d/task", folder->subject.vpid);
    return proc_list_numbers(folder->sentry, path, ret_numbers, ret_count);
}

static bool thread_exists(const struct synth_source *folder, int number)
{
    char path[64];
    snprintf(path, sizeof(path), "%d/task/%d", folder->subject.vpid, number);
    return faccessat(folder->sentry->proc_inner, path, F_OK, 0) == 0;
}

static struct synth_subject thread_subject(const struct synth_subject *folder, int number)
{
    return (struct synth_subject){.vpid = folder->vpid, .vtid = number};
}

static const struct synth_numbered threads = {
    .tree = &thread_tree, .list = list_threads, .exists = thread_exists, .subject = thread_subject};

/* --- processes --- */

static int list_processes(const struct synth_source *folder, int **ret_numbers, size_t *ret_count)
{
    int result = proc_list_processes(folder->sentry, ret_numbers, ret_count);
    if (result < 0 || folder->sentry->proc_hide < BOOT_HIDE_ALL)
        return result;
    size_t kept = 0;
    for (size_t i = 0; i < *ret_count; i++) {
        struct synth_source process = *folder;
        process.subject = (struct synth_subject){.vpid = (*ret_numbers)[i]};
        if (!proc_is_kept(&process, BOOT_HIDE_ALL))
            (*ret_numbers)[kept++] = (*ret_numbers)[i];
    }
    *ret_count = kept;
    return 0;
}

/* Threads have a folder here too, which is not listed. */
static bool process_exists(const struct synth_source *folder, int number)
{
    char path[16];
    snprintf(path, sizeof(path), "%d", number);
    if (number <= 0 || faccessat(folder->sentry->proc_inner, path, F_OK, 0) < 0)
        return false;
    return !newcomers_present(folder->sentry->processes) || !newcomer_has_id(folder->sentry->processes, number);
}

static struct synth_subject process_subject(const struct synth_subject *folder, int number)
{
    (void)folder;
    return (struct synth_subject){.vpid = number};
}

static const struct synth_numbered processes = {
    .tree = &process_tree, .list = list_processes, .exists = process_exists, .subject = process_subject};

/* --- the root --- */

static int self_text(const struct synth_source *source, struct text *text)
{
    if (source->who == NULL || source->who->task == NULL)
        return -ENOENT;
    text_printf(text, "%d", source->who->task->process->vpid);
    return 0;
}

static int thread_self_text(const struct synth_source *source, struct text *text)
{
    if (source->who == NULL || source->who->task == NULL)
        return -ENOENT;
    text_printf(text, "%d/task/%d", source->who->task->process->vpid, source->who->task->vtid);
    return 0;
}

const struct synth_entry proc_root_table[] = {
    SYNTH_DIR("", .numbered = &processes),
    SYNTH_FILE("self", 0777, SYNTH_LINK, .generate = self_text),
    SYNTH_FILE("thread-self", 0777, SYNTH_LINK, .generate = thread_self_text),
    SYNTH_LINK_TO("mounts", "self/mounts"),
    SYNTH_LINK_TO("net", "self/net"),
    {0},
};
