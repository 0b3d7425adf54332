/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's mounts, built in a mount namespace of our own. A mount is made detached, its place is opened once
 * beneath the root (runtime/mounts/rootfs.h), and the two are put together by descriptor.
 */
#ifndef RUNTIME_MOUNTS_MOUNTS_H
#define RUNTIME_MOUNTS_MOUNTS_H

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

/* In a fresh mount namespace: cuts the way back to the host's mounts, takes the root file system. 0 or -errno. */
int mounts_begin(struct mount_tree *tree, struct error *error);

/* Everything in config.mounts, in order. */
int mounts_add_all(struct mount_tree *tree, struct error *error);

/* maskedPaths and readonlyPaths of real mounts; those of synthetic ones are the sentry's business. */
int mounts_mask(struct mount_tree *tree, struct error *error);

/* Shows the root at its path in the host's tree, as hooks expect it, and hides it again; what is mounted below it there is mounted
 * in the container. */
int mounts_show(struct mount_tree *tree, struct error *error);
int mounts_hide(struct mount_tree *tree, struct error *error);

/* What had to stay writable until now becomes read-only; the process's root becomes the container's, nothing else is
 * left. */
int mounts_finish(struct mount_tree *tree, struct error *error);

/* The last entry whose destination is the given one, or NULL. */
const struct mount_entry *mounts_find(const struct mount_tree *tree, const char *destination);

/* Is a clean path in a tree the sentry makes up? */
bool mounts_is_synthetic(const struct mount_tree *tree, const char *path);

/* A new file system, mounted nowhere; options as in config.json ("mode=755,size=64k"), NULL: none. Descriptor or
 * -errno. */
int mounts_make(const char *type, const char *options, uint64_t attributes);

/* Lays a character device of the host's (an absolute path) over a file. 0 or -errno. */
int mounts_bind_device(const char *device, int place);

/* Copies a mount; flags as of open_tree(2). The descriptor of a detached one, or -errno. */
int mounts_clone(int at, const char *path, unsigned int flags);

/* Puts a detached mount at a place that is open. */
int mounts_attach(int mount, int place);

#endif
