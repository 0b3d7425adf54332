/* SPDX-License-Identifier: Apache-2.0 */
/* sources: lib/socket.c */
/* The sockets between command, sentry and gofer. */
#include "postern/socket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A sentry says that it has ended and ends, just when it is asked whether it is still there. */
static void test_last_words_are_heard(void **unused)
{
    (void)unused;
    int ends[2];
    char heard[8] = "";
    assert_int_equal(socket_pair(ends), 0);
    assert_int_equal(socket_send(ends[0], "there?", 6, NULL, 0), 0);
    assert_int_equal(socket_send(ends[1], "ended", 5, NULL, 0), 0);
    (void)close(ends[1]);
    assert_int_equal(socket_receive(ends[0], heard, sizeof(heard), NULL, 0, NULL), 5);
    assert_memory_equal(heard, "ended", 5);
    assert_int_equal(socket_receive(ends[0], heard, sizeof(heard), NULL, 0, NULL), 0);
    (void)close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_last_words_are_heard)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
