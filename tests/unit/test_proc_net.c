/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
/* sources: sentry/fs/proc_net.c sentry/fs/sysfs_net.c sentry/fs/procfs_text.c */
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

static const char *host_file;

int proc_subject_read(const struct synth_source *source, const char *name, struct text *text)
{
    (void)source;
    (void)name;
    text_string(text, host_file);
    return 0;
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
        cmocka_unit_test(test_sockstat_hides_the_host),
        cmocka_unit_test(test_interfaces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
