/* SPDX-License-Identifier: Apache-2.0 */
/* The container's root: how it is put together at the beginning, shown to hooks, and becomes the process's in the end. */
#ifndef RUNTIME_MOUNTS_MOUNT_ROOT_H
#define RUNTIME_MOUNTS_MOUNT_ROOT_H

struct error;
struct mount_tree;

/* In a fresh mount namespace: cuts the way back to the host's mounts, takes the root file system. 0 or -errno. */
int mounts_begin(struct mount_tree *tree, struct error *error);

/* Shows the root at its path in the host's tree, as hooks expect it, and hides it again; what is mounted below it there is mounted
 * in the container. */
int mounts_show(struct mount_tree *tree, struct error *error);
int mounts_hide(struct mount_tree *tree, struct error *error);

/* What had to stay writable until now becomes read-only; the process's root becomes the container's, nothing else is
 * left. */
int mounts_finish(struct mount_tree *tree, struct error *error);

#endif
