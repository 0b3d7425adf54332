/* SPDX-License-Identifier: Apache-2.0 */
/* Whose turn it is. */
/* sources: sentry/kernel/fair.c sentry/kernel/id_map.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sentry/kernel/fair.h"

enum { MANY = 1000 };

struct thing {
    int number;
    struct fair_item item;
};

static struct fair_queue queue;

static struct thing *thing_of(struct fair_item *item)
{
    return item == NULL ? NULL : (struct thing *)((char *)item - offsetof(struct thing, item));
}

static void add(int number, uid_t user)
{
    struct thing *thing = calloc(1, sizeof(*thing));
    thing->number = number;
    assert_int_equal(fair_add(&queue, &thing->item, user), 0);
}

/* -1: there is none. */
static int take(void)
{
    struct thing *thing = thing_of(fair_take(&queue, NULL));
    if (thing == NULL)
        return -1;
    int number = thing->number;
    fair_done(&queue, &thing->item);
    free(thing);
    return number;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(take(), -1);
    assert_int_equal(queue.users.count, 0);
    assert_null(queue.turn);
    id_map_free(&queue.users);
    return 0;
}

static void test_one_user(void **state)
{
    (void)state;
    for (int i = 0; i < MANY; i++)
        add(i, 5);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(take(), i);
}

static void test_turns(void **state)
{
    (void)state;
    for (int i = 0; i < MANY; i++)
        add(i, 1000);
    add(5000, 0);
    assert_int_equal(take(), 0);
    add(6000, (uid_t)-1);
    assert_int_equal(take(), 5000);
    assert_int_equal(take(), 1);
    assert_int_equal(take(), 6000);
    for (int i = 2; i < MANY; i++) {
        add(7000 + i, 1001);
        int one = take(), other = take();
        assert_true((one == i && other == 7000 + i) || (one == 7000 + i && other == i));
    }
}

static bool is_even(uid_t user)
{
    return user % 2 == 0;
}

static void test_passed_over(void **state)
{
    (void)state;
    add(1, 1);
    add(3, 3);
    assert_null(fair_take(&queue, is_even));
    add(2, 2);
    struct thing *two = thing_of(fair_take(&queue, is_even));
    assert_int_equal(two->number, 2);
    assert_null(fair_take(&queue, is_even));
    assert_int_equal(fair_user(&two->item), 2);
    fair_put_back(&two->item);
    assert_int_equal(take() + take() + take(), 6);
}

/* Taken ones are their user's still: nobody else's turn is lost with him, and what is put back needs no memory. */
static void test_put_back(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        add(i, 7);
    struct fair_item *taken[3];
    for (int i = 0; i < 3; i++)
        taken[i] = fair_take(&queue, NULL);
    assert_null(fair_take(&queue, NULL));
    add(10, 8);
    assert_int_equal(take(), 10);
    for (int i = 2; i >= 0; i--)
        fair_put_back(taken[i]);
    for (int i = 2; i >= 0; i--)
        assert_int_equal(take(), i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_one_user, tear_down),
        cmocka_unit_test_teardown(test_turns, tear_down),
        cmocka_unit_test_teardown(test_passed_over, tear_down),
        cmocka_unit_test_teardown(test_put_back, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
