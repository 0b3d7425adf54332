/* SPDX-License-Identifier: Apache-2.0 */
/* Folders for the guest's own tmpfs mounts. */
#ifndef SENTRY_VFS_STORAGE_H
#define SENTRY_VFS_STORAGE_H

#include "sentry/vfs/vfs.h"

struct guest_storage;

/* A new one with one reference. Asks the gofer. -ENODEV: there is no place for it. */
int guest_storage_make(struct vfs *vfs, mode_t mode, uid_t uid, gid_t gid, struct guest_storage **ret_storage);
void guest_storage_drop(struct guest_storage *storage); /* a reference */
struct dentry *guest_storage_top(const struct guest_storage *storage); /* real, borrowed */
/* Is a file in one? Then the host's path leads to it from here and not from the tree's root. */
bool guest_storage_holds(const struct vfs *vfs, const struct statx *attributes);
int guest_storage_find(struct vfs *vfs, const char *path, struct dentry **ret_dentry);
/* Empties and removes those that nobody uses. Asks the gofer. */
void guest_storage_sweep(struct vfs *vfs);

#endif
