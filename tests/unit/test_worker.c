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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_given_while_it_is_taken),
        cmocka_unit_test(test_who_listens_is_not_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
