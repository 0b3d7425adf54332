/* SPDX-License-Identifier: Apache-2.0 */
/* What a cgroup has used, as JSON with runc's names and its habit to leave out most numbers that are 0. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/cgroup/tree.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct stats {
    const struct cgroup *cgroup;
    FILE *out;
    bool comma; /* before the next member */
};

/* -- writing ---------------------------------------------------------------------------------------------------- */

static void put_name(struct stats *stats, const char *name)
{
    (void)fprintf(stats->out, "%s\"%s\":", stats->comma ? "," : "", name);
    stats->comma = true;
}

static void open_object(struct stats *stats, const char *name)
{
    put_name(stats, name);
    (void)fputc('{', stats->out);
    stats->comma = false;
}

static void close_object(struct stats *stats)
{
    (void)fputc('}', stats->out);
    stats->comma = true;
}

static void put_number(struct stats *stats, const char *name, uint64_t value)
{
    put_name(stats, name);
    (void)fprintf(stats->out, "%llu", (unsigned long long)value);
}

static void put_unless_zero(struct stats *stats, const char *name, uint64_t value)
{
    if (value != 0)
        put_number(stats, name, value);
}

/* -- reading: what is not there counts as 0 ----------------------------------------------------------------------- */

static const struct cgroup_place *place_of(const struct stats *stats, const char *file)
{
    char controller[32];
    (void)snprintf(controller, sizeof(controller), "%.*s", (int)strcspn(file, "."), file);
    return cgroup_find(stats->cgroup, controller);
}

static uint64_t number_in(const struct stats *stats, const char *file)
{
    uint64_t value = 0;
    const struct cgroup_place *place = place_of(stats, file);
    if (place != NULL)
        (void)cgroup_read_number(stats->cgroup, place, file, &value);
    return value;
}

static uint64_t key_in(const struct stats *stats, const char *file, const char *key)
{
    uint64_t value = 0;
    const struct cgroup_place *place = place_of(stats, file);
    if (place != NULL)
        (void)cgroup_read_key(stats->cgroup, place, file, key, &value);
    return value;
}

static char *text_in(const struct stats *stats, const char *file)
{
    char *text = NULL;
    const struct cgroup_place *place = place_of(stats, file);
    if (place != NULL)
        (void)cgroup_read(stats->cgroup, place, file, &text);
    return text;
}

/* -- cpu -------------------------------------------------------------------------------------------------------- */

/* An array of the numbers in a column of a table with `skip` lines of heading; nothing if there is none. */
static void put_column(struct stats *stats, const char *name, const char *file, unsigned skip, unsigned column)
{
    auto_free char *text = text_in(stats, file);
    char *line_rest = NULL, *lines = text;
    bool first = true;
    if (text == NULL || text[0] == '\0' || text[0] == '\n')
        return;
    for (char *line; (line = strtok_r(lines, "\n", &line_rest)) != NULL; lines = NULL) {
        char *rest = NULL, *words = line;
        if (skip > 0) {
            skip--;
            continue;
        }
        unsigned at = 0;
        for (char *word; (word = strtok_r(words, " ", &rest)) != NULL; words = NULL, at++) {
            if (column != UINT32_MAX && at != column)
                continue;
            if (first)
                put_name(stats, name);
            (void)fprintf(stats->out, "%s%llu", first ? "[" : ",", strtoull(word, NULL, 10));
            first = false;
        }
    }
    if (!first)
        (void)fputc(']', stats->out);
}

static void put_cpu_v1(struct stats *stats)
{
    uint64_t tick = 1000000000 / (uint64_t)sysconf(_SC_CLK_TCK);
    open_object(stats, "usage");
    put_unless_zero(stats, "total", number_in(stats, "cpuacct.usage"));
    put_column(stats, "percpu", "cpuacct.usage_percpu", 0, UINT32_MAX);
    put_column(stats, "percpu_kernel", "cpuacct.usage_all", 1, 2);
    put_column(stats, "percpu_user", "cpuacct.usage_all", 1, 1);
    put_number(stats, "kernel", key_in(stats, "cpuacct.stat", "system") * tick);
    put_number(stats, "user", key_in(stats, "cpuacct.stat", "user") * tick);
    close_object(stats);
}

static void put_cpu_v2(struct stats *stats)
{
    open_object(stats, "usage");
    put_unless_zero(stats, "total", key_in(stats, "cpu.stat", "usage_usec") * 1000);
    put_number(stats, "kernel", key_in(stats, "cpu.stat", "system_usec") * 1000);
    put_number(stats, "user", key_in(stats, "cpu.stat", "user_usec") * 1000);
    close_object(stats);
}

static void put_cpu(struct stats *stats)
{
    bool unified = stats->cgroup->unified;
    open_object(stats, "cpu");
    (unified ? put_cpu_v2 : put_cpu_v1)(stats);
    open_object(stats, "throttling");
    put_unless_zero(stats, "periods", key_in(stats, "cpu.stat", "nr_periods"));
    put_unless_zero(stats, "throttledPeriods", key_in(stats, "cpu.stat", "nr_throttled"));
    put_unless_zero(stats, "throttledTime",
                    unified ? key_in(stats, "cpu.stat", "throttled_usec") * 1000
                            : key_in(stats, "cpu.stat", "throttled_time"));
    close_object(stats);
    close_object(stats);
}

/* "0-2,7" as [0,1,2,7]. */
static void put_ranges(struct stats *stats, const char *name, const char *file)
{
    auto_free char *text = text_in(stats, file);
    char *rest = NULL, *parts = text;
    bool first = true;
    if (text == NULL || text[0] == '\0' || text[0] == '\n')
        return;
    put_name(stats, name);
    for (char *part; (part = strtok_r(parts, ",\n", &rest)) != NULL; parts = NULL) {
        unsigned from = 0, to = 0;
        int got = sscanf(part, "%u-%u", &from, &to);
        for (unsigned i = from; got > 0 && i <= (got == 2 ? to : from); i++) {
            (void)fprintf(stats->out, "%s%u", first ? "[" : ",", i);
            first = false;
        }
    }
    (void)fputs(first ? "[]" : "]", stats->out);
}

static void put_cpuset(struct stats *stats)
{
    static const char *const flags[] = {
        "memory_migrate",  "memory_spread_page", "memory_spread_slab",
        "memory_pressure", "sched_load_balance", "sched_relax_domain_level",
    };
    open_object(stats, "cpuset");
    bool lists = !stats->cgroup->unified; /* of version 2 runc gives nothing but zeros here */
    if (lists)
        put_ranges(stats, "cpus", "cpuset.cpus");
    put_number(stats, "cpu_exclusive", number_in(stats, "cpuset.cpu_exclusive"));
    if (lists)
        put_ranges(stats, "mems", "cpuset.mems");
    put_number(stats, "mem_hardwall", number_in(stats, "cpuset.mem_hardwall"));
    put_number(stats, "mem_exclusive", number_in(stats, "cpuset.mem_exclusive"));
    for (size_t i = 0; i < COUNT(flags); i++) {
        char file[64];
        (void)snprintf(file, sizeof(file), "cpuset.%s", flags[i]);
        put_name(stats, flags[i]);
        (void)fprintf(stats->out, "%lld", (long long)number_in(stats, file)); /* the last may be -1 */
    }
    close_object(stats);
}

/* -- memory ----------------------------------------------------------------------------------------------------- */

struct amounts {
    uint64_t limit, usage, max, failures;
};

static void put_amounts(struct stats *stats, const char *name, const struct amounts *amounts)
{
    open_object(stats, name);
    put_number(stats, "limit", amounts->limit);
    put_unless_zero(stats, "usage", amounts->usage);
    put_unless_zero(stats, "max", amounts->max);
    put_number(stats, "failcnt", amounts->failures);
    close_object(stats);
}

static struct amounts amounts_v1(const struct stats *stats, const char *kind)
{
    struct amounts amounts = {0};
    const struct {
        const char *end;
        uint64_t *value;
    } files[] = {{"limit_in_bytes", &amounts.limit},
                 {"usage_in_bytes", &amounts.usage},
                 {"max_usage_in_bytes", &amounts.max},
                 {"failcnt", &amounts.failures}};
    for (size_t i = 0; i < COUNT(files); i++) {
        char file[96];
        (void)snprintf(file, sizeof(file), "memory.%s%s", kind, files[i].end);
        *files[i].value = number_in(stats, file);
    }
    return amounts;
}

static uint64_t add_limits(uint64_t one, uint64_t other)
{
    return one > UINT64_MAX - other ? UINT64_MAX : one + other;
}

static void put_raw(struct stats *stats)
{
    auto_free char *text = text_in(stats, "memory.stat");
    char *rest = NULL, *lines = text;
    if (text == NULL)
        return;
    open_object(stats, "raw");
    for (char *line; (line = strtok_r(lines, "\n", &rest)) != NULL; lines = NULL) {
        char key[64];
        unsigned long long value;
        if (sscanf(line, "%63[a-zA-Z0-9_] %llu", key, &value) == 2)
            put_number(stats, key, value);
    }
    close_object(stats);
}

static void put_memory(struct stats *stats)
{
    struct amounts usage = {0}, swap = {0}, kernel = {0}, tcp = {0};
    bool unified = stats->cgroup->unified;
    if (unified) {
        usage = (struct amounts){number_in(stats, "memory.max"), number_in(stats, "memory.current"),
                                 number_in(stats, "memory.peak"), key_in(stats, "memory.events", "max")};
        swap = (struct amounts){add_limits(usage.limit, number_in(stats, "memory.swap.max")),
                                usage.usage + number_in(stats, "memory.swap.current"), 0, 0};
        kernel.usage = key_in(stats, "memory.stat", "kernel");
    } else {
        usage = amounts_v1(stats, "");
        swap = amounts_v1(stats, "memsw.");
        kernel = amounts_v1(stats, "kmem.");
        tcp = amounts_v1(stats, "kmem.tcp.");
    }
    open_object(stats, "memory");
    put_unless_zero(stats, "cache", key_in(stats, "memory.stat", unified ? "file" : "cache"));
    put_amounts(stats, "usage", &usage);
    put_amounts(stats, "swap", &swap);
    put_amounts(stats, "kernel", &kernel);
    put_amounts(stats, "kernelTCP", &tcp);
    put_raw(stats);
    close_object(stats);
}

/* -- the others ------------------------------------------------------------------------------------------------- */

static void put_pids(struct stats *stats)
{
    uint64_t limit = number_in(stats, "pids.max");
    open_object(stats, "pids");
    put_unless_zero(stats, "current", number_in(stats, "pids.current"));
    put_unless_zero(stats, "limit", limit == UINT64_MAX ? 0 : limit);
    close_object(stats);
}

struct entry {
    unsigned major, minor;
    const char *op;
    unsigned long long value;
};

static void put_entry(struct stats *stats, const char *name, bool *first, const struct entry *entry)
{
    if (*first)
        put_name(stats, name);
    (void)fputs(*first ? "[{" : ",{", stats->out);
    *first = false;
    stats->comma = false;
    put_unless_zero(stats, "major", entry->major);
    put_unless_zero(stats, "minor", entry->minor);
    put_name(stats, "op");
    (void)fprintf(stats->out, "\"%s\"", entry->op);
    put_unless_zero(stats, "value", entry->value);
    close_object(stats);
}

static void end_entries(struct stats *stats, bool first)
{
    if (!first)
        (void)fputc(']', stats->out);
}

/* "8:0 Read 4096" in each line, and a total at the end. */
static bool put_blkio_v1(struct stats *stats, const char *name, const char *file)
{
    auto_free char *text = text_in(stats, file);
    char *rest = NULL, *lines = text;
    bool first = true;
    for (char *line; text != NULL && (line = strtok_r(lines, "\n", &rest)) != NULL; lines = NULL) {
        char op[16];
        struct entry entry = {.op = op};
        if (sscanf(line, "%u:%u %15[a-zA-Z] %llu", &entry.major, &entry.minor, op, &entry.value) == 4)
            put_entry(stats, name, &first, &entry);
    }
    end_entries(stats, first);
    return !first;
}

/* "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6" in each line. */
static void put_blkio_v2(struct stats *stats, const char *name, const char *const keys[2])
{
    static const char *const ops[] = {"Read", "Write"};
    auto_free char *text = text_in(stats, "io.stat");
    char *rest = NULL, *lines = text;
    bool first = true;
    for (char *line; text != NULL && (line = strtok_r(lines, "\n", &rest)) != NULL; lines = NULL) {
        struct entry entry;
        if (sscanf(line, "%u:%u", &entry.major, &entry.minor) != 2)
            continue;
        for (size_t i = 0; i < 2; i++) {
            const char *at = strstr(line, keys[i]);
            entry.op = ops[i];
            if (at != NULL && sscanf(at + strlen(keys[i]), "%llu", &entry.value) == 1)
                put_entry(stats, name, &first, &entry);
        }
    }
    end_entries(stats, first);
}

static void put_blkio(struct stats *stats)
{
    static const struct {
        const char *name, *files[2], *v2_keys[2];
    } kinds[] = {
        {"ioServiceBytesRecursive",
         {"blkio.bfq.io_service_bytes_recursive", "blkio.throttle.io_service_bytes_recursive"},
         {" rbytes=", " wbytes="}},
        {"ioServicedRecursive",
         {"blkio.bfq.io_serviced_recursive", "blkio.throttle.io_serviced_recursive"},
         {" rios=", " wios="}},
    };
    open_object(stats, "blkio");
    for (size_t i = 0; i < COUNT(kinds); i++) {
        if (stats->cgroup->unified)
            put_blkio_v2(stats, kinds[i].name, kinds[i].v2_keys);
        else if (!put_blkio_v1(stats, kinds[i].name, kinds[i].files[0]))
            (void)put_blkio_v1(stats, kinds[i].name, kinds[i].files[1]);
    }
    close_object(stats);
}

static void put_hugepages(struct stats *stats)
{
    static const char *const sizes[] = {"64KB", "2MB", "32MB", "1GB", "16GB"};
    bool unified = stats->cgroup->unified;
    open_object(stats, "hugetlb");
    for (size_t i = 0; i < COUNT(sizes); i++) {
        char current[64], peak[64], failures[64];
        (void)snprintf(current, sizeof(current), unified ? "hugetlb.%s.current" : "hugetlb.%s.usage_in_bytes",
                       sizes[i]);
        (void)snprintf(peak, sizeof(peak), "hugetlb.%s.max_usage_in_bytes", sizes[i]);
        (void)snprintf(failures, sizeof(failures), unified ? "hugetlb.%s.events" : "hugetlb.%s.failcnt", sizes[i]);
        auto_free char *there = text_in(stats, current);
        if (there == NULL)
            continue;
        open_object(stats, sizes[i]);
        put_unless_zero(stats, "usage", number_in(stats, current));
        put_unless_zero(stats, "max", number_in(stats, peak));
        put_number(stats, "failcnt", unified ? key_in(stats, failures, "max") : number_in(stats, failures));
        close_object(stats);
    }
    close_object(stats);
}

int cgroup_stats_in(const struct cgroup *cgroup, FILE *out, struct error *error)
{
    struct stats stats = {.cgroup = cgroup, .out = out};
    if (!cgroup_exists(cgroup, cgroup_main_place(cgroup)))
        return error_set(error, ENOENT, "the cgroup %s", cgroup->path);
    (void)fputc('{', out);
    put_cpu(&stats);
    put_cpuset(&stats);
    put_memory(&stats);
    put_pids(&stats);
    put_blkio(&stats);
    put_hugepages(&stats);
    (void)fputs(",\"intel_rdt\":{},\"network_interfaces\":null}", out);
    return ferror(out) ? error_set(error, EIO, "cannot write statistics") : 0;
}
