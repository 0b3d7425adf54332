/* SPDX-License-Identifier: Apache-2.0 */
/* sources: sentry/kernel/tags.c sentry/kernel/cred.c sentry/kernel/share.c sentry/kernel/id_map.c */
/* The table of thread states and their tags. That a thread carries one, and what it makes inherits it, is in test_context.c. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sentry/kernel/cred.h"
#include "sentry/kernel/tags.h"

static struct cred *cred_of(uid_t uid)
{
    struct cred *cred = cred_new(0);
    assert_non_null(cred);
    cred->ruid = cred->euid = cred->suid = cred->fsuid = uid;
    return cred;
}

static struct tag_table *new_table(void)
{
    struct tag_table *table = calloc(1, sizeof(*table));
    assert_non_null(table);
    return table;
}

static void free_table(struct tag_table *table)
{
    tags_unmark(table);
    tags_sweep(table);
    assert_int_equal(table->count, 0);
    free(table);
}

static int number_of_cred(struct tag_table *table, uid_t uid, uint64_t slack, uid_t owner)
{
    struct thread_state state = {.cred = cred_of(uid), .slack = slack};
    int tag = tags_number(table, &state, owner);
    (void)cred_put(state.cred);
    return tag;
}

static void test_equal_states_have_one_tag(void **state)
{
    (void)state;
    struct tag_table *table = new_table();
    const struct thread_state nothing = {0}, slow = {.slack = 1};
    assert_int_equal(tags_number(table, &nothing, 0), TAG_NONE);
    int tag = number_of_cred(table, 33, 0, 0);
    assert_true(tag > 0 && tag != TAG_NONE);
    assert_int_equal(number_of_cred(table, 33, 0, 1000), tag);
    assert_int_not_equal(number_of_cred(table, 33, 7, 0), tag);
    assert_int_not_equal(number_of_cred(table, 34, 0, 0), tag);
    assert_int_equal(tags_state(table, (unsigned int)tag)->cred->euid, 33);
    assert_int_equal(tags_state(table, (unsigned int)tags_number(table, &slow, 0))->slack, 1);
    assert_null(tags_state(table, (unsigned int)tags_number(table, &slow, 0))->cred);
    assert_int_equal(table->count, 4);
    free_table(table);
}

static void test_no_such_tag(void **state)
{
    (void)state;
    struct tag_table *table = new_table();
    for (unsigned int tag = 0; tag < TAG_COUNT + 2; tag++)
        assert_null(tags_state(table, tag));
    assert_null(tags_state(table, UINT32_MAX));
    tags_mark(table, UINT32_MAX);
    free_table(table);
}

static void test_only_what_is_marked_stays(void **state)
{
    (void)state;
    struct tag_table *table = new_table();
    int kept = number_of_cred(table, 1, 0, 0), dropped = number_of_cred(table, 2, 0, 0);
    tags_unmark(table);
    tags_mark(table, (unsigned int)kept);
    tags_sweep(table);
    assert_non_null(tags_state(table, (unsigned int)kept));
    assert_null(tags_state(table, (unsigned int)dropped));
    tags_unmark(table); /* a mark is good for one sweep */
    tags_sweep(table);
    assert_null(tags_state(table, (unsigned int)kept));
    free_table(table);
}

static void test_bounds(void **state)
{
    (void)state;
    struct tag_table *table = new_table();
    for (uid_t i = 0; i < TAG_SHARE; i++)
        assert_true(number_of_cred(table, i, 0, 1000) > 0);
    assert_int_equal(number_of_cred(table, TAG_SHARE, 0, 1000), -EAGAIN);
    assert_true(number_of_cred(table, 0, 0, 1000) > 0); /* there already */
    assert_true(number_of_cred(table, TAG_SHARE, 0, 2000) > 0);
    /* root may have nearly all the rest, and leaves some for whoever comes, who do so too */
    uid_t next = TAG_SHARE + 1;
    while (number_of_cred(table, next, 0, 0) > 0)
        next++;
    assert_int_equal(number_of_cred(table, next, 0, 0), -EAGAIN);
    assert_true(table->count > TAGS_USABLE - TAGS_USABLE / 8 && table->count < TAGS_USABLE);
    for (uid_t user = 2000; user < 2004; user++) {
        assert_true(number_of_cred(table, next++, 0, user) > 0);
        while (number_of_cred(table, next, 0, user) > 0)
            next++;
    }
    assert_true(table->count <= TAGS_USABLE);
    assert_null(tags_state(table, 0));
    assert_null(tags_state(table, TAG_NONE));
    free_table(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_states_have_one_tag),
        cmocka_unit_test(test_no_such_tag),
        cmocka_unit_test(test_only_what_is_marked_stays),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
