/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
/* sources: sentry/fs/proc_net.c sentry/fs/sysfs_net.c sentry/fs/procfs_text.c sentry/net/known.c sentry/net/sockaddr.c */
/* clang-format on */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "sentry/fs/procfs.h"
#include "sentry/fs/sysfs_net.h"
#include "sentry/net/known.h"

static const char *host_file;

int proc_subject_read(const struct synth_source *source, const char *name, struct text *text)
{
    (void)source;
    (void)name;
    text_string(text, host_file);
    return 0;
}

static void know(uint64_t inode, enum unix_kind native_kind, const char *native, size_t native_length,
                 enum unix_kind kind, const char *shown)
{
    struct known_socket *known = known_add(inode);
    known->native = (struct unix_address){.kind = native_kind, .length = native_length};
    memcpy(known->native.name, native, native_length);
    known->shown = (struct unix_address){.kind = kind, .length = strlen(shown)};
    strcpy(known->shown.name, shown);
}

#define LINE "000000000a1b2c3d: 00000002 00000000 00010000 0001 01 "

static void test_unix_shows_the_guests_names(void **state)
{
    (void)state;
    know(826022, UNIX_PATH, "my.sock", 7, UNIX_PATH, "/tmp/my.sock");
    know(826023, UNIX_ABSTRACT, "\0mark-1", 7, UNIX_UNNAMED, "");
    char host[] = "Num       RefCount Protocol Flags    Type St Inode Path\n" LINE "826022 my.sock\n" LINE
                  "826099 my.sock\n" LINE "826023 @mark-1\n" LINE "826024 @own\n" LINE "826025\n" LINE "826022 other\n";
    auto_text struct text text = {0};
    proc_unix_rename(host, &text);
    assert_string_equal(text.data, "Num       RefCount Protocol Flags    Type St Inode Path\n" LINE
                                   "826022 /tmp/my.sock\n" LINE "826099 /tmp/my.sock\n" /* accepted by it */
                        LINE "826023\n" LINE "826024 @own\n" LINE "826025\n" LINE "826022 other\n");
}

static void test_unix_of_hostile_names(void **state)
{
    (void)state;
    char name[400];
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    char host[1024];
    snprintf(host, sizeof(host), LINE "1 %s\n%s\n\n 1 2 3 4 5 6 \n" LINE "99999999999999999999999 a\n", name, name);
    char copy[sizeof(host)];
    memcpy(copy, host, sizeof(host));
    auto_text struct text text = {0};
    proc_unix_rename(copy, &text);
    assert_string_equal(text.data, host);
}

static void test_sockstat_hides_the_host(void **state)
{
    (void)state;
    host_file =
        "sockets: used 2\nTCP: inuse 1 orphan 3 tw 4 alloc 55 mem 66\nUDP: inuse 0 mem 77\nFRAG: inuse 0 memory 88\n";
    const struct synth_entry *entry = proc_net_table;
    while (strcmp(entry->path, "net/sockstat") != 0)
        entry++;
    const struct synth_source source = {.entry = entry};
    auto_text struct text text = {0};
    assert_int_equal(entry->generate(&source, &text), 0);
    assert_string_equal(text.data, "sockets: used 2\nTCP: inuse 1 orphan 0 tw 4 alloc 0 mem 0\nUDP: inuse 0 mem 0\n"
                                   "FRAG: inuse 0 memory 0\n");
}

static void test_interfaces(void **state)
{
    (void)state;
    static const char dev[] = "Inter-|   Receive                                                |  Transmit\n"
                              " face |bytes    packets errs drop fifo frame compressed multicast|bytes\n"
                              "    lo:     100       2    0    0    0     0          0         0      100       2    0 "
                              "   0    0     0       0          0\n"
                              "verylongname0:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
                              "a name that is far too long to be one: 1\n";
    char copy[sizeof(dev)];
    struct interface interface;
    memcpy(copy, dev, sizeof(dev));
    assert_true(interface_parse(copy, 0, &interface));
    assert_string_equal(interface.name, "lo");
    assert_int_equal(interface.counters[0], 100);
    memcpy(copy, dev, sizeof(dev));
    assert_true(interface_parse(copy, 1, &interface));
    assert_string_equal(interface.name, "verylongname0");
    assert_int_equal(interface.counters[8], 9);
    assert_int_equal(interface.counters[15], 16);
    memcpy(copy, dev, sizeof(dev));
    assert_false(interface_parse(copy, 2, &interface));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unix_shows_the_guests_names),
        cmocka_unit_test(test_unix_of_hostile_names),
        cmocka_unit_test(test_sockstat_hides_the_host),
        cmocka_unit_test(test_interfaces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
