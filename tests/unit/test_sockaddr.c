/* SPDX-License-Identifier: Apache-2.0 */
/* sources: sentry/net/sockaddr.c */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sentry/net/sockaddr.h"

static const size_t name_offset = offsetof(struct sockaddr_un, sun_path);

static struct sockaddr_un unix_bytes(const char *name, size_t length)
{
    struct sockaddr_un bytes = {.sun_family = AF_UNIX};
    memcpy(bytes.sun_path, name, length);
    return bytes;
}

static void test_hostile_lengths(void **state)
{
    (void)state;
    struct sockaddr_storage bytes = {.ss_family = AF_UNIX};
    struct unix_address address = {.kind = UNIX_PATH, .length = 77};
    assert_int_equal(unix_address_parse(&bytes, 0, &address), -EINVAL);
    assert_int_equal(unix_address_parse(&bytes, 1, &address), -EINVAL);
    assert_int_equal(unix_address_parse(&bytes, sizeof(struct sockaddr_un) + 1, &address), -EINVAL);
    assert_int_equal(unix_address_parse(&bytes, sizeof(bytes), &address), -EINVAL);
    assert_int_equal(unix_address_parse(&bytes, SIZE_MAX, &address), -EINVAL);
    assert_int_equal(address.length, 77); /* untouched on failure */
    bytes.ss_family = AF_INET;
    assert_int_equal(unix_address_parse(&bytes, 20, &address), -EINVAL);
}

static void test_unnamed(void **state)
{
    (void)state;
    struct sockaddr_un bytes = unix_bytes("", 0);
    struct unix_address address;
    assert_int_equal(unix_address_parse(&bytes, name_offset, &address), 0);
    assert_int_equal(address.kind, UNIX_UNNAMED);
    assert_int_equal(address.length, 0);
    struct sockaddr_un out;
    assert_int_equal(unix_address_format(&address, &out), name_offset);
}

static void test_path_ends_at_nul_or_length(void **state)
{
    (void)state;
    struct sockaddr_un bytes = unix_bytes("/run/a\0tail", 11);
    struct unix_address address;
    assert_int_equal(unix_address_parse(&bytes, sizeof(bytes), &address), 0);
    assert_int_equal(address.kind, UNIX_PATH);
    assert_string_equal(address.name, "/run/a");
    assert_int_equal(address.length, 6);
    assert_int_equal(unix_address_parse(&bytes, name_offset + 4, &address), 0);
    assert_string_equal(address.name, "/run");
    struct sockaddr_un out;
    assert_int_equal(unix_address_format(&address, &out), name_offset + 5);
    assert_string_equal(out.sun_path, "/run");
}

static void test_path_that_fills_everything(void **state)
{
    (void)state;
    char name[UNIX_PATH_MAX];
    memset(name, 'x', sizeof(name));
    struct sockaddr_un bytes = unix_bytes(name, sizeof(name));
    struct unix_address address;
    assert_int_equal(unix_address_parse(&bytes, sizeof(bytes), &address), 0);
    assert_int_equal(address.length, UNIX_PATH_MAX);
    assert_int_equal(address.name[UNIX_PATH_MAX], '\0');
    struct sockaddr_un out;
    assert_int_equal(unix_address_format(&address, &out), name_offset + UNIX_PATH_MAX + 1);
    assert_memory_equal(out.sun_path, name, sizeof(name));
}

static void test_abstract_keeps_every_byte(void **state)
{
    (void)state;
    struct sockaddr_un bytes = unix_bytes("\0a\0b", 4);
    struct unix_address address, other;
    assert_int_equal(unix_address_parse(&bytes, name_offset + 4, &address), 0);
    assert_int_equal(address.kind, UNIX_ABSTRACT);
    assert_int_equal(address.length, 4);
    assert_memory_equal(address.name, "\0a\0b", 4);
    assert_int_equal(unix_address_parse(&bytes, name_offset + 3, &other), 0);
    assert_false(unix_address_equal(&address, &other));
    struct sockaddr_un out;
    assert_int_equal(unix_address_format(&address, &out), name_offset + 4);
    assert_memory_equal(out.sun_path, "\0a\0b", 4);
}

static void test_ports(void **state)
{
    (void)state;
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(80)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(65535)};
    assert_int_equal(sockaddr_port(&four, sizeof(four)), 80);
    assert_int_equal(sockaddr_port(&four, sizeof(four) - 1), -EINVAL);
    assert_int_equal(sockaddr_port(&four, 2), -EINVAL);
    assert_int_equal(sockaddr_port(&four, 1), -EINVAL);
    assert_int_equal(sockaddr_port(&six, sizeof(six)), 65535);
    assert_int_equal(sockaddr_port(&six, 24), 65535);
    assert_int_equal(sockaddr_port(&six, 23), -EINVAL);
    four.sin_family = AF_UNIX;
    assert_int_equal(sockaddr_port(&four, sizeof(four)), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_lengths),
        cmocka_unit_test(test_unnamed),
        cmocka_unit_test(test_path_ends_at_nul_or_length),
        cmocka_unit_test(test_path_that_fills_everything),
        cmocka_unit_test(test_abstract_keeps_every_byte),
        cmocka_unit_test(test_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
