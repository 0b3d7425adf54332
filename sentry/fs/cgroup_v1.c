/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Version 1 of the cgroup folder, on hosts that have it: a folder for each hierarchy, each a file system of its own, and
 * links from the controllers that share one. Which there are, the boot configuration's mounts say.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>

#include "postern/boot.h"
#include "sentry/fs/cgroupfs_private.h"
#include "sentry/fs/proc_usage.h"
#include "sentry/fs/procfs.h"
#include "sentry/sentry.h"

#define NO_LIMIT UINT64_C(9223372036854771712) /* whole pages below 2^63 bytes */

#define LIVE(path_, generate_)    SYNTH_FILE(path_, 0444, SYNTH_LIVE, .generate = (generate_))
#define SETTING(path_, generate_) SYNTH_FILE(path_, 0644, SYNTH_LIVE, .generate = (generate_))
#define TEXT(path_, text_)        SYNTH_TEXT(path_, 0444, text_)
#define SET_TEXT(path_, text_)    SYNTH_TEXT(path_, 0644, text_)

static const struct synth_entry common_table[] = {
    SYNTH_DIR(""),
    SET_TEXT("cgroup.clone_children", "0\n"),
    SETTING("cgroup.procs", cgroup_processes_text),
    SET_TEXT("notify_on_release", "0\n"),
    SETTING("tasks", cgroup_threads_text),
    {0},
};

/* -- memory -------------------------------------------------------------------------------------------------------- */

static uint64_t memory_limit(const struct synth_source *source)
{
    const uint64_t limit = source->sentry->boot->memory_limit;
    return limit != 0 ? limit : NO_LIMIT;
}

static int memory_limit_text(const struct synth_source *source, struct text *text)
{
    text_printf(text, "%" PRIu64 "\n", memory_limit(source));
    return 0;
}

static int no_limit_text(const struct synth_source *source, struct text *text)
{
    (void)source;
    text_printf(text, "%" PRIu64 "\n", NO_LIMIT);
    return 0;
}

static int memory_stat_text(const struct synth_source *source, struct text *text)
{
    struct proc_memory memory;
    proc_memory_read(source->sentry, &memory);
    const struct {
        const char *name;
        uint64_t value;
    } values[] = {
        {"cache", memory.shared},     {"rss", memory.anonymous},
        {"rss_huge", 0},              {"shmem", 0},
        {"mapped_file", memory.shared}, {"dirty", 0},
        {"writeback", 0},             {"pgpgin", 0},
        {"pgpgout", 0},               {"pgfault", 0},
        {"pgmajfault", 0},            {"inactive_anon", 0},
        {"active_anon", memory.anonymous}, {"inactive_file", 0},
        {"active_file", memory.shared}, {"unevictable", 0},
    };
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        text_printf(text, "%s %" PRIu64 "\n", values[i].name, values[i].value);
    text_printf(text, "hierarchical_memory_limit %" PRIu64 "\nhierarchical_memsw_limit %" PRIu64 "\n", memory_limit(source),
                NO_LIMIT);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        text_printf(text, "total_%s %" PRIu64 "\n", values[i].name, values[i].value);
    return 0;
}

static const struct synth_entry memory_table[] = {
    SET_TEXT("memory.failcnt", "0\n"),
    SETTING("memory.limit_in_bytes", memory_limit_text),
    SETTING("memory.max_usage_in_bytes", cgroup_memory_text),
    SET_TEXT("memory.memsw.failcnt", "0\n"),
    SETTING("memory.memsw.limit_in_bytes", no_limit_text),
    SETTING("memory.memsw.max_usage_in_bytes", cgroup_memory_text),
    LIVE("memory.memsw.usage_in_bytes", cgroup_memory_text),
    SET_TEXT("memory.move_charge_at_immigrate", "0\n"),
    SET_TEXT("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n"),
    SETTING("memory.soft_limit_in_bytes", no_limit_text),
    LIVE("memory.stat", memory_stat_text),
    SET_TEXT("memory.swappiness", "60\n"),
    LIVE("memory.usage_in_bytes", cgroup_memory_text),
    SET_TEXT("memory.use_hierarchy", "1\n"),
    {0},
};

/* -- processors ---------------------------------------------------------------------------------------------------- */

static int cpu_quota_text(const struct synth_source *source, struct text *text)
{
    const uint64_t quota = source->sentry->boot->cpu_quota_us;
    text_printf(text, "%" PRId64 "\n", quota != 0 ? (int64_t)quota : INT64_C(-1));
    return 0;
}

static int cpu_period_text(const struct synth_source *source, struct text *text)
{
    const uint64_t period = source->sentry->boot->cpu_period_us;
    text_printf(text, "%" PRIu64 "\n", period != 0 ? period : UINT64_C(100000));
    return 0;
}

static const struct synth_entry cpu_table[] = {
    SETTING("cpu.cfs_period_us", cpu_period_text),
    SETTING("cpu.cfs_quota_us", cpu_quota_text),
    SET_TEXT("cpu.shares", "1024\n"),
    TEXT("cpu.stat", "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n"),
    {0},
};

static struct proc_usage usage_of(const struct synth_source *source)
{
    struct proc_usage usage;
    proc_usage_read(source->sentry, &usage);
    return usage;
}

static void append_time(struct text *text, uint64_t ticks)
{
    text_printf(text, "%" PRIu64 "\n", ticks * 10000000); /* nanoseconds */
}

static int cpu_time_text(const struct synth_source *source, struct text *text)
{
    const struct proc_usage usage = usage_of(source);
    append_time(text, usage.user_ticks + usage.system_ticks);
    return 0;
}

static int user_time_text(const struct synth_source *source, struct text *text)
{
    append_time(text, usage_of(source).user_ticks);
    return 0;
}

static int system_time_text(const struct synth_source *source, struct text *text)
{
    append_time(text, usage_of(source).system_ticks);
    return 0;
}

static int cpu_ticks_text(const struct synth_source *source, struct text *text)
{
    const struct proc_usage usage = usage_of(source);
    text_printf(text, "user %" PRIu64 "\nsystem %" PRIu64 "\n", (uint64_t)usage.user_ticks, (uint64_t)usage.system_ticks);
    return 0;
}

static const struct synth_entry cpuacct_table[] = {
    LIVE("cpuacct.stat", cpu_ticks_text),
    SETTING("cpuacct.usage", cpu_time_text),
    LIVE("cpuacct.usage_sys", system_time_text),
    LIVE("cpuacct.usage_user", user_time_text),
    {0},
};

static const struct synth_entry cpuset_table[] = {
    SET_TEXT("cpuset.cpu_exclusive", "0\n"),
    SETTING("cpuset.cpus", cgroup_cpus_text),
    LIVE("cpuset.effective_cpus", cgroup_cpus_text),
    TEXT("cpuset.effective_mems", "0\n"),
    SET_TEXT("cpuset.mem_exclusive", "0\n"),
    SET_TEXT("cpuset.mems", "0\n"),
    SET_TEXT("cpuset.sched_load_balance", "1\n"),
    {0},
};

/* -- the others ---------------------------------------------------------------------------------------------------- */

static const struct synth_entry blkio_table[] = {
    TEXT("blkio.throttle.io_service_bytes", "Total 0\n"),
    TEXT("blkio.throttle.io_serviced", "Total 0\n"),
    SET_TEXT("blkio.throttle.read_bps_device", ""),
    SET_TEXT("blkio.throttle.read_iops_device", ""),
    SET_TEXT("blkio.throttle.write_bps_device", ""),
    SET_TEXT("blkio.throttle.write_iops_device", ""),
    {0},
};

/* What can be opened here, whatever the host's folder says. */
static const struct synth_entry devices_table[] = {
    TEXT("devices.list", "c *:* m\nb *:* m\nc 1:3 rwm\nc 1:5 rwm\nc 1:7 rwm\nc 1:8 rwm\nc 1:9 rwm\nc 5:0 rwm\nc 5:1 rwm\nc 5:2 rwm\n"
                         "c 136:* rwm\n"),
    {0},
};

static const struct synth_entry freezer_table[] = {
    TEXT("freezer.parent_freezing", "0\n"),
    TEXT("freezer.self_freezing", "0\n"),
    SET_TEXT("freezer.state", "THAWED\n"),
    {0},
};

static const struct synth_entry net_cls_table[] = {SET_TEXT("net_cls.classid", "0\n"), {0}};

static const struct synth_entry pids_table[] = {
    LIVE("pids.current", cgroup_pids_text),
    TEXT("pids.events", "max 0\n"),
    SETTING("pids.max", cgroup_pids_max_text),
    {0},
};

static const struct {
    const char *name;
    const struct synth_entry *table;
} controllers[] = {
    {"blkio", blkio_table},     {"cpu", cpu_table},         {"cpuacct", cpuacct_table}, {"cpuset", cpuset_table}, {"devices", devices_table},
    {"freezer", freezer_table}, {"memory", memory_table}, {"net_cls", net_cls_table}, {"pids", pids_table},
};

/* -- mounting ------------------------------------------------------------------------------------------------------ */

/* One file system for each mount: they live as long as we do. */
struct hierarchy {
    struct synth_tree tree;
    struct synth_filesystem filesystem;
};

static int mount_tree(struct sentry *sentry, uint32_t index, const char *type, uint32_t magic, const struct synth_tree *tree)
{
    struct hierarchy *hierarchy = malloc(sizeof(*hierarchy));
    if (hierarchy == NULL)
        return -ENOMEM;
    hierarchy->tree = *tree;
    hierarchy->filesystem = (struct synth_filesystem){
        .name = type, .tree = &hierarchy->tree, .magic = magic, .device_minor = SYNTH_DEVICE_CGROUP_V1 + index};
    return synthfs_mount(sentry, &hierarchy->filesystem, sentry->boot->mounts[index].destination);
}

int cgroup_v1_mount_one(struct sentry *sentry, uint32_t index)
{
    const struct synth_entry *tables[SYNTH_TABLES_MAX] = {common_table};
    size_t used = 1;
    for (const char *at = sentry->boot->mounts[index].options; *at != '\0'; at += strcspn(at, ","), at += *at == ',')
        for (size_t i = 0; i < sizeof(controllers) / sizeof(controllers[0]) && used < SYNTH_TABLES_MAX; i++)
            if (strncmp(at, controllers[i].name, strcspn(at, ",")) == 0 && controllers[i].name[strcspn(at, ",")] == '\0')
                tables[used++] = controllers[i].table;
    const struct synth_entry *table = cgroup_table_with_settings(sentry->boot, tables, used);
    return table == NULL ? -ENOMEM : mount_tree(sentry, index, "cgroup", CGROUP_SUPER_MAGIC, &(struct synth_tree){.tables = {table}});
}

/* The name below `path`, if the mount lies directly there. */
static const char *name_below(const struct boot_mount *mount, const char *path)
{
    const size_t length = strlen(path);
    if (mount->kind != BOOT_MOUNT_CGROUP || strncmp(mount->destination, path, length) != 0 || mount->destination[length] != '/')
        return NULL;
    const char *name = mount->destination + length + 1;
    return name[0] != '\0' && strchr(name, '/') == NULL ? name : NULL;
}

/* "cpu,cpuacct", and cpu and cpuacct lead there. */
static int add_names(const char *name, struct synth_entry *entries, size_t *used)
{
    entries[(*used)++] = (struct synth_entry)SYNTH_DIR(name);
    if (strchr(name, ',') == NULL)
        return 0;
    char *words = strdup(name), *rest = words; /* kept: the entries refer to it */
    if (words == NULL)
        return -ENOMEM;
    for (char *word; (word = strsep(&rest, ",")) != NULL;)
        entries[(*used)++] = (struct synth_entry)SYNTH_LINK_TO(word, name);
    return 0;
}

static size_t count_names(const struct boot_config *boot, const char *path)
{
    size_t count = 0;
    for (uint32_t i = 0; i < boot->mount_count; i++) {
        const char *name = name_below(&boot->mounts[i], path);
        for (count += name != NULL; name != NULL && (name = strchr(name, ',')) != NULL; name++)
            count += 2;
    }
    return count;
}

int cgroup_v1_mount_all(struct sentry *sentry, uint32_t index)
{
    const struct boot_config *boot = sentry->boot;
    const char *path = boot->mounts[index].destination;
    struct synth_entry *entries = calloc(count_names(boot, path) + 2, sizeof(*entries));
    size_t used = 0;
    int status = entries == NULL ? -ENOMEM : 0;
    if (status == 0)
        entries[used++] = (struct synth_entry)SYNTH_DIR("");
    for (uint32_t i = 0; i < boot->mount_count && status == 0; i++) {
        const char *name = name_below(&boot->mounts[i], path);
        status = name != NULL ? add_names(name, entries, &used) : 0;
    }
    return status < 0 ? status : mount_tree(sentry, index, "tmpfs", TMPFS_MAGIC, &(struct synth_tree){.tables = {entries}});
}
