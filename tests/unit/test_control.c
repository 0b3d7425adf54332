/* SPDX-License-Identifier: Apache-2.0 */
/* Control messages: hostile ones taken apart, and others cut to the room there is, as the kernel does it; and tickets. */
/* sources: sentry/net/control.c sentry/net/claims.c sentry/net/people.c sentry/kernel/id_map.c */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "postern/mark.h"
#include "sentry/net/claims.h"
#include "sentry/net/control.h"

static size_t append(char *bytes, size_t at, size_t length, int level, int type)
{
    const struct cmsghdr header = {.cmsg_len = length, .cmsg_level = level, .cmsg_type = type};
    memcpy(bytes + at, &header, sizeof(header));
    return at + CMSG_ALIGN(length);
}

static void test_items(void **state)
{
    (void)state;
    char bytes[256] = {0};
    size_t end = append(bytes, 0, CMSG_LEN(5), 1, 2), at = 0;
    memcpy(bytes + CMSG_LEN(0), "12345", 5);
    end = append(bytes, end, CMSG_LEN(0), 3, 4);
    struct control_item item;
    assert_int_equal(control_next(bytes, end, &at, &item), 1);
    assert_int_equal(item.level, 1);
    assert_int_equal(item.type, 2);
    assert_int_equal(item.size, 5);
    assert_memory_equal(item.data, "12345", 5);
    assert_int_equal(control_next(bytes, end, &at, &item), 1);
    assert_int_equal(item.type, 4);
    assert_int_equal(item.size, 0);
    assert_int_equal(control_next(bytes, end, &at, &item), 0);
    at = 0;
    assert_int_equal(control_next(bytes, 0, &at, &item), 0);
    assert_int_equal(control_next(bytes, sizeof(struct cmsghdr) - 1, &at, &item), 0);
}

static void test_hostile_lengths(void **state)
{
    (void)state;
    static const size_t bad[] = {0, 1, sizeof(struct cmsghdr) - 1, 65, 1 << 20, SIZE_MAX, SIZE_MAX - 7, (size_t)1 << 63};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char bytes[64] = {0};
        size_t at = 0;
        struct control_item item = {.size = 77};
        (void)append(bytes, 0, bad[i], SOL_SOCKET, SCM_RIGHTS);
        assert_int_equal(control_next(bytes, sizeof(bytes), &at, &item), -EINVAL);
        assert_int_equal(item.size, 77);
    }
}

/* Whatever the bytes are, an item lies within them, and there is an end. */
static void test_random_bytes(void **state)
{
    (void)state;
    srandom(7);
    for (int round = 0; round < 200000; round++) {
        char bytes[128];
        size_t size = (size_t)random() % sizeof(bytes), at = 0;
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (char)(random() % 7 == 0 ? random() : 0);
        for (size_t i = 0; i + 8 < sizeof(bytes); i += 8)
            if (random() % 3 == 0)
                bytes[i] = (char)(random() % 40);
        struct control_item item;
        for (int items = 0; control_next(bytes, size, &at, &item) == 1; items++) {
            assert_true(items < 16);
            assert_true(item.data >= bytes && item.data + item.size <= bytes + size);
        }
    }
}

/* The kernel itself says what a message with credentials looks like in `room` bytes. */
static void assert_as_kernel(int from, int to, size_t room)
{
    char byte = 'x', there[128] = {0}, here[128] = {0};
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = there, .msg_controllen = room};
    assert_int_equal(write(from, "x", 1), 1);
    assert_int_equal(recvmsg(to, &message, 0), 1);
    struct control_room ours = {.bytes = here, .size = room};
    const struct ucred self = {.pid = getpid(), .uid = getuid(), .gid = getgid()};
    control_put(&ours, SOL_SOCKET, SCM_CREDENTIALS, &self, sizeof(self));
    assert_int_equal(ours.truncated, (message.msg_flags & MSG_CTRUNC) != 0);
    assert_int_equal(ours.used, message.msg_controllen);
    assert_memory_equal(here, there, ours.used);
}

static void test_put_as_the_kernel_does(void **state)
{
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int)), 0);
    for (size_t room = 0; room <= 64; room++)
        assert_as_kernel(pair[0], pair[1], room);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

static void test_room_for_descriptors(void **state)
{
    (void)state;
    char bytes[256];
    struct control_room room = {.bytes = bytes, .size = 0};
    assert_int_equal(control_room_for_fds(&room), 0);
    room.size = sizeof(struct cmsghdr);
    assert_int_equal(control_room_for_fds(&room), 0);
    room.size = CMSG_LEN(sizeof(int));
    assert_int_equal(control_room_for_fds(&room), 1);
    room.size = CMSG_LEN(3 * sizeof(int)) - 1;
    assert_int_equal(control_room_for_fds(&room), 2);
    room.size = sizeof(bytes);
    control_put(&room, 1, 2, "1234", 4);
    assert_int_equal(control_room_for_fds(&room), (sizeof(bytes) - CMSG_SPACE(4) - sizeof(struct cmsghdr)) / sizeof(int));
}

static uint32_t ticket_of(struct claims *claims, pid_t pid, uid_t uid, gid_t gid)
{
    const struct ucred claim = {.pid = pid, .uid = uid, .gid = gid};
    uint32_t ticket = 0;
    assert_int_equal(claims_ticket(claims, &claim, &ticket), 0);
    assert_true(ticket < TICKETS);
    uint32_t back;
    assert_true(ticket_from_ids(ticket_uid(ticket, 5000), ticket_gid(ticket, 9000), 5000, 9000, &back));
    assert_int_equal(back, ticket);
    return ticket;
}

static void test_tickets(void **state)
{
    (void)state;
    struct claims *claims = claims_new();
    struct ucred found = {.pid = 77};
    assert_false(claims_find(claims, 0, &found));
    assert_false(claims_find(claims, TICKETS - 1, &found));
    assert_false(claims_find(claims, UINT32_MAX, &found));
    uint32_t root = ticket_of(claims, 1, 0, 0), user = ticket_of(claims, 1, 1000, 100);
    assert_int_not_equal(root, user);
    assert_int_equal(ticket_of(claims, 1, 0, 0), root);
    assert_true(claims_find(claims, user, &found));
    assert_int_equal(found.pid, 1);
    assert_int_equal(found.uid, 1000);
    assert_int_equal(found.gid, 100);
    uint32_t next = ticket_of(claims, 2 + 4 * LABELS, 1000, 100);
    assert_true(claims_find(claims, next, &found));
    assert_int_equal(found.pid, 2 + 4 * LABELS);
    (void)ticket_of(claims, 2, 1000, 100); /* the same remainder: another of their processes, and nobody else's */
    assert_true(claims_find(claims, next, &found));
    assert_int_equal(found.pid, 2);
    assert_int_equal(found.uid, 1000);
    claims_free(claims);
    claims_free(NULL);
}

/* What a ticket was given for, no later claim makes somebody else's. */
static void test_tickets_end(void **state)
{
    (void)state;
    struct claims *claims = claims_new();
    uint32_t tickets[LABELS];
    for (uid_t uid = 0; uid < LABELS; uid++)
        tickets[uid] = ticket_of(claims, (pid_t)uid + 1, uid, 0);
    for (uid_t uid = LABELS; uid < 3 * LABELS; uid++) {
        const struct ucred claim = {.pid = 1, .uid = uid};
        uint32_t ticket = 77;
        assert_int_equal(claims_ticket(claims, &claim, &ticket), -ENOSPC);
        assert_int_equal(ticket, 77);
    }
    for (uid_t uid = 0; uid < LABELS; uid++) {
        struct ucred found;
        assert_true(claims_find(claims, tickets[uid], &found));
        assert_int_equal(found.uid, uid);
        assert_int_equal(found.pid, uid + 1);
    }
    claims_free(claims);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items),
        cmocka_unit_test(test_hostile_lengths),
        cmocka_unit_test(test_random_bytes),
        cmocka_unit_test(test_put_as_the_kernel_does),
        cmocka_unit_test(test_room_for_descriptors),
        cmocka_unit_test(test_tickets),
        cmocka_unit_test(test_tickets_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
