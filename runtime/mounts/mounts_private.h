/* SPDX-License-Identifier: Apache-2.0 */
/* What runtime/mounts/mounts.c, mount_bind.c and mount_root.c share. */
#ifndef RUNTIME_MOUNTS_MOUNTS_PRIVATE_H
#define RUNTIME_MOUNTS_MOUNTS_PRIVATE_H

#include "runtime/mounts/mounts.h"

struct mount_attr;

/* A file system's option the kernel did not take, without its value: whoever wrote the configuration looks for it. */
enum { MOUNT_REFUSED_MAX = 64 };

/* mounts_make, which says so. */
int mounts_make_telling(const char *type, const char *options, uint64_t attributes, char refused[MOUNT_REFUSED_MAX]);

/* mount_setattr(2) of a descriptor; flags: AT_RECURSIVE or 0. 0 or -errno. */
int mounts_set_attributes(int mount, unsigned int flags, const struct mount_attr *attributes);

/* MS_* as MOUNT_ATTR_*; only what belongs to a mount, not to its file system. */
uint64_t mounts_attributes(unsigned long flags);

/* Where a clean path of the host's is in the container, if it begins with root.path; else NULL. */
const char *mounts_path_inside(const struct mount_tree *tree, const char *path);

/* One more entry of the tree, without a mount yet; NULL if there is no room. */
struct mount_entry *mounts_new_entry(struct mount_tree *tree, const char *destination, struct error *error);

/* Whatever is on a mount when it has just been put in its place is a piece of what it shows (layer_tiles.c). */
int mounts_note_tiles(struct mount_tree *tree, int mount);

#endif
