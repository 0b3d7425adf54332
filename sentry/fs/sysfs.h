/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SENTRY_FS_SYSFS_H
#define SENTRY_FS_SYSFS_H

struct sentry;

/* A small /sys: CPUs, memory nodes, network interfaces, and the folders programs look for. */
int sysfs_mount(struct sentry *sentry, const char *path);

#endif
