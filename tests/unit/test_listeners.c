/* SPDX-License-Identifier: Apache-2.0 */
/* sources: sentry/platform/listeners.c */
/* A listener's number stays its own for as long as somebody has a call of it. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sentry/platform/listeners.h"

static int new_descriptor(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static int is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void test_end(void **state)
{
    (void)state;
    struct listeners *listeners = listeners_new();
    struct pollfd fds[LISTENERS_MAX];
    int first = new_descriptor(), second = new_descriptor();
    assert_int_equal(listeners_add(listeners, first), 0);
    assert_int_equal(listeners_add(listeners, second), 0);
    assert_int_equal(listeners_poll_set(listeners, fds), 2);

    assert_true(listeners_end(listeners, first));
    assert_false(is_open(first));
    assert_int_equal(listeners_poll_set(listeners, fds), 1);
    assert_int_equal(fds[0].fd, second);
    assert_true(listeners_end(listeners, first)); /* once more */

    int third = new_descriptor();
    assert_int_equal(third, first); /* a number is anybody's again */
    assert_int_equal(listeners_add(listeners, third), 0);
    listeners_hold(listeners, third);
    listeners_hold(listeners, third);
    assert_true(listeners_end(listeners, third));
    assert_true(is_open(third));
    assert_int_equal(listeners_poll_set(listeners, fds), 1);
    listeners_let_go(listeners, third);
    assert_true(is_open(third));
    listeners_let_go(listeners, third);
    assert_false(is_open(third));

    listeners_hold(listeners, second);
    assert_false(listeners_end(listeners, second));
    assert_true(is_open(second));
    listeners_let_go(listeners, second);
    assert_false(is_open(second));
}

static void test_full(void **state)
{
    (void)state;
    struct listeners *listeners = listeners_new();
    int last = -1;
    for (int i = 0; i < LISTENERS_MAX; i++)
        assert_int_equal(listeners_add(listeners, last = new_descriptor()), 0);
    int more = new_descriptor();
    assert_int_equal(listeners_add(listeners, more), -ENOSPC);
    listeners_hold(listeners, last);
    assert_true(listeners_end(listeners, last));
    assert_int_equal(listeners_add(listeners, more), -ENOSPC); /* its place is not free yet */
    listeners_let_go(listeners, last);
    assert_int_equal(listeners_add(listeners, more), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_end),
        cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
