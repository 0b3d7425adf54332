/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SENTRY_VFS_OBJECT_PRIVATE_H
#define SENTRY_VFS_OBJECT_PRIVATE_H

#include "sentry/vfs/vfs.h"

enum { OBJECT_PATH_MAX = VFS_PATH_MAX + 32 };

/* Whose it is, from what statx says of our copy of the descriptor. */
enum object_kind object_classify(struct vfs *vfs, const struct statx *attributes);

/* The name of a file or synthetic object in the tree, absolute; the kernel's " (deleted)" behind that of a file. */
int object_path(struct sentry *sentry, int fd, enum object_kind kind, const struct statx *attributes, char *buffer,
                size_t size);

#endif
