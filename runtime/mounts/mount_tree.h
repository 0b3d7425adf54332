/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a container's mounts while they are made. */
#ifndef RUNTIME_MOUNTS_MOUNT_TREE_H
#define RUNTIME_MOUNTS_MOUNT_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "postern/boot.h"
#include "runtime/mounts/layer.h"
#include "runtime/mounts/mount_proc.h"

struct error;
struct oci_config;
struct user_namespace;

/* One line of config.mounts, and what became of it. */
struct mount_entry {
    char destination[BOOT_PATH_MAX]; /* clean, as configured */
    char type[32], source[256];      /* to be shown; of real mounts an empty type means: the file system's own */
    enum boot_mount_kind kind;
    int fd;              /* root of the mount; of a synthetic one the folder it covers, or -1 if there is none */
    unsigned long flags; /* MS_* as configured */
    uint64_t late;       /* MOUNT_ATTR_* to set when everything is in place */
    bool shared;         /* see boot_mount */
    bool storage;        /* of a procfs: what is there is a tmpfs for the guest's own mounts */
    bool foreign;        /* a bind: what is in it stays the host's */
    struct mount_proc proc;
};

enum { MOUNT_TILES_MAX = 1024 };

#define MOUNT_DEVPTS_SHARE "max=1024" /* an option no configuration asked for, and so is not shown */

struct mount_tree {
    const struct oci_config *config;
    const struct user_namespace *users; /* the container's ids */
    const char *bundle_path; /* as the host names it */
    int bundle;  /* borrowed */
    bool on_first_mount; /* root.path is on the mount of the host's root */
    char root_path[BOOT_PATH_MAX], real_root[BOOT_PATH_MAX]; /* root.path as the host names it, and without links; may be "" */
    int procfs;  /* borrowed; of the pid namespace we are in */
    int self;    /* mount of our own /proc/self/fd alone, detached */
    int scratch; /* a tmpfs of ours over the bundle's root folder: gone with the old root */
    int root;    /* root of the container, O_PATH */
    int shown;   /* between mounts_show and mounts_hide: the copy that hooks see */
    bool keeps_foreign; /* binds stay the host's (gofer/foreign.h) */
    struct layer layer;
    size_t tile_count;
    uint64_t tiles[MOUNT_TILES_MAX]; /* ids of mounts that are pieces of others, and of no interest by themselves */
    size_t count;
    struct mount_entry entries[BOOT_MOUNTS_MAX]; /* [0] is the root */
};

/* The last entry whose destination is the given one, or NULL. */
const struct mount_entry *mounts_find(const struct mount_tree *tree, const char *destination);

/* Is a clean path in a tree the sentry makes up? */
bool mounts_is_synthetic(const struct mount_tree *tree, const char *path);

/* Where a clean path of the host's is in the container, if it begins with root.path; else NULL. */
const char *mounts_path_inside(const struct mount_tree *tree, const char *path);

/* One more entry of the tree, without a mount yet; NULL if there is no room. */
struct mount_entry *mounts_new_entry(struct mount_tree *tree, const char *destination, struct error *error);

/* Whatever is on a mount when it has just been put in its place is a piece of what it shows (layer_tiles.c). */
int mounts_note_tiles(struct mount_tree *tree, int mount);

#endif
