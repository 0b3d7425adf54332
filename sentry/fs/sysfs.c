/* SPDX-License-Identifier: Apache-2.0 */
/* /sys: the little of it that libraries read to size their pools, and the folders that are expected to be there. */
#include "sentry/fs/sysfs.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postern/cleanup.h"
#include "sentry/fs/proc_cpu.h"
#include "sentry/fs/procfs.h"
#include "sentry/fs/sysfs_net.h"

/* --- CPUs --- */

static int cpu_ranges_text(const struct synth_source *source, struct text *text)
{
    (void)source;
    unsigned int numbers[CPUS_MAX];
    cpu_ranges(numbers, cpu_list(numbers, CPUS_MAX), text);
    text_string(text, "\n");
    return 0;
}

/* Words of 32 bits, highest first, as bitmaps are written in sysfs. */
static void append_mask(const unsigned int *numbers, size_t count, struct text *text)
{
    uint32_t words[CPUS_MAX / 32] = {0};
    for (size_t i = 0; i < count; i++)
        words[numbers[i] / 32] |= 1u << numbers[i] % 32;
    size_t word = numbers[count - 1] / 32;
    text_printf(text, "%x", words[word]);
    while (word-- > 0)
        text_printf(text, ",%08x", words[word]);
    text_string(text, "\n");
}

static int cpu_mask_text(const struct synth_source *source, struct text *text)
{
    (void)source;
    unsigned int numbers[CPUS_MAX];
    append_mask(numbers, cpu_list(numbers, CPUS_MAX), text);
    return 0;
}

static int own_cpu_mask_text(const struct synth_source *source, struct text *text)
{
    unsigned int number = (unsigned int)source->subject.number;
    append_mask(&number, 1, text);
    return 0;
}

static int own_cpu_text(const struct synth_source *source, struct text *text)
{
    text_printf(text, "%d\n", source->subject.number);
    return 0;
}

static int list_cpus(const struct synth_source *folder, int **ret_numbers, size_t *ret_count)
{
    (void)folder;
    unsigned int cpus[CPUS_MAX];
    size_t count = cpu_list(cpus, CPUS_MAX);
    int *numbers = malloc(count * sizeof(int));
    if (numbers == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        numbers[i] = (int)cpus[i];
    *ret_numbers = numbers;
    *ret_count = count;
    return 0;
}

static bool cpu_exists(const struct synth_source *folder, int number)
{
    auto_free int *numbers = NULL;
    size_t count = 0;
    if (list_cpus(folder, &numbers, &count) < 0)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (numbers[i] == number)
            return true;
    }
    return false;
}

static struct synth_subject cpu_subject(const struct synth_subject *folder, int number)
{
    (void)folder;
    return (struct synth_subject){.number = number};
}

static void cpu_name(const struct synth_source *folder, int number, char *buffer, size_t size)
{
    (void)folder;
    snprintf(buffer, size, "cpu%d", number);
}

static int cpu_number(const struct synth_source *folder, const char *name)
{
    (void)folder;
    return strncmp(name, "cpu", 3) == 0 ? synth_name_number(name + 3) : -1;
}

#define READ(path_, generate_) SYNTH_FILE(path_, 0444, SYNTH_SNAPSHOT, .generate = (generate_))
#define TEXT(path_, text_)     SYNTH_TEXT(path_, 0444, text_)

static const struct synth_entry cpu_table[] = {
    SYNTH_DIR(""),
    READ("topology/core_cpus", own_cpu_mask_text),
    READ("topology/core_cpus_list", own_cpu_text),
    READ("topology/core_id", own_cpu_text),
    READ("topology/core_siblings", cpu_mask_text),
    READ("topology/core_siblings_list", cpu_ranges_text),
    TEXT("topology/die_id", "0\n"),
    READ("topology/package_cpus", cpu_mask_text),
    READ("topology/package_cpus_list", cpu_ranges_text),
    TEXT("topology/physical_package_id", "0\n"),
    READ("topology/thread_siblings", own_cpu_mask_text),
    READ("topology/thread_siblings_list", own_cpu_text),
    {0},
};
static struct synth_tree cpu_tree = {.tables = {cpu_table}};
static const struct synth_numbered cpus = {.tree = &cpu_tree,
                                           .list = list_cpus,
                                           .exists = cpu_exists,
                                           .subject = cpu_subject,
                                           .name = cpu_name,
                                           .number = cpu_number};

/* --- memory --- */

static int node_meminfo_text(const struct synth_source *source, struct text *text)
{
    struct proc_memory memory;
    proc_memory_read(source->sentry, &memory);
    text_printf(text, "Node 0 MemTotal:       %" PRIu64 " kB\nNode 0 MemFree:        %" PRIu64 " kB\n",
                memory.total / 1024, memory.free / 1024);
    text_printf(text, "Node 0 MemUsed:        %" PRIu64 " kB\n", memory.resident / 1024);
    return 0;
}

#define HUGE "kernel/mm/hugepages/hugepages-2048kB/"
#define CPU  "devices/system/cpu/"
#define NODE "devices/system/node/"

static const struct synth_entry sys_table[] = {
    SYNTH_DIR(""),
    SYNTH_DIR("block"),
    SYNTH_DIR("bus/pci/devices"), /* without it libpci gives up its program */
    SYNTH_DIR("class/block"),
    SYNTH_DIR("class/net", .numbered = &sysfs_interfaces),
    SYNTH_DIR("class/tty"),
    SYNTH_DIR("dev/block"),
    SYNTH_DIR("dev/char"),
    SYNTH_DIR("devices/system/cpu", .numbered = &cpus),
    TEXT(CPU "isolated", "\n"),
    TEXT(CPU "kernel_max", "1023\n"),
    TEXT(CPU "offline", "\n"),
    READ(CPU "online", cpu_ranges_text),
    READ(CPU "possible", cpu_ranges_text),
    READ(CPU "present", cpu_ranges_text),
    TEXT(CPU "smt/active", "0\n"),
    TEXT(CPU "smt/control", "notsupported\n"),
    TEXT(NODE "has_cpu", "0\n"),
    TEXT(NODE "has_memory", "0\n"),
    TEXT(NODE "has_normal_memory", "0\n"),
    READ(NODE "node0/cpulist", cpu_ranges_text),
    READ(NODE "node0/cpumap", cpu_mask_text),
    TEXT(NODE "node0/distance", "10\n"),
    READ(NODE "node0/meminfo", node_meminfo_text),
    TEXT(NODE "node0/numastat",
         "numa_hit 0\nnuma_miss 0\nnuma_foreign 0\ninterleave_hit 0\nlocal_node 0\nother_node 0\n"),
    TEXT(NODE "online", "0\n"),
    TEXT(NODE "possible", "0\n"),
    SYNTH_DIR("devices/virtual"),
    SYNTH_DIR("firmware"),
    SYNTH_DIR("fs/cgroup"),
    TEXT("kernel/address_bits", "64\n"),
    TEXT("kernel/cpu_byteorder", "little\n"),
    SYNTH_DIR("kernel/debug"),
    TEXT(HUGE "free_hugepages", "0\n"),
    TEXT(HUGE "nr_hugepages", "0\n"),
    TEXT(HUGE "nr_overcommit_hugepages", "0\n"),
    TEXT(HUGE "resv_hugepages", "0\n"),
    TEXT(HUGE "surplus_hugepages", "0\n"),
    TEXT("kernel/mm/ksm/full_scans", "0\n"),
    TEXT("kernel/mm/ksm/merge_across_nodes", "1\n"),
    TEXT("kernel/mm/ksm/pages_shared", "0\n"),
    TEXT("kernel/mm/ksm/pages_sharing", "0\n"),
    TEXT("kernel/mm/ksm/pages_to_scan", "100\n"),
    TEXT("kernel/mm/ksm/pages_unshared", "0\n"),
    TEXT("kernel/mm/ksm/pages_volatile", "0\n"),
    TEXT("kernel/mm/ksm/run", "0\n"),
    TEXT("kernel/mm/ksm/sleep_millisecs", "20\n"),
    TEXT("kernel/mm/ksm/use_zero_pages", "0\n"),
    TEXT("kernel/mm/transparent_hugepage/defrag", "always defer defer+madvise [madvise] never\n"),
    TEXT("kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"),
    TEXT("kernel/mm/transparent_hugepage/hpage_pmd_size", "2097152\n"),
    TEXT("kernel/mm/transparent_hugepage/shmem_enabled", "always within_size advise [never] deny force\n"),
    TEXT("kernel/mm/transparent_hugepage/use_zero_page", "1\n"),
    TEXT("kernel/profiling", "0\n"),
    SYNTH_DIR("kernel/security"),
    TEXT("kernel/uevent_seqnum", "0\n"),
    SYNTH_DIR("module"),
    SYNTH_DIR("power"),
    {0},
};
static struct synth_tree sys_tree = {.tables = {sys_table}};

static const struct synth_filesystem sys_filesystem = {
    .name = "sysfs", .tree = &sys_tree, .magic = SYSFS_MAGIC, .device_minor = SYNTH_DEVICE_SYS};

int sysfs_mount(struct sentry *sentry, const char *path)
{
    return synthfs_mount(sentry, &sys_filesystem, path);
}
