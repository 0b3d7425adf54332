/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/PID/status and limits: the host's text, line by line, with what is emulated in place of what natively is. Lines
 * this file does not know pass.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/resource.h>

#include "sentry/fs/procfs.h"
#include "sentry/kernel/process.h"
#include "sentry/kernel/status.h"

/* --- status --- */

struct subject {
    const struct process_snapshot *process;
    unsigned int filters; /* seccomp filters that are not below the guest */
};

static void uid_line(const struct subject *subject, struct text *text)
{
    const struct cred *cred = &subject->process->cred;
    text_printf(text, "Uid:\t%u\t%u\t%u\t%u\n", cred->ruid, cred->euid, cred->suid, cred->fsuid);
}

static void gid_line(const struct subject *subject, struct text *text)
{
    const struct cred *cred = &subject->process->cred;
    text_printf(text, "Gid:\t%u\t%u\t%u\t%u\n", cred->rgid, cred->egid, cred->sgid, cred->fsgid);
}

static void groups_line(const struct subject *subject, struct text *text)
{
    size_t count = subject->process->group_count < SNAPSHOT_GROUPS ? subject->process->group_count : SNAPSHOT_GROUPS;
    text_string(text, "Groups:\t");
    for (size_t i = 0; i < count; i++)
        text_printf(text, "%u ", subject->process->groups[i]);
    text_string(text, count == 0 ? " \n" : "\n");
}

static void umask_line(const struct subject *subject, struct text *text)
{
    text_printf(text, "Umask:\t%04o\n", subject->process->umask);
}

static void no_new_privs_line(const struct subject *subject, struct text *text)
{
    text_printf(text, "NoNewPrivs:\t%d\n", subject->process->cred.no_new_privs ? 1 : 0);
}

static void seccomp_line(const struct subject *subject, struct text *text)
{
    text_printf(text, "Seccomp:\t%d\n", subject->filters > 0 ? SECCOMP_MODE_FILTER : SECCOMP_MODE_DISABLED);
}

static void seccomp_filters_line(const struct subject *subject, struct text *text)
{
    text_printf(text, "Seccomp_filters:\t%u\n", subject->filters);
}

#define CAPABILITY_LINE(field, label)                                                                                  \
    static void field##_line(const struct subject *subject, struct text *text)                                         \
    {                                                                                                                  \
        text_printf(text, label ":\t%016" PRIx64 "\n", subject->process->cred.field);                                  \
    }
CAPABILITY_LINE(cap_inheritable, "CapInh")
CAPABILITY_LINE(cap_permitted, "CapPrm")
CAPABILITY_LINE(cap_effective, "CapEff")
CAPABILITY_LINE(cap_bounding, "CapBnd")
CAPABILITY_LINE(cap_ambient, "CapAmb")

static const struct {
    const char *label;
    void (*write)(const struct subject *subject, struct text *text);
} replaced_lines[] = {
    {"Umask:", umask_line},
    {"Uid:", uid_line},
    {"Gid:", gid_line},
    {"Groups:", groups_line},
    {"CapInh:", cap_inheritable_line},
    {"CapPrm:", cap_permitted_line},
    {"CapEff:", cap_effective_line},
    {"CapBnd:", cap_bounding_line},
    {"CapAmb:", cap_ambient_line},
    {"NoNewPrivs:", no_new_privs_line},
    {"Seccomp:", seccomp_line},
    {"Seccomp_filters:", seccomp_filters_line},
};

static void substitute_line(const char *line, const struct subject *subject, struct text *text)
{
    for (size_t i = 0; i < sizeof(replaced_lines) / sizeof(*replaced_lines); i++) {
        const char *label = replaced_lines[i].label;
        if (strncmp(line, label, strlen(label)) == 0) {
            replaced_lines[i].write(subject, text);
            return;
        }
    }
    text_string(text, line);
    text_string(text, "\n");
}

void proc_status_substitute(char *host, const struct process_snapshot *process, bool reads_itself, struct text *text)
{
    unsigned int filters = status_filters(host), below = process->host_filters;
    const struct subject subject = {.process = process, .filters = filters > below ? filters - below : 0};
    for (char *line; (line = text_line(&host)) != NULL;) {
        if (reads_itself && strncmp(line, "State:", 6) == 0)
            text_string(text, "State:\tR (running)\n");
        else
            substitute_line(line, &subject, text);
    }
}

/* What remains to be said of a process that ended since the file was opened. */
static void snapshot_of_gone(const struct synth_source *source, struct process_snapshot *ret_snapshot)
{
    const uint32_t *ids = source->ids;
    *ret_snapshot = (struct process_snapshot){
        .cred = {.ruid = ids[0],
                 .euid = ids[1],
                 .suid = ids[2],
                 .fsuid = ids[3],
                 .rgid = ids[4],
                 .egid = ids[5],
                 .sgid = ids[6],
                 .fsgid = ids[7]},
        .umask = 022,
        .host_filters = UINT_MAX,
    };
}

int proc_status_text(const struct synth_source *source, struct text *text)
{
    auto_text struct text host = {0};
    int result = proc_subject_read(source, "status", &host);
    if (result < 0)
        return result == -ENOENT ? -ESRCH : result;
    struct process_snapshot snapshot;
    if (proc_subject_snapshot(source, &snapshot) < 0)
        snapshot_of_gone(source, &snapshot);
    proc_status_substitute(host.data, &snapshot, source->reader != 0 && source->reader == snapshot.pid, text);
    return 0;
}

/* --- sched --- */

void proc_sched_filter(char *host, struct text *text)
{
    static const char *const shown[] = {
        "se.sum_exec_runtime",     "se.nr_migrations", "nr_switches", "nr_voluntary_switches",
        "nr_involuntary_switches", "se.load.weight",   "policy",      "prio"};
    for (unsigned int number = 0; host != NULL; number++) {
        char *line = text_line(&host);
        if (line == NULL)
            break;
        size_t length = strcspn(line, " :");
        bool keep = number < 2; /* the title */
        for (size_t i = 0; !keep && i < sizeof(shown) / sizeof(*shown); i++)
            keep = strlen(shown[i]) == length && memcmp(shown[i], line, length) == 0;
        if (keep)
            text_printf(text, "%s\n", line);
    }
}

int proc_sched_text(const struct synth_source *source, struct text *text)
{
    auto_text struct text host = {0};
    int result = proc_subject_read(source, "sched", &host);
    if (result < 0)
        return result == -ENOENT ? -ESRCH : result;
    proc_sched_filter(host.data, text);
    return 0;
}

/* --- limits --- */

static void limit_value(struct text *text, uint64_t value)
{
    if (value == (uint64_t)RLIM_INFINITY)
        text_printf(text, "%-20s ", "unlimited");
    else
        text_printf(text, "%-20" PRIu64 " ", value);
}

static const char *const limit_labels[RLIM_NLIMITS] = {
    [RLIMIT_CPU] = "Max cpu time",          [RLIMIT_FSIZE] = "Max file size",         [RLIMIT_DATA] = "Max data size",
    [RLIMIT_STACK] = "Max stack size",      [RLIMIT_CORE] = "Max core file size",     [RLIMIT_RSS] = "Max resident set",
    [RLIMIT_NPROC] = "Max processes",       [RLIMIT_NOFILE] = "Max open files",       [RLIMIT_MEMLOCK] = "Max locked memory",
    [RLIMIT_AS] = "Max address space",      [RLIMIT_LOCKS] = "Max file locks",        [RLIMIT_SIGPENDING] = "Max pending signals",
    [RLIMIT_MSGQUEUE] = "Max msgqueue size", [RLIMIT_NICE] = "Max nice priority",     [RLIMIT_RTPRIO] = "Max realtime priority",
    [RLIMIT_RTTIME] = "Max realtime timeout",
};

/* RLIM_NLIMITS: of none. */
static unsigned int limit_of_line(const char *line)
{
    unsigned int resource = 0;
    while (resource < RLIM_NLIMITS && strncmp(line, limit_labels[resource], strlen(limit_labels[resource])) != 0)
        resource++;
    return resource;
}

/* A line of the host's with the values the guest knows. The unit stands behind them. */
static void limit_line(const char *line, const struct process *process, struct text *text)
{
    enum { UNIT_COLUMN = 26 + 21 + 21 };
    struct rlimit limit;
    unsigned int resource = limit_of_line(line);
    if (resource < RLIM_NLIMITS && limits_emulated(&process->context->limits, resource) && strlen(line) > UNIT_COLUMN &&
        limits_get(process, resource, &limit) == 0) {
        text_printf(text, "%-25s ", limit_labels[resource]);
        limit_value(text, limit.rlim_cur);
        limit_value(text, limit.rlim_max);
        line += UNIT_COLUMN;
    }
    text_printf(text, "%s\n", line);
}

int proc_limits_text(const struct synth_source *source, struct text *text)
{
    auto_text struct text host = {0};
    int result = proc_subject_read(source, "limits", &host);
    if (result < 0)
        return result == -ENOENT ? -ESRCH : result;
    const struct process *process = proc_subject_process(source);
    if (process == NULL)
        return -ESRCH;
    char *rest = host.data;
    for (char *line; (line = text_line(&rest)) != NULL;)
        limit_line(line, process, text);
    return 0;
}
