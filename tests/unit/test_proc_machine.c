/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
/* sources: sentry/fs/proc_cpu.c sentry/fs/proc_usage.c sentry/fs/proc_load.c sentry/fs/proc_memory.c sentry/fs/procfs_text.c */
/* clang-format on */
/* The files about the machine, as programs take them apart. The host's own procfs stands for the guest's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "postern/boot.h"
#include "sentry/fs/proc_cpu.h"
#include "sentry/fs/proc_usage.h"
#include "sentry/fs/procfs.h"
#include "sentry/sentry.h"

static struct boot_config *boot;
static struct sentry sentry;
static const struct synth_source source = {.sentry = &sentry};

int proc_list_numbers(const struct sentry *of, const char *folder, int **ret_numbers, size_t *ret_count)
{
    (void)of;
    (void)folder;
    *ret_numbers = malloc(sizeof(int));
    (*ret_numbers)[0] = getpid();
    *ret_count = 1;
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    boot = calloc(1, sizeof(*boot));
    sentry.boot = boot;
    sentry.proc_inner = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return boot == NULL || sentry.proc_inner < 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(boot);
    return close(sentry.proc_inner);
}

static void assert_matches(const char *text, const char *pattern)
{
    regex_t regex;
    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    if (regexec(&regex, text, 0, NULL, 0) != 0)
        fail_msg("\"%s\" does not match %s", text, pattern);
    regfree(&regex);
}

static unsigned long long field_of(const char *text, const char *label)
{
    const char *line = strstr(text, label);
    if (line == NULL)
        fail_msg("no %s", label);
    return strtoull(line + strlen(label), NULL, 10);
}

static void test_stat_of_hostile_names(void **state)
{
    (void)state;
    static const char rest[] = " R 1 1 1 0 -1 4194304 100 0 0 0 30 20 5 4 20 0 3 0 1000 4096000 100";
    static const char *const names[] = {"cat", ") S 1 1 1 1", "a) R (b", "(((", "", "\n\n)"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char stat[256];
        snprintf(stat, sizeof(stat), "12 (%s)%s", names[i], rest);
        struct proc_usage usage = {0};
        proc_usage_add_stat(&usage, stat);
        assert_int_equal(usage.processes, 1);
        assert_int_equal(usage.running, 1);
        assert_int_equal(usage.threads, 3);
        assert_int_equal(usage.user_ticks, 35);
        assert_int_equal(usage.system_ticks, 24);
    }
    struct proc_usage nothing = {0};
    proc_usage_add_stat(&nothing, "");
    proc_usage_add_stat(&nothing, "12 (cat) R 1 2");
    proc_usage_add_stat(&nothing, "12 (cat");
    proc_usage_add_statm(&nothing, "1 2");
    proc_usage_add_statm(&nothing, "100 20 30 0 0 0 0"); /* more shared than resident */
    assert_int_equal(nothing.processes + nothing.private_pages + nothing.shared_pages, 0);
}

static void test_meminfo(void **state)
{
    (void)state;
    boot->memory_limit = 64 << 20;
    auto_text struct text text = {0};
    assert_int_equal(proc_meminfo_text(&source, &text), 0);
    assert_matches(text.data, "^(([A-Za-z_()]+: +[0-9]+ kB|HugePages_[A-Za-z]+: +[0-9]+)\n)+$");
    unsigned long long total = field_of(text.data, "MemTotal:"), free_memory = field_of(text.data, "\nMemFree:");
    assert_int_equal(total, 64 << 10);
    assert_true(free_memory < total && free_memory > 0);
    assert_true(field_of(text.data, "\nMemAvailable:") <= total);
    assert_true(field_of(text.data, "\nMemAvailable:") >= free_memory);

    boot->memory_limit = 4096; /* less than is in use: nothing below zero */
    auto_text struct text small = {0};
    assert_int_equal(proc_meminfo_text(&source, &small), 0);
    assert_int_equal(field_of(small.data, "MemTotal:"), 4);
    assert_int_equal(field_of(small.data, "\nMemFree:"), 0);

    boot->memory_limit = UINT64_MAX; /* more than there is */
    struct proc_memory memory;
    proc_memory_read(&sentry, &memory);
    assert_true(memory.total < UINT64_C(1) << 50);
}

static void test_stat(void **state)
{
    (void)state;
    auto_text struct text text = {0}, later = {0};
    assert_int_equal(proc_stat_text(&source, &text), 0);
    assert_matches(
        text.data,
        "^cpu  [0-9]+ 0 [0-9]+ [0-9]+ 0 0 0 0 0 0\n(cpu[0-9]+ [0-9]+ 0 [0-9]+ [0-9]+ 0 0 0 0 0 0\n)+"
        "intr 0\nctxt [0-9]+\nbtime [0-9]{9,}\nprocesses [0-9]+\nprocs_running [1-9][0-9]*\nprocs_blocked [0-9]+\n");
    unsigned long long cpu[3], after[3];
    assert_int_equal(sscanf(text.data, "cpu  %llu 0 %llu %llu", &cpu[0], &cpu[1], &cpu[2]), 3);
    for (volatile int i = 0; i < 30000000; i++)
        ;
    assert_int_equal(proc_stat_text(&source, &later), 0);
    assert_int_equal(sscanf(later.data, "cpu  %llu 0 %llu %llu", &after[0], &after[1], &after[2]), 3);
    for (int i = 0; i < 3; i++)
        assert_true(after[i] >= cpu[i]);
    assert_true(after[0] > cpu[0]);
}

static void test_clocks(void **state)
{
    (void)state;
    auto_text struct text uptime = {0}, load = {0};
    assert_int_equal(proc_uptime_text(&source, &uptime), 0);
    assert_matches(uptime.data, "^[0-9]+\\.[0-9]{2} [0-9]+\\.[0-9]{2}\n$");
    assert_int_equal(proc_loadavg_text(&source, &load), 0);
    assert_matches(load.data, "^[0-9]+\\.[0-9]{2} [0-9]+\\.[0-9]{2} [0-9]+\\.[0-9]{2} [1-9][0-9]*/[0-9]+ [0-9]+\n$");
    unsigned long loads[3];
    proc_load_average(&sentry, loads);
    assert_true(loads[0] < 100 * 65536);

    boot->boottime_offset_ns = INT64_MIN + 1; /* a clock from before its own beginning */
    assert_int_equal(proc_uptime_ns(&sentry), 0);
    boot->boottime_offset_ns = -1;
    boot->created_realtime = 1700000000;
    assert_int_equal(proc_boot_seconds(&sentry), 1700000000);
}

static void test_cpuinfo(void **state)
{
    (void)state;
    auto_text struct text text = {0};
    assert_int_equal(proc_cpuinfo_text(&source, &text), 0);
    assert_matches(text.data, "^processor\t: [0-9]+\nvendor_id\t: [^\n]+\ncpu family\t: [0-9]+\nmodel\t\t: [0-9]+\n"
                              "model name\t: [^\n]+\n");
    assert_matches(text.data, "\ncpu MHz\t\t: [0-9]+\\.[0-9]{3}\n");
    assert_matches(text.data, "\nflags\t\t:.* fpu .* sse2 .* lm ");
    unsigned int processors = 0;
    for (const char *at = text.data; (at = strstr(at, "processor\t:")) != NULL; at++)
        processors++;
    assert_int_equal(processors, proc_cpu_count());
    assert_string_equal(text.data + text.length - 2, "\n\n");
}

static void test_ranges(void **state)
{
    (void)state;
    static const struct {
        unsigned int numbers[6];
        size_t count;
        const char *expected;
    } cases[] = {
        {{0}, 1, "0"},
        {{0, 1, 2, 3}, 4, "0-3"},
        {{0, 2}, 2, "0,2"},
        {{0, 1, 5, 8, 9, 1023}, 6, "0-1,5,8-9,1023"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        auto_text struct text text = {0};
        cpu_ranges(cases[i].numbers, cases[i].count, &text);
        assert_string_equal(text.data, cases[i].expected);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_stat_of_hostile_names),
        TEST(test_meminfo),
        TEST(test_stat),
        TEST(test_clocks),
        TEST(test_cpuinfo),
        TEST(test_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
