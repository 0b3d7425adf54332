/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the bundle's real mounts, through the gofer. Listing a directory is not among its operations: its
 * descriptors are the real ones, and the host lists them. */
#ifndef SENTRY_FS_GOFERFS_H
#define SENTRY_FS_GOFERFS_H

#include "sentry/vfs/vfs.h"

extern const struct filesystem goferfs;

/* Returns the error; the name is looked up again if it is one. */
int goferfs_doubt(struct dentry *dentry, int error);

#endif
