/* SPDX-License-Identifier: Apache-2.0 */
/* Who sent a message, by a number heard later: an answer, or none; never somebody else. */
/* sources: sentry/net/senders.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sentry/net/senders.h"

enum { PID_MAX = 1000 }; /* so numbers come again after a millisecond at the earliest */

static const struct real_ids root = {0, 0}, user = {1000, 100}, other = {1001, 100};
static const struct sender_now nobody = {0};

static struct senders *mixed(void)
{
    struct senders *senders = senders_new(PID_MAX, &root);
    assert_non_null(senders);
    senders_met(senders, &user);
    return senders;
}

static struct sender_now present(const struct real_ids *ids, uint64_t born_before)
{
    return (struct sender_now){.there = true, .ids = *ids, .vpid = 7, .born_before = born_before};
}

/* -1: it cannot be told. */
static int64_t uid_of(const struct senders *senders, uint64_t since, uint64_t now, const struct sender_now *here)
{
    struct real_ids ids = {77, 77};
    pid_t vpid;
    if (senders_find(senders, 5, since, now, here, &ids, &vpid))
        return ids.uid;
    assert_int_equal(ids.uid, 77);
    return -1;
}

static void test_all_are_one(void **state)
{
    (void)state;
    struct senders *senders = senders_new(PID_MAX, &user);
    senders_met(senders, &user);
    assert_int_equal(uid_of(senders, 0, 1000000, &nobody), 1000);
    senders_met(senders, &root);
    assert_int_equal(uid_of(senders, 0, 1000000, &nobody), -1);
    senders_free(senders);
    senders_free(NULL);
}

static void test_it_is_there(void **state)
{
    (void)state;
    struct senders *senders = mixed();
    struct sender_now here = present(&user, 500);
    assert_int_equal(uid_of(senders, 500, 1000000, &here), 1000); /* older than the message can be */
    assert_int_equal(uid_of(senders, 499, 1000000, &here), -1);   /* the number may have been another's */
    assert_int_equal(uid_of(senders, 499, 499 + PID_MAX - 1, &here), 1000); /* not in so short a time */
    here.differ = true;
    assert_int_equal(uid_of(senders, 500, 1000000, &here), -1);
    senders_free(senders);
}

static void test_it_has_changed_its_ids(void **state)
{
    (void)state;
    struct senders *senders = mixed();
    struct sender_now here = present(&user, 10);
    senders_past(senders, 5, 7, &root, 600, false);
    assert_int_equal(uid_of(senders, 601, 2000, &here), 1000); /* before the message */
    assert_int_equal(uid_of(senders, 600, 2000, &here), 1000); /* perhaps after it: the one that may less */
    here = present(&root, 10);
    senders_past(senders, 5, 7, &user, 3000, false); /* who becomes root is not root before */
    assert_int_equal(uid_of(senders, 3000, 4000, &here), 1000);
    assert_int_equal(uid_of(senders, 3001, 4000, &here), 0);
    senders_past(senders, 6, 8, &root, 5000, false); /* somebody else's */
    here = present(&user, 10);
    senders_past(senders, 5, 7, &user, 5000, false); /* from user to other and back */
    senders_past(senders, 5, 7, &other, 6000, false);
    assert_int_equal(uid_of(senders, 6001, 7000, &here), 1000);
    assert_int_equal(uid_of(senders, 5500, 7000, &here), -1);
    senders_free(senders);
}

static void test_groups(void **state)
{
    (void)state;
    struct senders *senders = mixed();
    struct sender_now here = present(&user, 10);
    const struct real_ids halfway = {0, 100}, elsewhere = {1000, 7}, group_root = {1000, 0};
    struct real_ids ids;
    pid_t vpid;
    senders_past(senders, 5, 7, &root, 600, false); /* as programs give up root: first the group */
    senders_past(senders, 5, 7, &halfway, 610, false);
    assert_true(senders_find(senders, 5, 500, 1000, &here, &ids, &vpid));
    assert_int_equal(ids.uid, 1000);
    assert_int_equal(ids.gid, 100);
    senders_past(senders, 5, 7, &group_root, 620, false);
    assert_true(senders_find(senders, 5, 500, 1000, &here, &ids, &vpid));
    assert_int_equal(ids.gid, 100);
    senders_past(senders, 5, 7, &elsewhere, 630, false);
    assert_true(senders_find(senders, 5, 500, 1000, &here, &ids, &vpid));
    assert_int_equal(ids.uid, 1000);
    assert_int_equal(ids.gid, 65534);
    senders_free(senders);
}

static void test_it_has_ended(void **state)
{
    (void)state;
    struct senders *senders = mixed();
    struct real_ids ids;
    pid_t vpid = 99;
    assert_int_equal(uid_of(senders, 0, 10, &nobody), -1); /* never seen */
    assert_false(senders_find(senders, 5, 0, 10, &nobody, &ids, &vpid));
    assert_int_equal(vpid, 0);
    senders_past(senders, 5, 7, &user, 600, true);
    assert_int_equal(uid_of(senders, 100, 700, &nobody), 1000);
    assert_true(senders_find(senders, 5, 100, 700, &nobody, &ids, &vpid));
    assert_int_equal(vpid, 7);
    assert_int_equal(uid_of(senders, 601, 700, &nobody), -1);           /* it had ended before */
    assert_int_equal(uid_of(senders, 100, 100 + PID_MAX, &nobody), -1); /* there may have been another */
    senders_past(senders, 5, 7, &other, 650, true);
    assert_int_equal(uid_of(senders, 100, 700, &nobody), -1);
    senders_free(senders);
}

/* The attack: a message of a user's waits until his number is a process of root's. */
static void test_the_number_comes_again(void **state)
{
    (void)state;
    struct senders *senders = mixed();
    struct sender_now here = present(&root, 90000);
    assert_int_equal(uid_of(senders, 1000, 100000, &here), -1); /* he was never seen */
    senders_past(senders, 5, 7, &user, 2000, true);
    assert_int_equal(uid_of(senders, 1000, 100000, &here), -1);
    assert_int_equal(uid_of(senders, 95000, 100000, &here), 0);
    senders_free(senders);
}

static void test_a_user_hurts_only_himself(void **state)
{
    (void)state;
    struct senders *senders = mixed();
    senders_past(senders, 5, 7, &user, 600, true);
    for (int i = 0; i < 100000; i++)
        senders_past(senders, 100 + i, 100 + i, &other, 610, true);
    assert_int_equal(uid_of(senders, 100, 700, &nobody), 1000);
    for (uid_t uid = 2000; uid < 2200; uid++) {
        const struct real_ids many = {.uid = uid};
        senders_past(senders, 5, 7, &many, 620, true);
    }
    assert_int_equal(uid_of(senders, 100, 700, &nobody), -1);
    senders_free(senders);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_are_one),          cmocka_unit_test(test_it_is_there),
        cmocka_unit_test(test_it_has_changed_its_ids), cmocka_unit_test(test_it_has_ended),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_the_number_comes_again), cmocka_unit_test(test_a_user_hurts_only_himself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
