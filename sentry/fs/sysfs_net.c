/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/fs/sysfs_net.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postern/cleanup.h"
#include "sentry/fs/procfs.h"
#include "sentry/sentry.h"

enum { INTERFACES_MAX = 256 };

/* "  eth0:  123  4 0 0 ..." */
static bool parse_line(const char *line, struct interface *interface)
{
    line += strspn(line, " ");
    size_t length = strcspn(line, ":");
    if (line[length] != ':' || length == 0 || length >= sizeof(interface->name))
        return false;
    memcpy(interface->name, line, length);
    interface->name[length] = '\0';
    char *rest = (char *)line + length + 1;
    for (size_t i = 0; i < sizeof(interface->counters) / sizeof(*interface->counters); i++)
        interface->counters[i] = strtoull(rest, &rest, 10);
    return true;
}

bool interface_parse(char *dev, int number, struct interface *ret_interface)
{
    int index = 0;
    for (char *line; (line = text_line(&dev)) != NULL;) {
        if (strchr(line, '|') != NULL || !parse_line(line, ret_interface))
            continue; /* the two lines of titles */
        if (index++ == number)
            return true;
    }
    return false;
}

/* The guest's first process is in the guest's network namespace, and there as long as the guest is. */
static bool read_interface(const struct synth_source *source, int number, struct interface *ret_interface)
{
    auto_text struct text dev = {0};
    return text_read_file(&dev, source->sentry->proc_inner, "1/net/dev", PROC_FILE_MAX) == 0 && dev.length > 0 &&
           interface_parse(dev.data, number, ret_interface);
}

static int list_interfaces(const struct synth_source *folder, int **ret_numbers, size_t *ret_count)
{
    int *numbers = malloc(INTERFACES_MAX * sizeof(int));
    if (numbers == NULL)
        return -ENOMEM;
    struct interface interface;
    size_t count = 0;
    while (count < INTERFACES_MAX && read_interface(folder, (int)count, &interface)) {
        numbers[count] = (int)count;
        count++;
    }
    *ret_numbers = numbers;
    *ret_count = count;
    return 0;
}

static bool interface_exists(const struct synth_source *folder, int number)
{
    struct interface interface;
    return read_interface(folder, number, &interface);
}

static struct synth_subject interface_subject(const struct synth_subject *folder, int number)
{
    (void)folder;
    return (struct synth_subject){.number = number};
}

static void interface_name(const struct synth_source *folder, int number, char *buffer, size_t size)
{
    struct interface interface = {0};
    (void)read_interface(folder, number, &interface);
    snprintf(buffer, size, "%s", interface.name);
}

static int interface_number(const struct synth_source *folder, const char *name)
{
    struct interface interface;
    for (int i = 0; i < INTERFACES_MAX && read_interface(folder, i, &interface); i++) {
        if (strcmp(interface.name, name) == 0)
            return i;
    }
    return -1;
}

/* --- files --- */

static bool is_loopback(const struct synth_source *source)
{
    struct interface interface;
    return read_interface(source, source->subject.number, &interface) && strcmp(interface.name, "lo") == 0;
}

/* The argument holds two values: the loopback's and everybody else's, by a line each. */
static int by_kind_text(const struct synth_source *source, struct text *text)
{
    const char *values = source->entry->argument;
    size_t first = strcspn(values, "\n") + 1;
    if (is_loopback(source))
        text_append(text, values, first);
    else
        text_string(text, values + first);
    return 0;
}

static int index_text(const struct synth_source *source, struct text *text)
{
    text_printf(text, "%d\n", source->subject.number + 1);
    return 0;
}

/* The argument is the column of net/dev. */
static int counter_text(const struct synth_source *source, struct text *text)
{
    struct interface interface;
    if (!read_interface(source, source->subject.number, &interface))
        return -ENODEV;
    text_printf(text, "%llu\n", interface.counters[atoi(source->entry->argument)]);
    return 0;
}

#define BY_KIND(path_, loopback, others)                                                                               \
    SYNTH_FILE(path_, 0444, SYNTH_SNAPSHOT, .generate = by_kind_text, .argument = loopback "\n" others "\n")
#define COUNTER(path_, column)                                                                                         \
    SYNTH_FILE("statistics/" path_, 0444, SYNTH_LIVE, .generate = counter_text, .argument = (column))

static const struct synth_entry interface_table[] = {
    SYNTH_DIR(""),
    SYNTH_TEXT("addr_len", 0444, "6\n"),
    SYNTH_TEXT("address", 0444, "00:00:00:00:00:00\n"),
    BY_KIND("broadcast", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"),
    SYNTH_TEXT("carrier", 0444, "1\n"),
    SYNTH_TEXT("dormant", 0444, "0\n"),
    BY_KIND("flags", "0x9", "0x1003"),
    SYNTH_FILE("ifindex", 0444, SYNTH_SNAPSHOT, .generate = index_text),
    SYNTH_FILE("iflink", 0444, SYNTH_SNAPSHOT, .generate = index_text),
    SYNTH_TEXT("link_mode", 0444, "0\n"),
    BY_KIND("mtu", "65536", "1500"),
    BY_KIND("operstate", "unknown", "up"),
    COUNTER("collisions", "13"),
    COUNTER("multicast", "7"),
    COUNTER("rx_bytes", "0"),
    COUNTER("rx_dropped", "3"),
    COUNTER("rx_errors", "2"),
    COUNTER("rx_packets", "1"),
    COUNTER("tx_bytes", "8"),
    COUNTER("tx_dropped", "11"),
    COUNTER("tx_errors", "10"),
    COUNTER("tx_packets", "9"),
    SYNTH_TEXT("tx_queue_len", 0444, "1000\n"),
    BY_KIND("type", "772", "1"),
    {0},
};
static struct synth_tree interface_tree = {.tables = {interface_table}};

const struct synth_numbered sysfs_interfaces = {
    .tree = &interface_tree,
    .list = list_interfaces,
    .exists = interface_exists,
    .subject = interface_subject,
    .name = interface_name,
    .number = interface_number,
};
