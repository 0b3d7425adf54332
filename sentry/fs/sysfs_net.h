/* SPDX-License-Identifier: Apache-2.0 */
/* /sys/class/net: the guest's network interfaces, as far as its /proc/net/dev tells of them. */
#ifndef SENTRY_FS_SYSFS_NET_H
#define SENTRY_FS_SYSFS_NET_H

#include "sentry/fs/synthfs.h"

extern const struct synth_numbered sysfs_interfaces;

struct interface {
    char name[16];
    unsigned long long counters[16]; /* the columns of net/dev */
};

/* The `number`th interface of a net/dev text (taken apart). False if there are fewer. For tests. */
bool interface_parse(char *dev, int number, struct interface *ret_interface);

#endif
