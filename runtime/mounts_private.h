/* SPDX-License-Identifier: Apache-2.0 */
/* What runtime/mounts.c and runtime/mount_root.c share. */
#ifndef RUNTIME_MOUNTS_PRIVATE_H
#define RUNTIME_MOUNTS_PRIVATE_H

#include "runtime/mounts.h"

struct mount_attr;

/* mount_setattr(2) of a descriptor; flags: AT_RECURSIVE or 0. 0 or -errno. */
int mounts_set_attributes(int mount, unsigned int flags, const struct mount_attr *attributes);

/* One more entry of the tree, without a mount yet; NULL if there is no room. */
struct mount_entry *mounts_new_entry(struct mount_tree *tree, const char *destination, struct error *error);

/* Whatever is on a mount when it has just been put in its place is a piece of what it shows (layer_tiles.c). */
int mounts_note_tiles(struct mount_tree *tree, int mount);

#endif
