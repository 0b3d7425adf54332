/* SPDX-License-Identifier: Apache-2.0 */
/* sources: sentry/fs/proc_status.c sentry/fs/procfs_text.c sentry/kernel/status.c sentry/kernel/limits.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "sentry/fs/procfs.h"
#include "sentry/kernel/process.h"

/* What the generators ask of their surroundings. */
static const char *host_file;
static int snapshot_result;
static struct process_snapshot snapshot;
static struct process process;

int proc_subject_read(const struct synth_source *source, const char *name, struct text *text)
{
    (void)source;
    (void)name;
    if (host_file == NULL)
        return -ENOENT;
    text_string(text, host_file);
    return 0;
}

int proc_subject_snapshot(const struct synth_source *source, struct process_snapshot *ret_snapshot)
{
    (void)source;
    if (snapshot_result == 0)
        memcpy(ret_snapshot, &snapshot, sizeof(snapshot));
    return snapshot_result;
}

struct process *proc_subject_process(const struct synth_source *source)
{
    (void)source;
    return process.context != NULL ? &process : NULL;
}

/* Nobody changes limits here. */
bool cred_capable(const struct cred *cred, unsigned int capability)
{
    (void)cred, (void)capability;
    return false;
}

struct context *process_edit(const struct process *unused)
{
    (void)unused;
    return NULL;
}

struct context *context_put(struct context *context)
{
    (void)context;
    return NULL;
}

int process_commit(struct process_table *table, struct process *unused, struct context *context)
{
    (void)table, (void)unused, (void)context;
    return -ENOSYS;
}

static const char host_status[] = "Name:\tUid:\\n x\n" /* a name that looks like another line */
                                  "Umask:\t0077\n"
                                  "State:\tS (sleeping)\n"
                                  "Pid:\t4\n"
                                  "TracerPid:\t4711\n"
                                  "Uid:\t0\t0\t0\t0\n"
                                  "Gid:\t0\t0\t0\t0\n"
                                  "Groups:\t0 \n"
                                  "VmPeak:\t   12 kB\n"
                                  "CapInh:\t0000000000000000\n"
                                  "CapPrm:\t0000000000000000\n"
                                  "CapEff:\t0000000000000000\n"
                                  "CapBnd:\t0000000000000000\n"
                                  "CapAmb:\t0000000000000000\n"
                                  "NoNewPrivs:\t1\n"
                                  "Seccomp:\t2\n"
                                  "Seccomp_filters:\t3\n"
                                  "Threads:\t1\n";

static void make_snapshot(void)
{
    struct cred cred = {.ruid = 1000,
                        .euid = 0,
                        .suid = 0,
                        .fsuid = 0,
                        .rgid = 100,
                        .egid = 101,
                        .sgid = 102,
                        .fsgid = 103,
                        .cap_permitted = 0x1ffffffffff,
                        .cap_effective = 0xff,
                        .cap_bounding = 0xa80425fb};
    memset(&snapshot, 0, sizeof(snapshot));
    snapshot.pid = 44;
    memcpy(&snapshot.cred, &cred, sizeof(cred));
    snapshot.groups[0] = 5;
    snapshot.groups[1] = 6;
    snapshot.group_count = 2;
    snapshot.umask = 022;
    snapshot.host_filters = 1;
    snapshot_result = 0;
}

static void test_status(void **state)
{
    (void)state;
    make_snapshot();
    host_file = host_status;
    auto_text struct text text = {0};
    const struct synth_source source = {.reader = 45};
    assert_int_equal(proc_status_text(&source, &text), 0);
    assert_string_equal(text.data, "Name:\tUid:\\n x\n"
                                   "Umask:\t0022\n"
                                   "State:\tS (sleeping)\n"
                                   "Pid:\t4\n"
                                   "TracerPid:\t4711\n"
                                   "Uid:\t1000\t0\t0\t0\n"
                                   "Gid:\t100\t101\t102\t103\n"
                                   "Groups:\t5 6 \n"
                                   "VmPeak:\t   12 kB\n"
                                   "CapInh:\t0000000000000000\n"
                                   "CapPrm:\t000001ffffffffff\n"
                                   "CapEff:\t00000000000000ff\n"
                                   "CapBnd:\t00000000a80425fb\n"
                                   "CapAmb:\t0000000000000000\n"
                                   "NoNewPrivs:\t0\n"
                                   "Seccomp:\t2\n"
                                   "Seccomp_filters:\t2\n"
                                   "Threads:\t1\n");
}

static void test_status_without_own_filter(void **state)
{
    (void)state;
    make_snapshot();
    host_file = host_status;
    for (snapshot.host_filters = 3; snapshot.host_filters < 5; snapshot.host_filters++) {
        auto_text struct text text = {0};
        const struct synth_source source = {.reader = 45};
        assert_int_equal(proc_status_text(&source, &text), 0);
        assert_non_null(strstr(text.data, "\nSeccomp:\t0\nSeccomp_filters:\t0\n"));
    }
}

static void test_status_of_the_reader(void **state)
{
    (void)state;
    make_snapshot();
    host_file = host_status;
    auto_text struct text text = {0};
    const struct synth_source source = {.reader = 44};
    assert_int_equal(proc_status_text(&source, &text), 0);
    assert_non_null(strstr(text.data, "\nState:\tR (running)\n"));
}

static void test_status_of_many_groups(void **state)
{
    (void)state;
    make_snapshot();
    host_file = "Groups:\t\n";
    snapshot.group_count = 60000; /* more than are in the snapshot */
    auto_text struct text text = {0};
    const struct synth_source source = {0};
    assert_int_equal(proc_status_text(&source, &text), 0);
    size_t words = 0;
    for (const char *at = text.data; (at = strchr(at, ' ')) != NULL; at++)
        words++;
    assert_int_equal(words, SNAPSHOT_GROUPS);
}

static void test_status_of_a_process_that_ended(void **state)
{
    (void)state;
    host_file = host_status;
    snapshot_result = -ESRCH;
    auto_text struct text text = {0};
    const struct synth_source source = {.ids = {1, 2, 3, 4, 5, 6, 7, 8}};
    assert_int_equal(proc_status_text(&source, &text), 0);
    assert_non_null(strstr(text.data, "\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\n"));
    assert_non_null(strstr(text.data, "\nCapEff:\t0000000000000000\n"));
    assert_non_null(strstr(text.data, "\nSeccomp:\t0\nSeccomp_filters:\t0\n"));

    host_file = NULL;
    auto_text struct text nothing = {0};
    assert_int_equal(proc_status_text(&source, &nothing), -ESRCH);
}

static const char host_limits[] = "Limit                     Soft Limit           Hard Limit           Units     \n"
                                  "Max address space         unlimited            unlimited            bytes     \n"
                                  "Max file locks            8589934597           unlimited            locks     \n"
                                  "Max pending signals       96365                96365                signals   \n";

static void test_limits_hide_the_stamp(void **state)
{
    (void)state;
    struct context context = {.limits.emulated = 1u << RLIMIT_LOCKS};
    context.limits.of[RLIMIT_LOCKS] = (struct rlimit){.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    process.context = &context;
    host_file = host_limits;
    auto_text struct text text = {0}, changed = {0};
    const struct synth_source source = {0};
    assert_int_equal(proc_limits_text(&source, &text), 0);
    assert_string_equal(text.data, "Limit                     Soft Limit           Hard Limit           Units     \n"
                                   "Max address space         unlimited            unlimited            bytes     \n"
                                   "Max file locks            unlimited            unlimited            locks     \n"
                                   "Max pending signals       96365                96365                signals   \n");
    context.limits.of[RLIMIT_LOCKS] = (struct rlimit){10, 20};
    assert_int_equal(proc_limits_text(&source, &changed), 0);
    assert_non_null(
        strstr(changed.data, "\nMax file locks            10                   20                   locks     \n"));
    process.context = NULL;
    assert_int_equal(proc_limits_text(&source, &changed), -ESRCH);
}

static void test_sched_hides_the_clock(void **state)
{
    (void)state;
    char host[] = "cat (1, #threads: 1)\n-----\nse.exec_start      :   3980955.477827\nse.sum_exec_runtime   :  1.5\n"
                  "policy     :    0\nprio       :  120\nclock-delta   :  60\nse.avg.last_update_time :  39\n";
    auto_text struct text text = {0};
    proc_sched_filter(host, &text);
    assert_string_equal(
        text.data, "cat (1, #threads: 1)\n-----\nse.sum_exec_runtime   :  1.5\npolicy     :    0\nprio       :  120\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_status_without_own_filter),
        cmocka_unit_test(test_status_of_the_reader),
        cmocka_unit_test(test_status_of_many_groups),
        cmocka_unit_test(test_status_of_a_process_that_ended),
        cmocka_unit_test(test_limits_hide_the_stamp),
        cmocka_unit_test(test_sched_hides_the_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
