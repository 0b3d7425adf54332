/* SPDX-License-Identifier: Apache-2.0 */
/* sources: sentry/fs/proc_pid_stat.c sentry/fs/procfs_text.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "postern/boot.h"
#include "sentry/fs/procfs.h"
#include "sentry/kernel/process.h"
#include "sentry/sentry.h"

static const char *host_file;
static enum process_look look;
static pid_t looked_at;

int proc_subject_read(const struct synth_source *source, const char *name, struct text *text)
{
    (void)source;
    (void)name;
    if (host_file == NULL)
        return -ENOENT;
    text_string(text, host_file);
    return 0;
}

enum process_look process_may_look(struct process_table *table, pid_t reader, pid_t vpid)
{
    (void)table;
    (void)reader;
    looked_at = vpid;
    return look;
}

static struct boot_config boot;
static struct sentry sentry = {.boot = &boot};
static const struct synth_source source = {.sentry = &sentry, .reader = 9, .subject = {.vpid = 7}};

/* Field N is N, but for the name and the state. */
static const char *numbered(const char *name)
{
    static char text[512];
    size_t length = (size_t)snprintf(text, sizeof(text), "7 (%s) S", name);
    for (int field = 4; field <= 52; field++)
        length += (size_t)snprintf(text + length, sizeof(text) - length, " %d", field);
    (void)snprintf(text + length, sizeof(text) - length, "\n");
    return text;
}

static void expect(const char *wanted)
{
    auto_text struct text text = {0};
    assert_int_equal(proc_pid_stat_text(&source, &text), 0);
    assert_string_equal(text.data, wanted);
}

static const char hidden[] = "7 (a) S 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 1 1 0 0 0 31 32 33 34 0 36 37 38 39 40 41 42 43 "
                             "44 0 0 0 0 0 0 0 0\n";

static void test_addresses_are_for_who_may_look(void **state)
{
    (void)state;
    host_file = numbered("a");
    look = PROCESS_LOOK_REFUSED;
    expect(hidden);
    assert_int_equal(looked_at, 7);
    look = PROCESS_LOOK_GRANTED;
    expect(numbered("a"));
}

static void test_who_reads_is_running(void **state)
{
    (void)state;
    host_file = numbered("a");
    look = PROCESS_LOOK_ITSELF;
    auto_text struct text text = {0};
    assert_int_equal(proc_pid_stat_text(&source, &text), 0);
    assert_memory_equal(text.data, "7 (a) R 4 ", 10);
    assert_non_null(strstr(text.data, " 50 51 52\n"));
}

static void test_start_by_the_guests_clock(void **state)
{
    (void)state;
    look = PROCESS_LOOK_GRANTED;
    const struct {
        int64_t offset_ns;
        const char *shown;
    } cases[] = {{0, " 21 22 23 "}, {3000000000, " 21 322 23 "}, {-100000000, " 21 12 23 "}, {-1000000000, " 21 0 23 "}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        boot.boottime_offset_ns = cases[i].offset_ns;
        host_file = numbered("a");
        auto_text struct text text = {0};
        assert_int_equal(proc_pid_stat_text(&source, &text), 0);
        assert_non_null(strstr(text.data, cases[i].shown));
    }
    boot.boottime_offset_ns = 0;
}

static void test_names_of_all_kinds(void **state)
{
    (void)state;
    look = PROCESS_LOOK_REFUSED;
    host_file = numbered(") R 1\n2");
    auto_text struct text text = {0};
    assert_int_equal(proc_pid_stat_text(&source, &text), 0);
    assert_memory_equal(text.data, "7 () R 1\n2) S 4 ", 16);
    assert_non_null(strstr(text.data, " 24 25 1 1 0 0 0 31 "));
}

static void test_what_is_none_stays_so(void **state)
{
    (void)state;
    look = PROCESS_LOOK_REFUSED;
    host_file = "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 2 0 0 18446744073709551615 0 0 0 0 0 0\n";
    expect(host_file);
    host_file = "no stat";
    auto_text struct text text = {0};
    assert_int_equal(proc_pid_stat_text(&source, &text), 0);
    assert_int_equal(text.length, 0);
    host_file = NULL;
    assert_int_equal(proc_pid_stat_text(&source, &text), -ESRCH);
}

static void test_io(void **state)
{
    (void)state;
    auto_text struct text text = {0};
    host_file = "rchar: 1\n";
    look = PROCESS_LOOK_REFUSED;
    assert_int_equal(proc_io_text(&source, &text), -EACCES);
    assert_int_equal(text.length, 0);
    look = PROCESS_LOOK_ITSELF;
    assert_int_equal(proc_io_text(&source, &text), 0);
    assert_string_equal(text.data, "rchar: 1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_are_for_who_may_look),
        cmocka_unit_test(test_who_reads_is_running),
        cmocka_unit_test(test_start_by_the_guests_clock),
        cmocka_unit_test(test_names_of_all_kinds),
        cmocka_unit_test(test_what_is_none_stays_so),
        cmocka_unit_test(test_io),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
