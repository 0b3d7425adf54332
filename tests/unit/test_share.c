/* SPDX-License-Identifier: Apache-2.0 */
/* How much of a thing one user may have, and how much that leaves for others. */
/* sources: sentry/kernel/share.c sentry/kernel/id_map.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sentry/kernel/share.h"

enum { ROOT = 0, SOMEBODY = 1000, NOBODY = (uid_t)-1 };

static size_t take_all(struct share *share, uid_t user)
{
    size_t taken = 0;
    while (share_take(share, user, 1))
        taken++;
    return taken;
}

static void test_alone(void **state)
{
    (void)state;
    struct share share = SHARE_OF(100);
    assert_int_equal(take_all(&share, SOMEBODY), 50);
    assert_int_equal(share_of(&share, SOMEBODY), 50);
    assert_int_equal(take_all(&share, ROOT), 44);
    assert_int_equal(take_all(&share, NOBODY), 3);
    id_map_free(&share.users);
}

/* Root leaves a little, and has his part like anybody else where others came first. */
static void test_root(void **state)
{
    (void)state;
    struct share share = SHARE_OF(1600);
    assert_int_equal(take_all(&share, ROOT), 1500);
    assert_int_equal(take_all(&share, SOMEBODY), 50);
    assert_int_equal(take_all(&share, NOBODY), 25);
    id_map_free(&share.users);
    share = (struct share)SHARE_OF(1600);
    for (uid_t user = 1; user <= 8; user++)
        (void)take_all(&share, user);
    assert_true(take_all(&share, ROOT) > 0);
    assert_true(share_has_room(&share, NOBODY, 1));
    id_map_free(&share.users);
}

/* Whoever comes after others who took what they could finds as much as the last of them. */
static void test_many(void **state)
{
    (void)state;
    struct share share = SHARE_OF(1000);
    size_t last = 1000;
    for (uid_t user = 1; user <= 8; user++) {
        size_t taken = take_all(&share, user);
        assert_true(taken > 0 && taken < last);
        last = taken;
    }
    /* They take more as soon as somebody gives back, but never all. */
    for (uid_t user = 1; user <= 8; user++)
        share_give(&share, user, share_of(&share, user) / 2);
    for (int round = 0; round < 1000; round++)
        for (uid_t user = 1; user <= 8; user++)
            (void)share_take(&share, user, 1);
    assert_true(share_has_room(&share, 9, 1000 / 10 / 4));
    id_map_free(&share.users);
}

static void test_amounts(void **state)
{
    (void)state;
    struct share share = SHARE_OF(100);
    assert_false(share_take(&share, SOMEBODY, 51));
    assert_true(share_take(&share, SOMEBODY, 50));
    assert_true(share_take(&share, SOMEBODY, 0));
    assert_false(share_take(&share, ROOT, 45));
    assert_false(share_take(&share, ROOT, SIZE_MAX));
    assert_true(share_take(&share, ROOT, 44));
    share_give(&share, SOMEBODY, 51); /* never more than he has */
    assert_int_equal(share_of(&share, SOMEBODY), 50);
    share_give(&share, SOMEBODY, 20);
    assert_int_equal(share_of(&share, SOMEBODY), 30);
    assert_int_equal(share.taken, 74);
    id_map_free(&share.users);
}

static void test_very_little(void **state)
{
    (void)state;
    struct share share = SHARE_OF(1);
    assert_true(share_take(&share, SOMEBODY, 1));
    assert_false(share_take(&share, NOBODY, 1));
    share_give(&share, SOMEBODY, 1);
    assert_true(share_take(&share, NOBODY, 1));
    share_give(&share, NOBODY, 1);
    share.all = 0;
    assert_false(share_take(&share, ROOT, 1));
    id_map_free(&share.users);
}

/* Memory is for those who have something; bounds may be lowered below what is taken. */
static void test_users_go(void **state)
{
    (void)state;
    struct share share = SHARE_OF(64);
    for (uid_t user = 1; user < 100000; user++) {
        assert_true(share_take(&share, user, 1));
        if (user > 8)
            share_give(&share, user - 8, 1);
    }
    assert_int_equal(share.users.count, 8);
    assert_int_equal(share.users.capacity, 64);
    share.all = 4;
    assert_false(share_has_room(&share, ROOT, 1));
    share_give(&share, 99999, 1);
    assert_int_equal(share.taken, 7);
    id_map_free(&share.users);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alone),   cmocka_unit_test(test_root),        cmocka_unit_test(test_many),     cmocka_unit_test(test_amounts),
        cmocka_unit_test(test_very_little), cmocka_unit_test(test_users_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
