/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths inside a container's root, which whoever wrote the image chose with care. Every function resolves beneath
 * `root` with openat2(RESOLVE_IN_ROOT) and gives a descriptor; nothing is ever looked up twice by name. The umask is
 * the caller's to clear.
 */
#ifndef RUNTIME_MOUNTS_ROOTFS_H
#define RUNTIME_MOUNTS_ROOTFS_H

#include <stdbool.h>
#include <stddef.h>

/* Puts an absolute path into its shortest form without looking at any file: no "//", ".", "..". -ENAMETOOLONG, -EINVAL
 * if it is not absolute. */
int rootfs_clean_path(const char *path, char *clean, size_t size);

/* Is `path` (clean) the same as or below `folder` (clean)? */
bool rootfs_is_below(const char *path, const char *folder);

/* Opens an absolute path; symbolic links are followed inside the root unless flags has O_NOFOLLOW. Descriptor or
 * -errno. */
int rootfs_open(int root, const char *path, int flags);

/* The folder at a path, O_PATH, made with all folders on the way (0755) where missing. Links that lead to nothing yet
 * are followed and what they name is made. Descriptor or -errno. */
int rootfs_make_folder(int root, const char *path);

/* The folder of a path's last name, made if missing; *ret_name points into `path` (clean, not "/"). Descriptor or
 * -errno. */
int rootfs_make_parent(int root, const char *path, const char **ret_name);

/* The file at a path, made empty (0644) where missing. Descriptor or -errno. */
int rootfs_make_file(int root, const char *path);

#endif
