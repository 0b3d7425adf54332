/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of mount lists, for its tests. */
#ifndef SENTRY_FS_PROC_MOUNTS_H
#define SENTRY_FS_PROC_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>

#include "postern/boot.h"
#include "sentry/fs/procfs_text.h"

/* Appends "rw" or "ro" and those options that are the mount's (mountinfo field 6), or those that are the filesystem's
 * (last field). */
void mount_options_split(const char *options, bool mount_part, struct text *text);

/* The rest of `path` for whoever has `root` as root; NULL if it is elsewhere. */
const char *mount_path_below(const char *path, const char *root);

/* Index of the mount that holds a path, of the first `count`: the last with the longest destination above it. */
size_t mount_holder(const struct boot_config *boot, const char *path, size_t count);

#endif
