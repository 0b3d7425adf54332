/* SPDX-License-Identifier: Apache-2.0 */
/* sources: sentry/platform/listeners.c */
/* Listeners, with pipes in their place: any number of them is heard, and each stays open for as long as somebody has a call of it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "sentry/platform/listeners.h"
#include "sentry/platform/notify.h"

enum { MANY = 3 * LISTENERS_WAIT_MAX };

void notify_prepare(int listener)
{
    (void)listener;
}

int notify_receive(int listener, struct seccomp_notif *ret_notification)
{
    return read(listener, ret_notification, sizeof(*ret_notification)) == sizeof(*ret_notification) ? 0 : -EAGAIN;
}

struct fixture {
    struct listeners *set;
    int ours[MANY], theirs[MANY];
};

static int start(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.set = listeners_new()};
    assert_non_null(fixture.set);
    for (size_t i = 0; i < MANY; i++) {
        int ends[2];
        assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
        assert_int_equal(listeners_add(fixture.set, ends[0]), 0);
        fixture.ours[i] = ends[0];
        fixture.theirs[i] = ends[1];
    }
    *state = &fixture;
    return 0;
}

static void send_call(const struct fixture *fixture, size_t which)
{
    const struct seccomp_notif notification = {.id = which};
    assert_int_equal(write(fixture->theirs[which], &notification, sizeof(notification)), sizeof(notification));
}

/* As the loop does it: what is waited for directly, and the rest. False: nothing came. */
static bool receive(const struct fixture *fixture, size_t *ret_which, struct listener **ret_listener)
{
    struct seccomp_notif notification;
    struct pollfd fds[LISTENERS_WAIT_MAX + 1] = {{.fd = listeners_epoll(fixture->set), .events = POLLIN}};
    size_t count = 1 + listeners_wait_set(fixture->set, &fds[1]);
    assert_true(count <= LISTENERS_WAIT_MAX + 1);
    (void)poll(fds, count, 0);
    for (size_t i = 0; i < count; i++) {
        if (fds[i].revents == 0 ||
            !listeners_receive(fixture->set, i == 0 ? NULL : &fds[i], &notification, ret_listener))
            continue;
        *ret_which = notification.id;
        return true;
    }
    return false;
}

static void expect_call(const struct fixture *fixture, size_t which, struct listener **ret_listener)
{
    size_t got = MANY;
    assert_true(receive(fixture, &got, ret_listener));
    assert_int_equal(got, which);
    assert_int_equal(listener_fd(*ret_listener), fixture->ours[which]);
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

/* Round and round, so that each is waited for directly and by epoll in turn. */
static void test_all_are_heard(void **state)
{
    struct fixture *fixture = *state;
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < MANY; i++) {
            struct listener *listener;
            send_call(fixture, i);
            expect_call(fixture, i, &listener);
            assert_null(listener_put(listener));
            assert_true(is_open(fixture->ours[i]));
        }
}

static void end(struct fixture *fixture, size_t which)
{
    size_t got;
    struct listener *listener;
    (void)close(fixture->theirs[which]);
    assert_false(receive(fixture, &got, &listener));
}

/* As it is for one who is frozen while he waits for the kernel's lock. */
static void test_an_interrupted_look_is_no_end(void **state)
{
    struct fixture *fixture = *state;
    struct pollfd fds[LISTENERS_WAIT_MAX];
    struct seccomp_notif notification;
    struct listener *listener;
    assert_true(listeners_wait_set(fixture->set, fds) > 0);
    fds[0].revents = POLLERR;
    assert_false(listeners_receive(fixture->set, &fds[0], &notification, &listener));
    assert_true(is_open(fds[0].fd));
}

static void test_open_while_a_call_is_not_answered(void **state)
{
    struct fixture *fixture = *state;
    struct listener *listener, *again;
    send_call(fixture, 0);
    send_call(fixture, 0);
    expect_call(fixture, 0, &listener);
    expect_call(fixture, 0, &again);
    end(fixture, 0);
    assert_true(is_open(fixture->ours[0]));
    assert_null(listener_put(listener));
    assert_true(is_open(fixture->ours[0]));
    assert_null(listener_put(again));
    assert_false(is_open(fixture->ours[0]));

    /* The number is anybody's again, and means that one only. */
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(ends[0], fixture->ours[0]);
    assert_int_equal(listeners_add(fixture->set, ends[0]), 0);
    fixture->theirs[0] = ends[1];
    send_call(fixture, 0);
    expect_call(fixture, 0, &listener);
    assert_null(listener_put(listener));
}

static void test_the_last_one(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < MANY; i++) {
        assert_false(listeners_ended(fixture->set));
        end(fixture, i);
        assert_false(is_open(fixture->ours[i]));
    }
    assert_true(listeners_ended(fixture->set));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_are_heard),
        cmocka_unit_test(test_open_while_a_call_is_not_answered),
        cmocka_unit_test(test_an_interrupted_look_is_no_end),
        cmocka_unit_test(test_the_last_one),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
