/* SPDX-License-Identifier: Apache-2.0 */
/* The finished mounts as the sentry will show and use them. */
#ifndef RUNTIME_MOUNTS_MOUNT_REPORT_H
#define RUNTIME_MOUNTS_MOUNT_REPORT_H

#include <stddef.h>

struct boot_mount;
struct error;
struct mount_tree;

/* Behind mounts_finish: reads what the kernel says of this namespace and matches it with the configuration. Mounts that
 * came with a bind or with the root file system follow it. 0 or -errno. */
int mount_report(const struct mount_tree *tree, int procfs, struct boot_mount *ret_mounts, size_t max,
                 size_t *ret_count, struct error *error);

#endif
