/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the guest has mounted itself, with the emulated CAP_SYS_ADMIN: one table for the container, as it has one mount namespace.
 *
 * The tree of real dentries (vfs.h) is what the bundle has mounted, and stays as it is. A mount of the guest's shows a part of it at another
 * place: what is seen through it are views (view.c), each a dentry that stands for a real one, its guest field saying by which
 * mount. All that is asked of a view's files is asked of the real one. So whatever a guest mounts, moves or takes away, the bundle's own
 * mounts, masks and flags hold as they did: they are the real tree's, and a mount can only add to them.
 *
 * Under the state lock. A mount is kept by its views, and by the table while it is attached.
 */
#ifndef SENTRY_VFS_GUEST_MOUNTS_H
#define SENTRY_VFS_GUEST_MOUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "sentry/vfs/vfs.h"

enum { GUEST_MOUNTS_MAX = 1024, GUEST_MOUNT_TEXT = 256 };

enum guest_propagation { GUEST_PRIVATE, GUEST_SHARED, GUEST_SLAVE, GUEST_UNBINDABLE };

struct guest_mount {
    unsigned int references;
    unsigned int views;
    struct guest_mount *next; /* in the table, in the order they were made */
    uint64_t id, copy_of;     /* copy_of: the id of the mount it was bound from; 0: none of the guest's */
    struct dentry *top;       /* real: what of the tree it shows */
    struct dentry *root;      /* the view of that; NULL once it is detached */
    struct dentry *covered;   /* what it lies on; NULL: detached, or the root of all */
    bool attached, expiring;
    unsigned char mark;       /* guest_place.c; 0: nothing has been opened by it yet */
    unsigned int flags;       /* MS_ flags of its own, those that are only shown (atime) too */
    enum guest_propagation propagation;
    unsigned int peer_group;
    struct guest_storage *storage; /* of a tmpfs, and of what is bound from it */
    char type[32], source[GUEST_MOUNT_TEXT], options[GUEST_MOUNT_TEXT], folder[GUEST_MOUNT_TEXT]; /* as /proc shows them */
};

struct guest_table {
    struct guest_mount *first;
    unsigned int count;
    uint64_t last_id;
    unsigned int last_group;
    struct dentry *root;         /* of the first namespace: the tree's own root, which stays, or a view, a reference */
    struct dentry *base_covered; /* what the bundle's root lies on since then, a reference; NULL: nothing */
    bool base_detached;
    enum guest_propagation base_propagation;
    struct guest_storage *storages; /* storage.c */
    uint64_t last_storage;
    struct guest_mount *marked[64]; /* by mark, borrowed; NULL: gone, or not given yet */
    unsigned char last_mark;
};

/* Is it the root of a mount (the bundle's as a whole is one)? What does that lie on: NULL if on nothing. */
bool is_mount_root(const struct dentry *dentry);
struct dentry *mount_root_covers(const struct dentry *root);

/* For /proc: the first that was made after the one with this id (0: of all), as the table may change while one waits; the bundle's root, and what it lies on since a pivot_root(2), or NULL. */
const struct guest_mount *guest_mounts_after(const struct vfs *vfs, uint64_t id);
const struct dentry *vfs_bundle_root(const struct vfs *vfs);
const struct dentry *vfs_bundle_covers(const struct vfs *vfs);

/* Mounts what `top` is (real) on `covered`, both references of the caller's, as `model` says; its texts and flags are taken. Owned by the
 * table; *ret_made (NULL: not wanted) is borrowed. */
int guest_mount_attach(struct vfs *vfs, const struct guest_mount *model, struct dentry *top, struct dentry *covered,
                       struct guest_mount **ret_made);
/* Mounts with a higher id are made later. */
uint64_t guest_mounts_last(const struct vfs *vfs);

/* What a bind shows: a place, and of a bundle's mount the flags it has. */
struct guest_source {
    struct dentry *place; /* a reference */
    unsigned int flags;
};
/* The source itself comes first; then, with `deep`, what the bundle has mounted below it, if it is on a bundle's mount. */
struct guest_sources {
    size_t count;
    struct guest_source all[];
};
/* May wait, for flags that have to be asked for; to bind does not. */
int guest_sources_find(struct vfs *vfs, struct dentry *source, bool deep, struct guest_sources **ret_sources);
struct guest_sources *guest_sources_free(struct guest_sources *sources); /* accepts NULL, returns NULL */
/* deep: with all that lies below. */
int guest_mount_bind(struct vfs *vfs, const struct guest_sources *sources, struct dentry *covered, bool deep, struct guest_mount **ret_made);
/* Is what it is seen by in the table still? */
bool guest_place_attached(const struct dentry *place);
/* The place itself, or what is mounted on it. Owned. */
struct dentry *guest_mounts_top(struct vfs *vfs, struct dentry *place);
enum guest_propagation guest_mount_propagation(const struct dentry *place);
void guest_mounts_propagate(struct vfs *vfs, struct dentry *root, enum guest_propagation propagation, bool deep);
/* A namespace of one's own is a tree of mounts that lies on nothing. sources: of the root of the present one, deep. Root and working directory of
 * the caller (borrowed) become those in the new one (owned). */
int guest_mounts_unshare(struct vfs *vfs, const struct guest_sources *sources, struct dentry **root, struct dentry **cwd);
/* Takes away the namespaces in which nobody is: is_used(root, data) says of each whether somebody is. */
void guest_namespaces_sweep(struct vfs *vfs, bool (*is_used)(const struct dentry *root, void *data), void *data);
/* What lies on nothing, above a place: borrowed. */
struct dentry *guest_namespace_root(const struct dentry *place);
/* Takes it and all that lies on it out of the table. root: of the mount. */
void guest_mount_detach(struct vfs *vfs, struct dentry *root);
/* Does something lie on it, or is it used by something else than the `mine` references of the caller's to its root? */
bool guest_mount_is_used(struct vfs *vfs, struct dentry *root, unsigned int mine);
/* Moves a mount to another place. */
void guest_mount_move(struct dentry *root, struct dentry *covered);
/* new_root becomes what lies on nothing; what did before, `before`, lies on `covered`. */
void guest_mounts_pivot(struct vfs *vfs, struct dentry *before, struct dentry *new_root, struct dentry *covered);

/* Is a place within a mount: its own, or one that lies on it somewhere? */
bool guest_mount_is_below(const struct dentry *place, const struct dentry *root);

/* Restrictions of a bundle's mount that the guest has added with MS_REMOUNT, by any dentry on it. -EPERM: the bundle's stay. */
/* statx(2) of what is seen through a mount of the guest's: which mount that is, and whether it is its root. */
void vfs_show_mount(const struct dentry *view, struct statx *attributes);
/* Is a real dentry the root of one of the bundle's mounts, or of a mask? */
bool vfs_is_bundle_root(const struct dentry *real);
int vfs_restrict_mount(struct vfs *vfs, const struct dentry *dentry, unsigned int flags);

#endif
