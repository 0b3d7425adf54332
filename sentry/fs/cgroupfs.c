/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /sys/fs/cgroup: the container's own cgroup as if it were the root of a hierarchy, read-only, here of version 2. Language run
 * times read memory.max and cpu.max here to size their heaps and pools.
 */
#include "sentry/fs/cgroupfs.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postern/boot.h"
#include "postern/cleanup.h"
#include "sentry/fs/cgroupfs_private.h"
#include "sentry/fs/proc_cpu.h"
#include "sentry/fs/proc_usage.h"
#include "sentry/fs/procfs.h"
#include "sentry/sentry.h"

int cgroup_processes_text(const struct synth_source *source, struct text *text)
{
    auto_free int *pids = NULL;
    size_t count = 0;
    int result = proc_list_processes(source->sentry, &pids, &count);
    for (size_t i = 0; i < count; i++)
        text_printf(text, "%d\n", pids[i]);
    return result;
}

int cgroup_threads_text(const struct synth_source *source, struct text *text)
{
    auto_free int *pids = NULL;
    size_t count = 0;
    int result = proc_list_numbers(source->sentry, ".", &pids, &count);
    for (size_t i = 0; i < count; i++) {
        auto_free int *tids = NULL;
        size_t threads = 0;
        char folder[32];
        (void)snprintf(folder, sizeof(folder), "%d/task", pids[i]);
        if (proc_list_numbers(source->sentry, folder, &tids, &threads) < 0)
            continue; /* it has gone since */
        for (size_t j = 0; j < threads; j++)
            text_printf(text, "%d\n", tids[j]);
    }
    return result;
}

static void append_limit(struct text *text, uint64_t limit)
{
    if (limit == 0)
        text_string(text, "max\n");
    else
        text_printf(text, "%" PRIu64 "\n", limit);
}

static int memory_max_text(const struct synth_source *source, struct text *text)
{
    append_limit(text, source->sentry->boot->memory_limit);
    return 0;
}

int cgroup_memory_text(const struct synth_source *source, struct text *text)
{
    struct proc_memory memory;
    proc_memory_read(source->sentry, &memory);
    text_printf(text, "%" PRIu64 "\n", memory.resident);
    return 0;
}

static int memory_stat_text(const struct synth_source *source, struct text *text)
{
    struct proc_memory memory;
    proc_memory_read(source->sentry, &memory);
    text_printf(text, "anon %" PRIu64 "\nfile %" PRIu64 "\nkernel 0\nkernel_stack 0\npagetables 0\nsock 0\nshmem 0\n",
                memory.anonymous, memory.shared);
    text_printf(text, "inactive_anon 0\nactive_anon %" PRIu64 "\ninactive_file 0\nactive_file %" PRIu64 "\nslab 0\n",
                memory.anonymous, memory.shared);
    return 0;
}

int cgroup_pids_max_text(const struct synth_source *source, struct text *text)
{
    append_limit(text, source->sentry->boot->pids_limit);
    return 0;
}

int cgroup_pids_text(const struct synth_source *source, struct text *text)
{
    struct proc_usage usage;
    proc_usage_read(source->sentry, &usage);
    text_printf(text, "%u\n", usage.threads);
    return 0;
}

static int cpu_max_text(const struct synth_source *source, struct text *text)
{
    const struct boot_config *boot = source->sentry->boot;
    uint64_t period = boot->cpu_period_us != 0 ? boot->cpu_period_us : 100000;
    if (boot->cpu_quota_us == 0)
        text_printf(text, "max %" PRIu64 "\n", period);
    else
        text_printf(text, "%" PRIu64 " %" PRIu64 "\n", boot->cpu_quota_us, period);
    return 0;
}

static int cpu_stat_text(const struct synth_source *source, struct text *text)
{
    struct proc_usage usage;
    proc_usage_read(source->sentry, &usage);
    uint64_t user = usage.user_ticks * 10000, system = usage.system_ticks * 10000;
    text_printf(text, "usage_usec %" PRIu64 "\nuser_usec %" PRIu64 "\nsystem_usec %" PRIu64 "\n", user + system, user,
                system);
    text_string(text, "nr_periods 0\nnr_throttled 0\nthrottled_usec 0\n");
    return 0;
}

int cgroup_cpus_text(const struct synth_source *source, struct text *text)
{
    (void)source;
    unsigned int numbers[CPUS_MAX];
    cpu_ranges(numbers, cpu_list(numbers, CPUS_MAX), text);
    text_string(text, "\n");
    return 0;
}

#define LIVE(path_, generate_) SYNTH_FILE(path_, 0444, SYNTH_LIVE, .generate = (generate_))
#define TEXT(path_, text_)     SYNTH_TEXT(path_, 0444, text_)

static const struct synth_entry cgroup_table[] = {
    SYNTH_DIR(""),
    TEXT("cgroup.controllers", "cpuset cpu memory pids\n"),
    TEXT("cgroup.events", "populated 1\nfrozen 0\n"),
    TEXT("cgroup.freeze", "0\n"),
    TEXT("cgroup.max.depth", "max\n"),
    TEXT("cgroup.max.descendants", "max\n"),
    LIVE("cgroup.procs", cgroup_processes_text),
    TEXT("cgroup.stat", "nr_descendants 0\nnr_dying_descendants 0\n"),
    TEXT("cgroup.subtree_control", ""),
    LIVE("cgroup.threads", cgroup_threads_text),
    TEXT("cgroup.type", "domain\n"),
    LIVE("cpu.max", cpu_max_text),
    LIVE("cpu.stat", cpu_stat_text),
    TEXT("cpu.weight", "100\n"),
    TEXT("cpuset.cpus", "\n"),
    LIVE("cpuset.cpus.effective", cgroup_cpus_text),
    TEXT("cpuset.mems", "\n"),
    TEXT("cpuset.mems.effective", "0\n"),
    LIVE("memory.current", cgroup_memory_text),
    TEXT("memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n"),
    TEXT("memory.high", "max\n"),
    TEXT("memory.low", "0\n"),
    LIVE("memory.max", memory_max_text),
    TEXT("memory.min", "0\n"),
    TEXT("memory.oom.group", "0\n"),
    LIVE("memory.stat", memory_stat_text),
    TEXT("memory.swap.current", "0\n"),
    TEXT("memory.swap.max", "max\n"),
    LIVE("pids.current", cgroup_pids_text),
    TEXT("pids.events", "max 0\n"),
    LIVE("pids.max", cgroup_pids_max_text),
    {0},
};
static struct synth_tree cgroup_tree; /* made at the first mount */

static const struct synth_filesystem cgroup_filesystem = {
    .name = "cgroup2", .tree = &cgroup_tree, .magic = CGROUP2_SUPER_MAGIC, .device_minor = SYNTH_DEVICE_CGROUP};

/* -- mounting ------------------------------------------------------------------------------------------------------ */

static int mount_second(struct sentry *sentry, const char *path)
{
    const struct synth_entry *const tables[] = {cgroup_table};
    if (cgroup_tree.tables[0] == NULL)
        cgroup_tree.tables[0] = cgroup_table_with_settings(sentry->boot, tables, 1);
    return cgroup_tree.tables[0] == NULL ? -ENOMEM : synthfs_mount(sentry, &cgroup_filesystem, path);
}

/* The last of those at one place is the one that is seen. */
static uint32_t find_mount(const struct boot_config *boot, const char *path)
{
    uint32_t at = boot->mount_count;
    while (at > 0 && (boot->mounts[at - 1].kind != BOOT_MOUNT_CGROUP || strcmp(boot->mounts[at - 1].destination, path) != 0))
        at--;
    return at - 1;
}

int cgroupfs_mount(struct sentry *sentry, const char *path)
{
    const uint32_t index = find_mount(sentry->boot, path);
    const char *type = index < sentry->boot->mount_count ? sentry->boot->mounts[index].type : "";
    if (strcmp(type, "tmpfs") == 0)
        return cgroup_v1_mount_all(sentry, index);
    return strcmp(type, "cgroup") == 0 ? cgroup_v1_mount_one(sentry, index) : mount_second(sentry, path);
}

/* -- in /proc ------------------------------------------------------------------------------------------------------ */

int cgroup_paths_text(const struct synth_source *source, struct text *text)
{
    text_string(text, source->sentry->boot->cgroups);
    return 0;
}

/* A controller's hierarchy has the number that /proc/PID/cgroup shows; version 2's is 0. */
static void controllers_of(const char *line, struct text *text)
{
    char number[12], names[64];
    if (sscanf(line, "%11[0-9]:%63[^:=\n]:", number, names) != 2 || strncmp(names, "name", 4) == 0)
        return;
    char *rest = names;
    for (const char *name; (name = strsep(&rest, ",")) != NULL;)
        text_printf(text, "%s\t%s\t1\t1\n", name, number);
}

int cgroup_controllers_text(const struct synth_source *source, struct text *text)
{
    text_string(text, "#subsys_name\thierarchy\tnum_cgroups\tenabled\n");
    const char *lines = source->sentry->boot->cgroups;
    if (strchr(lines, '\n') == strrchr(lines, '\n'))
        text_string(text, "cpuset\t0\t1\t1\ncpu\t0\t1\t1\ncpuacct\t0\t1\t1\nmemory\t0\t1\t1\npids\t0\t1\t1\n");
    for (const char *at = lines; at != NULL && *at != '\0'; at = strchr(at, '\n'), at += at != NULL)
        controllers_of(at, text);
    return 0;
}
