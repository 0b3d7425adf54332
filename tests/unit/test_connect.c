/* SPDX-License-Identifier: Apache-2.0 */
/* A connect that never waits, whatever its description says and whoever started us. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "postern/connect.h"

static struct sockaddr_un address = {.sun_family = AF_UNIX};
static socklen_t size;

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void try_it(int expected)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int64_t begun = now_ms();
    assert_int_equal(connect_at_once(fd, (const struct sockaddr *)&address, size), expected);
    assert_true(now_ms() - begun < 2000);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    (void)close(fd);
}

static void *try_in_thread(void *data)
{
    (void)data;
    for (int i = 0; i < 20; i++)
        try_it(-EAGAIN);
    return NULL;
}

static void test_full_queue(void **state)
{
    (void)state;
    sigset_t blocked;
    (void)sigfillset(&blocked);
    assert_int_equal(sigprocmask(SIG_SETMASK, &blocked, NULL), 0);
    assert_int_equal(connect_prepare(), 0);

    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), first = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t room = sizeof(address);
    assert_int_equal(bind(server, (const struct sockaddr *)&address, sizeof(sa_family_t)), 0);
    assert_int_equal(getsockname(server, (struct sockaddr *)&address, &room), 0);
    size = room;
    try_it(-ECONNREFUSED);
    assert_int_equal(listen(server, 0), 0);
    assert_int_equal(connect_at_once(first, (const struct sockaddr *)&address, size), 0);
    try_it(-EAGAIN);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, try_in_thread, NULL), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    (void)close(first);
    (void)close(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_full_queue)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
