/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/stat, loadavg and uptime: the machine as the container's processes use it. Counters never run backwards, though
 * a process that ends takes its ticks along until its parent has waited for it.
 */
#include <inttypes.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "postern/confine.h"
#include "sentry/fs/proc_cpu.h"
#include "sentry/fs/proc_usage.h"
#include "sentry/fs/procfs.h"
#include "sentry/sentry.h"

CONFINE_ALLOW(clock_gettime, "uptime; the vDSO may have no such clock");
CONFINE_ALLOW(futex, "counters that both threads show");

static const uint64_t TICK_NS = 10000000; /* USER_HZ is 100 on every x86-64 */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct {
    uint64_t user, system, idle; /* ticks, the most ever shown */
    pid_t last_pid;
    double load[3];
    uint64_t load_time; /* ns of uptime */
} highest;

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now = {0};
    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

uint64_t proc_uptime_ns(const struct sentry *sentry)
{
    int64_t now = (int64_t)clock_ns(CLOCK_BOOTTIME), offset = sentry->boot->boottime_offset_ns;
    return now > -offset ? (uint64_t)(now + offset) : 0;
}

/* Without a time namespace the guest's clocks are the host's, and so are the start times its processes show. */
uint64_t proc_boot_seconds(const struct sentry *sentry)
{
    if (sentry->boot->boottime_offset_ns != 0)
        return sentry->boot->created_realtime;
    return (clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME)) / UINT64_C(1000000000);
}

static uint64_t raise(uint64_t *mark, uint64_t value)
{
    if (value > *mark)
        *mark = value;
    return *mark;
}

struct ticks {
    uint64_t user, system, idle;
};

static void read_ticks(const struct sentry *sentry, const struct proc_usage *usage, unsigned int cpus,
                       struct ticks *ret_ticks)
{
    uint64_t all = proc_uptime_ns(sentry) / TICK_NS * cpus;
    (void)pthread_mutex_lock(&mutex);
    ret_ticks->user = raise(&highest.user, usage->user_ticks);
    ret_ticks->system = raise(&highest.system, usage->system_ticks);
    uint64_t busy = ret_ticks->user + ret_ticks->system;
    ret_ticks->idle = raise(&highest.idle, all > busy ? all - busy : 0);
    (void)pthread_mutex_unlock(&mutex);
}

static void cpu_line(struct text *text, const struct ticks *ticks, uint64_t share)
{
    text_printf(text, " %" PRIu64 " 0 %" PRIu64 " %" PRIu64 " 0 0 0 0 0 0\n", ticks->user / share,
                ticks->system / share, ticks->idle / share);
}

static pid_t last_pid(const struct proc_usage *usage)
{
    (void)pthread_mutex_lock(&mutex);
    if (usage->last_pid > highest.last_pid)
        highest.last_pid = usage->last_pid;
    pid_t last = highest.last_pid;
    (void)pthread_mutex_unlock(&mutex);
    return last;
}

int proc_stat_text(const struct synth_source *source, struct text *text)
{
    unsigned int cpus[CPUS_MAX];
    size_t count = cpu_list(cpus, CPUS_MAX);
    struct proc_usage usage;
    proc_usage_read(source->sentry, &usage);
    struct ticks ticks;
    read_ticks(source->sentry, &usage, (unsigned int)count, &ticks);

    text_string(text, "cpu ");
    cpu_line(text, &ticks, 1);
    for (size_t i = 0; i < count; i++) {
        text_printf(text, "cpu%u", cpus[i]);
        cpu_line(text, &ticks, count);
    }
    text_printf(text, "intr 0\nctxt %" PRIu64 "\nbtime %" PRIu64 "\nprocesses %d\nprocs_running %u\nprocs_blocked %u\n",
                ticks.user + ticks.system, proc_boot_seconds(source->sentry), last_pid(&usage),
                usage.running > 0 ? usage.running : 1, usage.blocked);
    text_string(text, "softirq 0 0 0 0 0 0 0 0 0 0 0\n");
    return 0;
}

/* The averages are brought up to date when somebody looks: a mean that forgets over 1, 5 and 15 minutes. Whoever looks
 * is running just then, and does not count. */
static void read_load(const struct sentry *sentry, unsigned int running, double ret_load[3])
{
    static const double periods[3] = {60e9, 300e9, 900e9};
    double active = running > 0 ? running - 1 : 0;
    uint64_t now = proc_uptime_ns(sentry);
    (void)pthread_mutex_lock(&mutex);
    double passed = now > highest.load_time ? (double)(now - highest.load_time) : 0;
    highest.load_time = now;
    for (size_t i = 0; i < 3; i++) {
        highest.load[i] += (active - highest.load[i]) * (passed / (passed + periods[i]));
        ret_load[i] = highest.load[i];
    }
    (void)pthread_mutex_unlock(&mutex);
}

void proc_load_average(const struct sentry *sentry, unsigned long ret_loads[3])
{
    struct proc_usage usage;
    proc_usage_read(sentry, &usage);
    double load[3];
    read_load(sentry, usage.running, load);
    for (size_t i = 0; i < 3; i++)
        ret_loads[i] = (unsigned long)(load[i] * 65536);
}

int proc_loadavg_text(const struct synth_source *source, struct text *text)
{
    struct proc_usage usage;
    proc_usage_read(source->sentry, &usage);
    double load[3];
    read_load(source->sentry, usage.running, load);
    text_printf(text, "%.2f %.2f %.2f %u/%u %d\n", load[0], load[1], load[2], usage.running > 0 ? usage.running : 1,
                usage.threads, last_pid(&usage));
    return 0;
}

int proc_uptime_text(const struct synth_source *source, struct text *text)
{
    unsigned int cpus = proc_cpu_count();
    struct proc_usage usage;
    proc_usage_read(source->sentry, &usage);
    struct ticks ticks;
    read_ticks(source->sentry, &usage, cpus, &ticks);
    uint64_t uptime = proc_uptime_ns(source->sentry) / TICK_NS;
    text_printf(text, "%" PRIu64 ".%02" PRIu64 " %" PRIu64 ".%02" PRIu64 "\n", uptime / 100, uptime % 100,
                ticks.idle / 100, ticks.idle % 100);
    return 0;
}
