/* SPDX-License-Identifier: Apache-2.0 */
/* The files of /proc that are about the machine: the table, and those that are a few lines. */
#include <stdio.h>
#include <string.h>

#include "postern/boot.h"
#include "postern/version.h"
#include "sentry/fs/cgroupfs.h"
#include "sentry/fs/proc_cpu.h"
#include "sentry/fs/procfs.h"
#include "sentry/sentry.h"

static int version_text(const struct synth_source *source, struct text *text)
{
    text_printf(text, "Linux version %s (postern@localhost) (gcc, GNU ld) " POSTERN_KERNEL_VERSION "\n",
                source->sentry->boot->kernel_release);
    return 0;
}

static const char devices_text[] = "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n"
                                   " 10 misc\n136 pts\n\nBlock devices:\n";

static const char drivers_text[] = "/dev/tty             /dev/tty        5       0 system:/dev/tty\n"
                                   "/dev/console         /dev/console    5       1 system:console\n"
                                   "/dev/ptmx            /dev/ptmx       5       2 system\n"
                                   "pty_slave            /dev/pts      136 0-1048575 pty:slave\n"
                                   "pty_master           /dev/ptm      128 0-1048575 pty:master\n";

/* The types the guest has mounted, and those every kernel knows. */
static int filesystems_text(const struct synth_source *source, struct text *text)
{
    static const char *const usual[] = {"sysfs",  "tmpfs",  "proc",   "cgroup",  "cgroup2", "devtmpfs",
                                        "sockfs", "pipefs", "devpts", "mqueue",  "overlay"};
    for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
        text_printf(text, "nodev\t%s\n", usual[i]);
    const char *root = source->sentry->boot->mount_count > 0 ? source->sentry->boot->mounts[0].type : "";
    bool known = root[0] == '\0';
    for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
        known = known || strcmp(root, usual[i]) == 0;
    if (!known)
        text_printf(text, "\t%s\n", root);
    return 0;
}

static int interrupts_text(const struct synth_source *source, struct text *text)
{
    (void)source;
    unsigned int cpus[CPUS_MAX];
    size_t count = cpu_list(cpus, CPUS_MAX);
    text_string(text, "     ");
    for (size_t i = 0; i < count; i++) {
        char label[16];
        snprintf(label, sizeof(label), "CPU%u", cpus[i]);
        text_printf(text, "      %-5s", label);
    }
    text_string(text, "\n");
    return 0;
}

#define LIVE(path_, generate_) SYNTH_FILE(path_, 0444, SYNTH_LIVE, .generate = (generate_))

const struct synth_entry proc_system_table[] = {
    SYNTH_TEXT("buddyinfo", 0444, ""),
    SYNTH_DIR("bus"),
    SYNTH_FILE("cgroups", 0444, SYNTH_SNAPSHOT, .generate = cgroup_controllers_text),
    SYNTH_TEXT("cmdline", 0444, "quiet\n"),
    SYNTH_TEXT("consoles", 0444, ""),
    SYNTH_FILE("cpuinfo", 0444, SYNTH_SNAPSHOT, .generate = proc_cpuinfo_text),
    SYNTH_TEXT("crypto", 0444, ""),
    SYNTH_TEXT("devices", 0444, devices_text),
    LIVE("diskstats", NULL),
    SYNTH_DIR("driver"),
    SYNTH_TEXT("execdomains", 0444, "0-0\tLinux           \t[kernel]\n"),
    SYNTH_TEXT("fb", 0444, ""),
    SYNTH_FILE("filesystems", 0444, SYNTH_SNAPSHOT, .generate = filesystems_text),
    SYNTH_DIR("fs"),
    LIVE("interrupts", interrupts_text),
    SYNTH_TEXT("iomem", 0400, ""),
    SYNTH_TEXT("ioports", 0400, ""),
    SYNTH_DIR("irq"),
    SYNTH_TEXT("kallsyms", 0444, ""),
    SYNTH_TEXT("kcore", 0400, ""),
    SYNTH_TEXT("key-users", 0444, ""),
    SYNTH_TEXT("keys", 0444, ""),
    LIVE("loadavg", proc_loadavg_text),
    SYNTH_TEXT("locks", 0444, ""),
    LIVE("meminfo", proc_meminfo_text),
    SYNTH_TEXT("misc", 0444, "229 fuse\n"),
    SYNTH_TEXT("modules", 0444, ""),
    SYNTH_TEXT("partitions", 0444, "major minor  #blocks  name\n\n"),
    SYNTH_TEXT("slabinfo", 0400,
               "slabinfo - version: 2.1\n"
               "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables "
               "<limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n"),
    LIVE("softirqs", interrupts_text),
    LIVE("stat", proc_stat_text),
    SYNTH_TEXT("swaps", 0444, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"),
    SYNTH_TEXT("tty/drivers", 0444, drivers_text),
    SYNTH_TEXT("tty/ldiscs", 0444, "n_tty       0\n"),
    LIVE("uptime", proc_uptime_text),
    SYNTH_FILE("version", 0444, SYNTH_SNAPSHOT, .generate = version_text),
    LIVE("vmstat", proc_vmstat_text),
    SYNTH_TEXT("zoneinfo", 0444, ""),
    {0},
};
