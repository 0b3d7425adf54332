/* SPDX-License-Identifier: Apache-2.0 */
/* sources: sentry/kernel/aio_account.c sentry/kernel/share.c sentry/kernel/id_map.c */
/* What an account says is never less than what was set up, whichever of it is destroyed in which order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sentry/kernel/aio.h"
#include "sentry/kernel/table.h"

enum { ROOT = 0, USER = 1000, OTHER = 1001 };

static void counts_as_long_as_it_is_held(void **state)
{
    (void)state;
    struct process_table table = {.aio.events = SHARE_OF(1 << 30)};
    struct aio_account *account = aio_account_new(&table, ROOT, 1, 1), *other = aio_account_new(&table, ROOT, 2, 1);
    assert_int_equal(aio_account_add(account, 100), 0);
    assert_int_equal(aio_account_add(other, 7), 0);
    assert_int_equal(table.aio.events.taken, 107);
    (void)aio_account_get(account);
    assert_null(aio_account_put(account));
    assert_int_equal(table.aio.events.taken, 107);
    aio_return(account, 50); /* none of that size */
    assert_int_equal(table.aio.events.taken, 107);
    assert_null(aio_account_put(account));
    assert_int_equal(table.aio.events.taken, 7);
    aio_return(other, 7);
    aio_destroyed(other); /* nothing left to be destroyed */
    assert_int_equal(table.aio.events.taken, 0);
    assert_null(aio_account_put(other));
    assert_null(aio_account_put(NULL));
    id_map_free(&table.aio.events.users);
}

static void never_too_little(void **state)
{
    (void)state;
    enum { MOST = 64, ROUNDS = 20000 };
    struct process_table table = {.aio.events = SHARE_OF(1 << 30)};
    struct aio_account *account = aio_account_new(&table, ROOT, 1, 1);
    unsigned int real[MOST], count = 0;
    uint64_t sum = 0;
    srand(1);
    for (int i = 0; i < ROUNDS; i++) {
        if (count < MOST && rand() % 2 == 0) {
            real[count] = 1 + (unsigned int)rand() % 1000;
            assert_int_equal(aio_account_add(account, real[count]), 0);
            sum += real[count++];
        } else if (count > 0) {
            const unsigned int victim = (unsigned int)rand() % count;
            aio_destroyed(account);
            sum -= real[victim];
            real[victim] = real[--count];
        }
        assert_true(table.aio.events.taken >= sum);
    }
    (void)aio_account_put(account);
    assert_int_equal(table.aio.events.taken, 0);
    id_map_free(&table.aio.events.users);
}

/* One who has set up what he could leaves some to others, and what he destroys he can have again. */
static void shared(void **state)
{
    (void)state;
    struct process_table table = {.aio.events = SHARE_OF(1000)};
    struct aio_account *greedy = aio_account_new(&table, USER, 1, 1), *other = aio_account_new(&table, OTHER, 2, 1);
    int taken = 0;
    while (aio_account_add(greedy, 10) == 0)
        taken++;
    assert_int_equal(taken, 50);
    assert_int_equal(greedy->count, 50);
    assert_int_equal(aio_account_add(other, 100), 0);
    aio_destroyed(greedy);
    aio_destroyed(greedy);
    assert_int_equal(aio_account_add(other, 100), 0);
    assert_null(aio_account_put(greedy));
    assert_int_equal(table.aio.events.taken, 200);
    assert_null(aio_account_put(other));
    assert_int_equal(table.aio.events.taken, 0);
    id_map_free(&table.aio.events.users);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_as_long_as_it_is_held),
        cmocka_unit_test(never_too_little),
        cmocka_unit_test(shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
