/* SPDX-License-Identifier: Apache-2.0 */
/* Marks of sockets: a number in groups, there and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "postern/mark.h"

enum { FIRST = 5000 };

static void assert_round_trip(const struct mark *mark)
{
    gid_t groups[MARK_DIGITS];
    struct mark back;
    assert_true(mark_fits(mark));
    mark_to_groups(mark, FIRST, groups);
    for (size_t i = 0; i < MARK_DIGITS; i++) {
        assert_in_range(groups[i], FIRST, FIRST + LABELS - 1);
        assert_true(i == 0 || groups[i] > groups[i - 1]); /* the kernel sorts them */
    }
    assert_true(mark_from_groups(groups, MARK_DIGITS, FIRST, &back));
    assert_int_equal(back.who, mark->who);
    assert_int_equal(back.pid, mark->pid);
    assert_int_equal(back.time, mark->time);
}

static void test_round_trip(void **state)
{
    (void)state;
    static const struct mark marks[] = {
        {0}, {1, 1, 1}, {UINT16_MAX, (1U << 24) - 1, (UINT64_C(1) << 56) - 1}, {0x8001, 0x800001, UINT64_C(0x80000000000001)},
    };
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        assert_round_trip(&marks[i]);
    srandom(1);
    for (int i = 0; i < 10000; i++) {
        const struct mark mark = {.who = (uint16_t)random(), .pid = (uint32_t)random() & 0xffffff,
                                  .time = ((uint64_t)random() << 25 ^ (uint64_t)random()) & ((UINT64_C(1) << 56) - 1)};
        assert_round_trip(&mark);
    }
}

static void test_what_is_none(void **state)
{
    (void)state;
    const struct mark mark = {.who = 3, .pid = 4, .time = 5};
    gid_t groups[MARK_DIGITS];
    struct mark back = {.pid = 77};
    mark_to_groups(&mark, FIRST, groups);
    assert_false(mark_from_groups(groups, MARK_DIGITS - 1, FIRST, &back));
    assert_false(mark_from_groups(groups, MARK_DIGITS + 1, FIRST, &back));
    assert_false(mark_from_groups(groups, 0, FIRST, &back));
    assert_false(mark_from_groups(groups, MARK_DIGITS, FIRST + 64, &back));
    for (size_t i = 0; i < MARK_DIGITS; i++) {
        gid_t kept = groups[i];
        groups[i] = FIRST + (gid_t)(i << MARK_DIGIT_BITS) + (1 << MARK_DIGIT_BITS);
        assert_false(mark_from_groups(groups, MARK_DIGITS, FIRST, &back));
        groups[i] = FIRST + (gid_t)(i << MARK_DIGIT_BITS) - 1;
        assert_false(mark_from_groups(groups, MARK_DIGITS, FIRST, &back));
        groups[i] = 65534;
        assert_false(mark_from_groups(groups, MARK_DIGITS, FIRST, &back));
        groups[i] = kept;
    }
    assert_int_equal(back.pid, 77);
    assert_false(mark_fits(&(struct mark){.pid = 1 << 24}));
    assert_false(mark_fits(&(struct mark){.time = UINT64_C(1) << 56}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip), cmocka_unit_test(test_what_is_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
