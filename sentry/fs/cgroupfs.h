/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SENTRY_FS_CGROUPFS_H
#define SENTRY_FS_CGROUPFS_H

struct sentry;

/* What a read-only mount of the container's own cgroup (version 2) would show. */
int cgroupfs_mount(struct sentry *sentry, const char *path);

#endif
