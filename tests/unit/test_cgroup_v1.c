/* SPDX-License-Identifier: Apache-2.0 */
/* The trees of version 1's cgroup folder, by the boot configuration's mounts. */
/* sources: sentry/fs/cgroup_v1.c sentry/fs/cgroup_settings.c sentry/fs/synth_tree.c sentry/fs/procfs_text.c */
#include <linux/magic.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "postern/boot.h"
#include "sentry/fs/cgroupfs_private.h"
#include "sentry/fs/proc_usage.h"
#include "sentry/fs/procfs.h"
#include "sentry/sentry.h"

static struct boot_config *boot;
static struct sentry sentry;
static const struct synth_filesystem *mounted;
static char where[BOOT_PATH_MAX];

/* -- what the code under test uses --------------------------------------------------------------------------------- */

int synthfs_mount(struct sentry *self, const struct synth_filesystem *filesystem, const char *path)
{
    static const struct synth_filesystem *all[16]; /* they live as long as we do */
    static size_t count;
    (void)self;
    all[count] = filesystem;
    mounted = all[count++];
    (void)snprintf(where, sizeof(where), "%s", path);
    return synth_tree_build(filesystem->tree);
}

void proc_memory_read(const struct sentry *self, struct proc_memory *ret_memory)
{
    (void)self;
    *ret_memory = (struct proc_memory){0};
}

void proc_usage_read(const struct sentry *self, struct proc_usage *ret_usage)
{
    (void)self;
    *ret_usage = (struct proc_usage){.user_ticks = 3, .system_ticks = 2};
}

static int empty(const struct synth_source *source, struct text *text)
{
    (void)source, (void)text;
    return 0;
}

int cgroup_processes_text(const struct synth_source *source, struct text *text) { return empty(source, text); }
int cgroup_threads_text(const struct synth_source *source, struct text *text) { return empty(source, text); }
int cgroup_memory_text(const struct synth_source *source, struct text *text) { return empty(source, text); }
int cgroup_pids_text(const struct synth_source *source, struct text *text) { return empty(source, text); }
int cgroup_pids_max_text(const struct synth_source *source, struct text *text) { return empty(source, text); }
int cgroup_cpus_text(const struct synth_source *source, struct text *text) { return empty(source, text); }

/* ------------------------------------------------------------------------------------------------------------------ */

static uint32_t add(const char *type, const char *destination, const char *options)
{
    struct boot_mount *mount = &boot->mounts[boot->mount_count];
    mount->kind = BOOT_MOUNT_CGROUP;
    (void)snprintf(mount->type, sizeof(mount->type), "%s", type);
    (void)snprintf(mount->destination, sizeof(mount->destination), "%s", destination);
    (void)snprintf(mount->options, sizeof(mount->options), "ro,nosuid,%s", options);
    return boot->mount_count++;
}

static int reset(void **state)
{
    (void)state;
    if (boot == NULL)
        boot = malloc(sizeof(*boot));
    memset(boot, 0, sizeof(*boot));
    sentry.boot = boot;
    return 0;
}

static const struct synth_entry *entry(const char *name)
{
    const struct synth_node *node = synth_node_child(mounted->tree->root, name);
    return node == NULL ? NULL : node->entry;
}

static void says(const char *name, const char *wanted)
{
    struct text text = {0};
    assert_non_null(entry(name));
    const struct synth_source source = {.sentry = &sentry, .entry = entry(name)};
    assert_int_equal(synth_generate(&source, &text), 0);
    assert_int_equal(text.length, strlen(wanted));
    assert_memory_equal(text.data, wanted, text.length);
    text_release(&text);
}

static void folder(void **state)
{
    (void)state;
    uint32_t top = add("tmpfs", "/sys/fs/cgroup", "mode=755");
    add("cgroup", "/sys/fs/cgroup/cpu,cpuacct", "cpu,cpuacct");
    add("cgroup", "/sys/fs/cgroup/memory", "memory");
    add("cgroup", "/sys/fs/cgroup/memory/deeper", "memory");
    add("cgroup", "/sys/fs/cgroups/pids", "pids");
    assert_int_equal(cgroup_v1_mount_all(&sentry, top), 0);
    assert_string_equal(where, "/sys/fs/cgroup");
    assert_int_equal(mounted->magic, TMPFS_MAGIC);
    assert_int_equal(entry("memory")->means, SYNTH_DIRECTORY);
    assert_int_equal(entry("cpu,cpuacct")->means, SYNTH_DIRECTORY);
    assert_int_equal(entry("cpu")->means, SYNTH_LINK);
    says("cpu", "cpu,cpuacct");
    says("cpuacct", "cpu,cpuacct");
    assert_null(entry("deeper"));
    assert_null(entry("pids"));
    assert_int_equal(mounted->tree->root->child_count, 4);
}

static void of_two(void **state)
{
    (void)state;
    uint32_t index = add("cgroup", "/c", "cpu,cpuacct");
    boot->cpu_quota_us = 50000;
    assert_int_equal(cgroup_v1_mount_one(&sentry, index), 0);
    assert_int_equal(mounted->magic, CGROUP_SUPER_MAGIC);
    says("cpu.cfs_quota_us", "50000\n");
    says("cpu.cfs_period_us", "100000\n");
    says("cpuacct.usage", "50000000\n");
    says("cpuacct.stat", "user 3\nsystem 2\n");
    assert_non_null(entry("tasks"));
    assert_null(entry("memory.stat"));
    assert_null(entry("cpuset.cpus"));
}

static void of_a_name(void **state)
{
    (void)state;
    assert_int_equal(cgroup_v1_mount_one(&sentry, add("cgroup", "/c", "name=systemd")), 0);
    assert_int_equal(mounted->tree->root->child_count, 4);
}

static void limits(void **state)
{
    (void)state;
    uint32_t index = add("cgroup", "/c", "memory");
    assert_int_equal(cgroup_v1_mount_one(&sentry, index), 0);
    says("memory.limit_in_bytes", "9223372036854771712\n");
    boot->memory_limit = 4096;
    says("memory.limit_in_bytes", "4096\n");
    const uint32_t device = mounted->device_minor;
    assert_int_equal(cgroup_v1_mount_one(&sentry, add("cgroup", "/d", "cpu")), 0);
    says("cpu.cfs_quota_us", "-1\n");
    assert_int_not_equal(mounted->device_minor, device);
}

static void set(const char *name, const char *text)
{
    struct boot_cgroup_file *file = &boot->cgroup_files[boot->cgroup_file_count++];
    (void)snprintf(file->name, sizeof(file->name), "%s", name);
    (void)snprintf(file->text, sizeof(file->text), "%s", text);
}

/* What config.json sets is what is shown, in the kernel's manner; in files that are there. */
static void settings(void **state)
{
    (void)state;
    set("memory.limit_in_bytes", "5000");
    set("memory.swappiness", "55");
    set("memory.memsw.limit_in_bytes", "-1");
    set("blkio.bfq.weight|blkio.weight", "300");
    set("memory.none|memory.soft_limit_in_bytes", "8193");
    set("memory.soft_limit", "1");
    set("cpu.shares", "700");
    set("cpu.cfs_quota_us", "5000");
    assert_int_equal(cgroup_v1_mount_one(&sentry, add("cgroup", "/c", "memory")), 0);
    says("memory.limit_in_bytes", "4096\n");
    says("memory.swappiness", "55\n");
    says("memory.memsw.limit_in_bytes", "9223372036854771712\n");
    says("memory.soft_limit_in_bytes", "8192\n");
    assert_int_equal(entry("memory.limit_in_bytes")->mode, 0644);
    assert_int_equal(cgroup_v1_mount_one(&sentry, add("cgroup", "/d", "cpu")), 0);
    says("cpu.shares", "700\n");
    says("cpu.cfs_quota_us", "5000\n");
    says("cpu.cfs_period_us", "100000\n");
    assert_int_equal(cgroup_v1_mount_one(&sentry, add("cgroup", "/e", "blkio")), 0);
    assert_null(entry("blkio.weight"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(folder, reset),
        cmocka_unit_test_setup(of_two, reset),
        cmocka_unit_test_setup(of_a_name, reset),
        cmocka_unit_test_setup(limits, reset),
        cmocka_unit_test_setup(settings, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
