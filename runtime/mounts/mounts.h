/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's mounts, built in a mount namespace of our own. A mount is made detached, its place is opened once
 * beneath the root (runtime/mounts/rootfs.h), and the two are put together by descriptor.
 */
#ifndef RUNTIME_MOUNTS_MOUNTS_H
#define RUNTIME_MOUNTS_MOUNTS_H

struct error;
struct mount_tree;

/* Everything in config.mounts, in order. */
int mounts_add_all(struct mount_tree *tree, struct error *error);

/* maskedPaths and readonlyPaths of real mounts; those of synthetic ones are the sentry's business. */
int mounts_mask(struct mount_tree *tree, struct error *error);

#endif
