/* SPDX-License-Identifier: Apache-2.0 */
/* sources: lib/thread.c sentry/kernel/share.c sentry/kernel/id_map.c */
/* The receiver's place: there is one, whoever takes it and gives it at once. The file itself is included, to be at what is its own. */
#include "sentry/platform/worker.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct worker *_Atomic other;

/* In a call, and just about to step aside. */
static void *give(void *unused)
{
    (void)unused;
    atomic_store(&self.calls, 1);
    atomic_store(&pool.holder, &self);
    atomic_store(&other, &self);
    receiver_step_aside();
    return NULL;
}

static void test_given_while_it_is_taken(void **unused)
{
    (void)unused;
    enum { BLOCKED_US = 50000 };
    pthread_t thread;
    (void)pthread_mutex_lock(&pool.mutex);
    set_guard(true, true);
    assert_int_equal(pthread_create(&thread, NULL, give, NULL), 0);
    (void)usleep(BLOCKED_US); /* it has seen that the place is its own, and waits for the mutex */
    assert_non_null(other);
    assert_true(take_from(other, 1));
    (void)pthread_mutex_unlock(&pool.mutex);
    (void)pthread_join(thread, NULL);
    assert_ptr_equal(pool.holder, &self);
    assert_true(is_receiver());
}

static void test_who_listens_is_not_replaced(void **unused)
{
    (void)unused;
    atomic_store(&self.calls, 4);
    atomic_store(&pool.holder, &self);
    const struct look before = {.holder = &self, .calls = 4}, now = before;
    assert_false(is_stuck(&before, &now));
    atomic_fetch_add(&self.calls, 1);
    assert_false(take_from(&self, 4)); /* it has made a step since */
    assert_true(is_receiver());
}

static int turns; /* under the state lock */

static void *take_turns(void *unused)
{
    (void)unused;
    for (int i = 0; i < 200; i++) {
        state_lock();
        turns++;
        state_unlock();
    }
    return NULL;
}

/* Whoever waits has the lock before who gives way has it again; nobody waits for who gives way. */
static void test_who_goes_on_for_long_gives_way(void **unused)
{
    (void)unused;
    pthread_t threads[4];
    state_give_way(); /* without the lock: nothing */
    state_lock();
    state_give_way();
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_turns, NULL), 0);
    while (turns < 800) {
        if (atomic_load(&wanted) == 0)
            continue;
        int before = turns;
        state_give_way();
        assert_true(turns > before);
    }
    state_unlock();
    for (size_t i = 0; i < 4; i++)
        (void)pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&wanted), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_given_while_it_is_taken),
        cmocka_unit_test(test_who_listens_is_not_replaced),
        cmocka_unit_test(test_who_goes_on_for_long_gives_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
