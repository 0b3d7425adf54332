/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/meminfo and vmstat: the container's limit (or the machine's size) and what its own processes use of it. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/sysinfo.h>

#include "postern/confine.h"
#include "sentry/fs/proc_usage.h"
#include "sentry/fs/procfs.h"
#include "sentry/sentry.h"

CONFINE_ALLOW(sysinfo, "the size of the memory");

enum { PAGE_BYTES = 4096 };

void proc_memory_read(const struct sentry *sentry, struct proc_memory *ret_memory)
{
    struct sysinfo machine = {.mem_unit = 1};
    (void)sysinfo(&machine);
    uint64_t total = (uint64_t)machine.totalram * machine.mem_unit, limit = sentry->boot->memory_limit;
    if (limit != 0 && limit < total)
        total = limit;
    struct proc_usage usage;
    proc_usage_read(sentry, &usage);
    uint64_t anonymous = usage.private_pages * PAGE_BYTES, shared = usage.shared_pages * PAGE_BYTES;
    uint64_t used = anonymous + shared < total ? anonymous + shared : total;
    *ret_memory = (struct proc_memory){
        .total = total,
        .free = total - used,
        .available = total - (anonymous < used ? anonymous : used),
        .resident = used,
        .anonymous = anonymous < used ? anonymous : used,
        .shared = used - (anonymous < used ? anonymous : used),
        .committed = usage.virtual_pages * PAGE_BYTES,
    };
}

struct memory_line {
    const char *name;
    uint64_t bytes;
};

int proc_meminfo_text(const struct synth_source *source, struct text *text)
{
    struct proc_memory m;
    proc_memory_read(source->sentry, &m);
    const struct memory_line lines[] = {
        {"MemTotal", m.total},
        {"MemFree", m.free},
        {"MemAvailable", m.available},
        {"Buffers", 0},
        {"Cached", m.shared},
        {"SwapCached", 0},
        {"Active", m.resident},
        {"Inactive", 0},
        {"Active(anon)", m.anonymous},
        {"Inactive(anon)", 0},
        {"Active(file)", m.shared},
        {"Inactive(file)", 0},
        {"Unevictable", 0},
        {"Mlocked", 0},
        {"SwapTotal", 0},
        {"SwapFree", 0},
        {"Dirty", 0},
        {"Writeback", 0},
        {"AnonPages", m.anonymous},
        {"Mapped", m.shared},
        {"Shmem", 0},
        {"KReclaimable", 0},
        {"Slab", 0},
        {"SReclaimable", 0},
        {"SUnreclaim", 0},
        {"KernelStack", 0},
        {"PageTables", 0},
        {"NFS_Unstable", 0},
        {"Bounce", 0},
        {"WritebackTmp", 0},
        {"CommitLimit", m.total},
        {"Committed_AS", m.committed},
        {"VmallocTotal", UINT64_C(34359738367) * 1024},
        {"VmallocUsed", 0},
        {"VmallocChunk", 0},
        {"Percpu", 0},
        {"AnonHugePages", 0},
        {"ShmemHugePages", 0},
        {"ShmemPmdMapped", 0},
        {"FileHugePages", 0},
        {"FilePmdMapped", 0},
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        char label[24];
        snprintf(label, sizeof(label), "%s:", lines[i].name);
        text_printf(text, "%-15s %8" PRIu64 " kB\n", label, lines[i].bytes / 1024);
    }
    text_string(text, "HugePages_Total:       0\nHugePages_Free:        0\nHugePages_Rsvd:        0\n"
                      "HugePages_Surp:        0\nHugepagesize:       2048 kB\nHugetlb:               0 kB\n");
    return 0;
}

int proc_vmstat_text(const struct synth_source *source, struct text *text)
{
    struct proc_memory m;
    proc_memory_read(source->sentry, &m);
    const struct memory_line lines[] = {
        {"nr_free_pages", m.free},      {"nr_active_anon", m.anonymous}, {"nr_active_file", m.shared},
        {"nr_anon_pages", m.anonymous}, {"nr_mapped", m.shared},         {"nr_file_pages", m.shared},
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
        text_printf(text, "%s %" PRIu64 "\n", lines[i].name, lines[i].bytes / PAGE_BYTES);
    static const char *const zeros[] = {"nr_dirty",       "nr_writeback", "pgpgin",  "pgpgout",    "pswpin",  "pswpout",
                                        "pgalloc_normal", "pgfree",       "pgfault", "pgmajfault", "oom_kill"};
    for (size_t i = 0; i < sizeof(zeros) / sizeof(*zeros); i++)
        text_printf(text, "%s 0\n", zeros[i]);
    return 0;
}
