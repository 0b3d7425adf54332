/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered of sockets, and who pays for it; numbers for people. */
/* sources: sentry/net/sockets.c sentry/net/sockaddr.c sentry/net/people.c sentry/kernel/id_map.c */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sentry/net/people.h"
#include "sentry/net/sockets.h"

static struct sockets *fresh(void)
{
    struct sockets *sockets = sockets_new();
    assert_non_null(sockets);
    return sockets;
}

static struct socket_record *add(struct sockets *sockets, uint64_t cookie, uid_t user)
{
    struct socket_record *record = sockets_obtain(sockets, cookie, user);
    assert_non_null(record);
    assert_int_equal(record->cookie, cookie);
    return record;
}

static unsigned int count(struct sockets *sockets, uint64_t from, uint64_t to)
{
    unsigned int found = 0;
    for (uint64_t cookie = from; cookie < to; cookie++)
        found += sockets_find(sockets, cookie) != NULL;
    return found;
}

static void test_one_record_a_socket(void **state)
{
    (void)state;
    struct sockets *sockets = fresh();
    struct socket_record *record = add(sockets, 1, 0);
    assert_ptr_equal(sockets_find(sockets, 1), record);
    assert_ptr_equal(add(sockets, 1, 5), record); /* whoever asks */
    assert_null(sockets_find(sockets, 2));
    assert_null(sockets_find(sockets, 0));
    sockets_free(sockets);
    sockets_free(NULL);
}

static void test_files(void **state)
{
    (void)state;
    struct sockets *sockets = fresh();
    const struct socket_file file = {.device = 7, .inode = 8}, other = {.device = 8, .inode = 7}, none = {0};
    assert_int_equal(sockets_name_file(sockets, add(sockets, 1, 0), &file), 0);
    assert_int_equal(sockets_find_by_file(sockets, &file)->cookie, 1);
    assert_null(sockets_find_by_file(sockets, &other));
    assert_null(sockets_find_by_file(sockets, &none));
    assert_int_equal(sockets_name_file(sockets, add(sockets, 2, 0), &file), 0); /* the number came again for another file */
    assert_int_equal(sockets_find_by_file(sockets, &file)->cookie, 2);
    assert_int_equal(sockets_name_file(sockets, add(sockets, 1, 0), &other), 0); /* takes nothing from the second */
    assert_int_equal(sockets_find_by_file(sockets, &file)->cookie, 2);
    assert_int_equal(sockets_find_by_file(sockets, &other)->cookie, 1);
    sockets_free(sockets);
}

static void test_what_is_used_stays(void **state)
{
    (void)state;
    struct sockets *sockets = fresh();
    for (uint64_t cookie = 1; cookie < 10 * SOCKETS_SHARE; cookie++) {
        add(sockets, cookie, 1000);
        assert_non_null(sockets_find(sockets, 1));
    }
    assert_int_equal(count(sockets, 1, 10 * SOCKETS_SHARE), SOCKETS_SHARE);
    sockets_free(sockets);
}

static void test_a_user_hurts_only_himself(void **state)
{
    (void)state;
    struct sockets *sockets = fresh();
    for (uint64_t cookie = 1; cookie <= 100; cookie++)
        add(sockets, cookie, 0);
    for (uint64_t cookie = 1000; cookie < 1000 + 3 * SOCKETS_SHARE; cookie++)
        add(sockets, cookie, 1000);
    assert_int_equal(count(sockets, 1, 101), 100);
    assert_int_equal(count(sockets, 1000, 1000 + 3 * SOCKETS_SHARE), SOCKETS_SHARE);
    sockets_free(sockets);
}

static void test_all_of_it_is_bounded(void **state)
{
    (void)state;
    struct sockets *sockets = fresh();
    uint64_t cookie = 1;
    for (uid_t user = 0; user < 40; user++)
        for (int i = 0; i < 1000; i++)
            add(sockets, cookie++, user);
    assert_int_equal(count(sockets, 1, cookie), SOCKETS_MAX);
    sockets_free(sockets);
}

static uint32_t number(struct people *people, uid_t uid, gid_t gid, const gid_t *groups, size_t group_count)
{
    const struct person person = {.uid = uid, .gid = gid, .groups = groups, .group_count = group_count};
    uint32_t found = 77;
    assert_int_equal(people_number(people, &person, &found), 0);
    return found;
}

static void test_people(void **state)
{
    (void)state;
    static const gid_t two[] = {5, 6}, others[] = {5, 7};
    struct people *people = people_new(64);
    uint32_t root = number(people, 0, 0, NULL, 0), user = number(people, 1000, 1000, two, 2);
    assert_int_not_equal(root, user);
    assert_int_equal(number(people, 0, 0, NULL, 0), root);
    assert_int_equal(number(people, 1000, 1000, two, 2), user);
    assert_int_not_equal(number(people, 1000, 1000, two, 1), user);
    assert_int_not_equal(number(people, 1000, 1000, others, 2), user);
    assert_int_not_equal(number(people, 0, 1, NULL, 0), number(people, 1, 0, NULL, 0));
    const struct person *found = people_find(people, user);
    assert_int_equal(found->uid, 1000);
    assert_int_equal(found->group_count, 2);
    assert_int_equal(found->groups[1], 6);
    assert_null(people_find(people, 63));
    assert_null(people_find(people, UINT32_MAX));
    people_free(people);
    people_free(NULL);
}

/* No number is ever somebody else's. */
static void test_people_end(void **state)
{
    (void)state;
    struct people *people = people_new(100);
    for (uid_t uid = 0; uid < 100; uid++)
        assert_int_equal(number(people, uid, 0, NULL, 0), uid);
    uint32_t found = 77;
    const struct person late = {.uid = 100};
    assert_int_equal(people_number(people, &late, &found), -ENOSPC);
    assert_int_equal(found, 77);
    for (uid_t uid = 0; uid < 100; uid++) {
        assert_int_equal(number(people, uid, 0, NULL, 0), uid);
        assert_int_equal(people_find(people, uid)->uid, uid);
    }
    people_free(people);
}

/* Whoever has ten thousands of groups takes no more memory than there is for all. */
static void test_people_with_groups(void **state)
{
    (void)state;
    static gid_t groups[65536];
    struct people *people = people_new(16384);
    uint32_t found;
    int error = 0, made = 0;
    for (uid_t uid = 0; uid < 100 && error == 0; uid++) {
        const struct person person = {.uid = uid, .groups = groups, .group_count = 65536};
        error = people_number(people, &person, &found);
        made += error == 0;
    }
    assert_int_equal(error, -ENOSPC);
    assert_int_equal(made, 16);
    (void)number(people, 5000, 0, NULL, 0);
    people_free(people);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_record_a_socket),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_what_is_used_stays),
        cmocka_unit_test(test_a_user_hurts_only_himself),
        cmocka_unit_test(test_all_of_it_is_bounded),
        cmocka_unit_test(test_people),
        cmocka_unit_test(test_people_end),
        cmocka_unit_test(test_people_with_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
