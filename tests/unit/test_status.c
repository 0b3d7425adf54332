/* SPDX-License-Identifier: Apache-2.0 */
/* sources: sentry/kernel/status.c sentry/kernel/id_map.c */
/* Reading /proc/PID/status, and the hash table under the process table. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "sentry/kernel/id_map.h"
#include "sentry/kernel/status.h"
#include "sentry/sentry.h"

static const char SAMPLE[] = "Name:\tba\\nsh\\\\x\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t41\nNgid:\t0\nPid:\t42\nPPid:\t7\n"
                             "TracerPid:\t0\nUid:\t0\t0\t0\t0\nGroups:\t \nNStgid:\t41\t5\nNSpid:\t42\t6\nNSpgid:\t41\t5\nNSsid:\t12\t0\n"
                             "VmPeak:\t 1 kB\nThreads:\t3\nSigQ:\t0/1\nSigPnd:\t0000000000000200\nShdPnd:\t0000000000004000\n"
                             "SigBlk:\t8000000000000000\nSigIgn:\t0000000000001000\nSigCgt:\t0000000000000002\nCapInh:\t0\n";

static void test_parse(void **state)
{
    (void)state;
    char text[sizeof(SAMPLE)];
    memcpy(text, SAMPLE, sizeof(SAMPLE));
    struct host_status status;
    assert_int_equal(host_status_parse(text, &status), 0);
    assert_string_equal(status.comm, "ba\nsh\\x");
    assert_int_equal(status.state, 'S');
    assert_int_equal(status.tgid, 41);
    assert_int_equal(status.ppid, 7);
    assert_int_equal(status.vtgid, 5);
    assert_int_equal(status.vpid, 6);
    assert_int_equal(status.vpgid, 5);
    assert_int_equal(status.vsid, 0);
    assert_int_equal(status.pid_levels, 2);
    assert_int_equal(status.threads, 3);
    assert_true(status.signals_pending == 0x200 && status.shared_pending == 0x4000 && status.ignored == 0x1000);
    assert_true(status.blocked == UINT64_C(1) << 63 && status.caught == 2);
}

static void test_parse_refuses(void **state)
{
    (void)state;
    struct host_status status = {.tgid = 99};
    for (size_t cut = 0; cut < strlen(SAMPLE) - 40; cut++) {
        char text[sizeof(SAMPLE)];
        memcpy(text, SAMPLE, sizeof(SAMPLE));
        text[cut] = '\0';
        assert_int_equal(host_status_parse(text, &status), -EPROTO);
    }
    assert_int_equal(status.tgid, 99);
    char huge[] = "Name:\tx\nState:\tR\nTgid:\t99999999999\nNSpid:\t1\nSigCgt:\t0\n";
    assert_int_equal(host_status_parse(huge, &status), -EPROTO);
    char forged[] = "Name:\tx\nTgid:\t1\nState:\tR\nTgid:\t9\nNSpid:\t8\nNSpid:\t1\t2\t3\nSigCgt:\t0\n";
    assert_int_equal(host_status_parse(forged, &status), -EPROTO); /* out of order: State after Tgid */
}

static void test_own_status(void **state)
{
    (void)state;
    struct sentry sentry = {.proc_outer = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    struct host_status status;
    assert_int_equal(host_status_read(&sentry, getpid(), &status), 0);
    assert_int_equal(status.tgid, getpid());
    assert_int_equal(status.ppid, getppid());
    assert_int_equal(status.state, 'R');
    assert_int_equal(status.threads, 1);
    assert_int_equal(host_status_read(&sentry, 1 << 30, &status), -ESRCH);
    (void)close(sentry.proc_outer);
}

#define S(signal) (UINT64_C(1) << ((signal) - 1))

static void test_deliverable(void **state)
{
    (void)state;
    static const struct {
        uint64_t own, shared, blocked, ignored, caught;
        bool deliverable, for_any; /* the second: of two threads */
    } rows[] = {
        {0, 0, 0, 0, 0, false, false},
        {S(SIGINT), 0, 0, 0, 0, true, false},
        {0, S(SIGINT), 0, 0, 0, true, true},
        {S(SIGINT), 0, S(SIGINT), 0, 0, false, false},
        {S(SIGINT), 0, 0, S(SIGINT), 0, false, false},
        {S(SIGCHLD), 0, 0, 0, 0, false, false},
        {0, S(SIGCHLD), 0, 0, S(SIGCHLD), true, true},
        {S(SIGURG) | S(SIGWINCH) | S(SIGCONT), 0, 0, 0, 0, false, false},
        {S(SIGWINCH), 0, S(SIGWINCH), 0, S(SIGWINCH), false, false},
        {S(SIGCHLD), S(SIGTERM), 0, 0, 0, true, true},
        {S(SIGINT), S(SIGTERM), 0, 0, 0, true, false},
        {0, S(SIGTERM), S(SIGTERM), 0, 0, false, false},
        {S(64), 0, 0, 0, 0, true, false},
        {S(SIGTSTP), 0, 0, 0, 0, true, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct host_status status = {.signals_pending = rows[i].own, .shared_pending = rows[i].shared,
                                     .blocked = rows[i].blocked, .ignored = rows[i].ignored, .caught = rows[i].caught, .threads = 2};
        if (status_signal_deliverable(&status) != rows[i].deliverable || status_signal_for_any(&status) != rows[i].for_any)
            fail_msg("row %zu", i);
        status.threads = 1;
        assert_false(status_signal_for_any(&status));
    }
}

/* Random work against a plain array. */
static void test_id_map(void **state)
{
    (void)state;
    enum { IDS = 3000, STEPS = 200000 };
    static int values[IDS];
    static bool present[IDS];
    struct id_map map = {0};
    size_t count = 0;
    assert_null(id_map_get(&map, 1));
    id_map_remove(&map, 1, NULL);
    srandom(1);
    for (int step = 0; step < STEPS; step++) {
        size_t i = (size_t)random() % IDS;
        uint64_t id = (uint64_t)(i + 1) * 64; /* the same low bits: collisions */
        if (random() % 2) {
            assert_int_equal(id_map_set(&map, id, &values[i]), 0);
            count += !present[i];
            present[i] = true;
        } else if (random() % 8 == 0) {
            id_map_remove(&map, id, &values[(i + 1) % IDS]); /* another's: stays */
        } else {
            id_map_remove(&map, id, &values[i]);
            count -= present[i];
            present[i] = false;
        }
        i = (size_t)random() % IDS;
        assert_ptr_equal(id_map_get(&map, (uint64_t)(i + 1) * 64), present[i] ? &values[i] : NULL);
        assert_int_equal(map.count, count);
    }
    for (size_t i = 0; i < IDS; i++)
        assert_ptr_equal(id_map_get(&map, (uint64_t)(i + 1) * 64), present[i] ? &values[i] : NULL);
    assert_int_equal(id_map_set(&map, 0, values), -EINVAL);
    id_map_free(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),       cmocka_unit_test(test_parse_refuses), cmocka_unit_test(test_own_status),
        cmocka_unit_test(test_deliverable), cmocka_unit_test(test_id_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
