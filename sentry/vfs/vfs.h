/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtual file system: one tree of dentries over several filesystems, path resolution
 * (path_resolution(7)) and permission checks against emulated credentials.
 *
 * Under the state lock, which is let go of while the gofer is asked: a dentry or inode is good across that only for whoever holds a
 * reference to it, and dentry->inode may be another afterwards. A dentry holds its parent and its inode.
 * The attribute carrier everywhere is struct statx.
 */
#ifndef SENTRY_VFS_VFS_H
#define SENTRY_VFS_VFS_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/types.h>

struct boot_mount;
struct call;
struct context;
struct cred;
struct dentry;
struct guest_mount;
struct inode;
struct process_table;
struct sentry;
struct task;
struct vfs;

enum {
    VFS_PATH_MAX = 4096,
    VFS_NAME_MAX = 255,
    VFS_LINKS_MAX = 40,
};

/* Who asks: borrowed from the task for one call. */
struct vfs_who {
    struct sentry *sentry;
    struct task *task;
    const struct cred *cred;
    struct dentry *root, *cwd;
    mode_t umask;
};
void vfs_who_from_call(struct call *call, struct vfs_who *ret_who);

/* As whom a file is changed by somebody who has not all power over others' files: whose it is was judged here, and the kernel judges it
 * once more, as it may have become another's while the change was on its way. */
struct actor {
    unsigned int lacks; /* ACTOR_LACKS_ bits; 0: nobody in particular */
    uid_t uid;
    gid_t gid; /* of those he is in the one that matters */
};
enum { ACTOR_LACKS_CHOWN = 1, ACTOR_LACKS_FOWNER = 2, ACTOR_LACKS_FSETID = 4 };
/* group: the one the change has to do with. */
struct actor actor_of(const struct cred *cred, gid_t group);

struct setattr {
    unsigned int valid; /* SETATTR_ bits */
    mode_t mode;
    uid_t uid;
    gid_t gid;
    int64_t size;
    struct timespec atime, mtime; /* tv_nsec may be UTIME_NOW or UTIME_OMIT */
    struct actor actor;
};
enum { SETATTR_MODE = 1, SETATTR_OWNER = 2, SETATTR_SIZE = 4, SETATTR_TIMES = 8 };

struct open_request {
    const struct vfs_who *who;
    int flags;   /* open(2) flags as the guest gave them, checked */
    mode_t mode; /* permission bits as the guest gave them: the filesystem applies who->umask (or a default ACL) */
    bool exec;   /* for execution: ETXTBSY if it is open for writing */
};

/* One entry given to a readdir callback. Non-zero return stops. */
typedef int (*readdir_fn)(void *data, const char *name, uint64_t ino, unsigned char d_type, int64_t next_offset);

/*
 * What a filesystem provides. NULL entries mean EPERM for changes, EINVAL/EOPNOTSUPP elsewhere, as vfs.c
 * documents. Every operation gets dentries whose inode is known (or, for creating ones, the parent's dentry and a
 * valid name: no '/', not "." or "..", 1 to 255 bytes). Permission has been checked by the caller. A filesystem that
 * changed something keeps the caches right itself (vfs_entry_*, vfs_invalidate_attributes); saying it twice does no harm.
 * Modes given to mkdir and mknod are not yet masked: the filesystem applies who->umask.
 */
struct filesystem {
    const char *name;
    /* Looks a name up. Returns 0 with *ret_inode owned, or -ENOENT, ... */
    int (*lookup)(struct vfs *vfs, struct dentry *directory, const char *name, struct inode **ret_inode);
    /* Optional: resolves many components at once, adding dentries below `directory`; purely a fill of the cache. */
    void (*prefetch)(struct vfs *vfs, struct dentry *directory, const char *rest);
    /* Optional: is nothing known of a name, and would it take a hop to learn it? Then making it tells, by EEXIST before any other error. */
    bool (*unknown)(struct vfs *vfs, struct dentry *directory, const char *name);
    /* Optional: brings the attributes of a dentry's inode up to date without a hop, if that can be done. */
    bool (*refresh)(struct vfs *vfs, struct dentry *dentry);
    /* Fills in the attributes. For files whose inode says it is fresh, vfs does not ask. */
    int (*getattr)(struct vfs *vfs, struct dentry *dentry, struct statx *ret_attributes);
    int (*setattr)(struct vfs *vfs, struct dentry *dentry, const struct vfs_who *who, const struct setattr *set);
    /* Target of a symbolic link as a string, at most size-1 bytes. Returns its length. */
    ssize_t (*readlink)(struct vfs *vfs, struct dentry *dentry, const struct vfs_who *who, char *buffer, size_t size);
    /* A magic link (proc/self/fd/3, exe, cwd, root) leads straight to an object: returns 0 with either *ret_dentry
     * owned, or, for objects that have no dentry, *ret_fd owned (an open descriptor of the object); -ENOSYS if this link is an ordinary one. */
    int (*follow)(struct vfs *vfs, struct dentry *dentry, const struct vfs_who *who, struct dentry **ret_dentry, int *ret_fd);
    /* Opens; *ret_fd is a descriptor to inject (owned by the caller). O_CREAT is never seen here. */
    int (*open)(struct vfs *vfs, struct dentry *dentry, const struct open_request *request, int *ret_fd);
    /* Creates and opens in one step (O_CREAT on a missing name); -EEXIST if it has come to exist. */
    int (*create)(struct vfs *vfs, struct dentry *directory, const char *name, const struct open_request *request,
                  int *ret_fd);
    int (*mkdir)(struct vfs *vfs, struct dentry *directory, const char *name, mode_t mode, const struct vfs_who *who);
    int (*mknod)(struct vfs *vfs, struct dentry *directory, const char *name, mode_t mode, dev_t dev, const struct vfs_who *who);
    int (*symlink)(struct vfs *vfs, struct dentry *directory, const char *name, const char *target, const struct vfs_who *who);
    int (*link)(struct vfs *vfs, struct dentry *source, struct dentry *directory, const char *name, const struct vfs_who *who);
    int (*unlink)(struct vfs *vfs, struct dentry *victim);
    int (*rmdir)(struct vfs *vfs, struct dentry *victim);
    /* new_name's dentry may exist (replaced or exchanged by flags, rename(2)). */
    int (*rename)(struct vfs *vfs, struct dentry *source, struct dentry *directory, const char *name, unsigned int flags,
                  const struct vfs_who *who); /* who: whose is the node that RENAME_WHITEOUT leaves */
    int (*readdir)(struct vfs *vfs, struct dentry *directory, const struct vfs_who *who, int64_t offset, readdir_fn emit, void *data);
    int (*statfs)(struct vfs *vfs, struct dentry *dentry, struct statfs *ret_statfs);
    ssize_t (*getxattr)(struct vfs *vfs, struct dentry *dentry, const char *name, void *value, size_t size);
    int (*setxattr)(struct vfs *vfs, struct dentry *dentry, const struct vfs_who *who, const char *name, const void *value, size_t size,
                    int flags);
    ssize_t (*listxattr)(struct vfs *vfs, struct dentry *dentry, char *list, size_t size);
    int (*removexattr)(struct vfs *vfs, struct dentry *dentry, const struct vfs_who *who, const char *name);
    /* Optional: 0, or -errno if it keeps a directory from somebody whatever owner and mode say; looks: he asks for its attributes. */
    int (*hides)(const struct dentry *dentry, const struct vfs_who *who, bool looks);
    /* Optional: whether it grants what owner, mode and capabilities refuse. */
    bool (*grants)(const struct dentry *dentry, const struct vfs_who *who);
    /* Last reference to an inode is gone: free inode->private. */
    void (*forget)(struct inode *inode);
};

/* Extended attributes that decide who may do what. */
enum kept { KEPT_ACL, KEPT_CAPABILITIES, KEPT_COUNT };
struct kept_xattr {
    void *value;
    ssize_t size;  /* of value; negative: why there is none */
    int64_t until; /* like fresh_until */
    bool settled;  /* it is right as long as the inode's time of change is the same */
};

struct inode {
    unsigned int references;
    const struct filesystem *filesystem;
    struct statx attributes; /* mode's type bits, stx_ino, stx_dev_* and stx_mnt_id are always right */
    int64_t fresh_until;     /* CLOCK_MONOTONIC ns until which the rest is right; INT64_MAX: for ever */
    bool opened_for_write;   /* size and times may change without our knowing */
    unsigned int write_opens; /* how often that was since it is known */
    char *link_target;       /* cached target of a symbolic link, or NULL */
    void *private;           /* the filesystem's */
    struct inode *hash_next;
    struct dentry *alias;    /* directories: the one dentry, borrowed; NULL if none */
    int64_t ids_until;       /* like fresh_until, for uid and gid alone: writing to a file does not change them */
    struct vfs *vfs;         /* whose inode hash it is in; NULL: none */
    unsigned int handle;     /* vfs/handle.c; 0: none */
    struct kept_xattr kept[KEPT_COUNT]; /* vfs/kept.c */
    uint64_t changed; /* vfs->stamp when attributes were last changed */
    struct statx_timestamp owner_as_of; /* the time of change that came with the owner */
    bool owner_settled;       /* a later change has another time: it was in the past when it was asked for */
    unsigned char held_wanted; /* how often a handle would have spared a hop */
    struct {
        int64_t since; /* CLOCK_MONOTONIC, ns */
        int64_t next;  /* where the gofer's list of it goes on; -1: all of it was listed */
        unsigned int found;
    } gone_through; /* folders: names that were found one by one since then (fs/goferfs_list.c) */
};

struct dentry {
    unsigned int references;
    struct dentry *parent; /* the root is its own parent */
    char *name;
    struct inode *inode;   /* NULL: known not to exist */
    const struct filesystem *filesystem; /* of the inode, or of the parent if negative */
    int64_t valid_until;   /* CLOCK_MONOTONIC ns; then the name is looked up again */
    bool pinned;           /* a mount point or mask of ours: never looked up, never evicted, not removable (EBUSY) */
    bool deleted;          /* unlinked while in use: getcwd says ENOENT */
    bool readonly;         /* root of a readonlyPaths subtree (vfs_pin_readonly): changes below fail with EROFS */
    struct dentry *hash_next, *children, *sibling_next, *sibling_previous;
    struct dentry *lru_next, *lru_previous;
    struct vfs *vfs;
    const struct boot_mount *mount; /* pinned mount points: what is mounted there; else NULL */
    bool hashed, unused;
    struct dentry *real;         /* a view: what is shown at this place (vfs/view.c), a reference; else NULL */
    struct guest_mount *guest;   /* a view: by which mount of the guest's, a reference */
    unsigned int mount_points;   /* not of a view: mounts of the guest's that lie on it, by whatever view */
    char *prefix;                /* a tree's root, owned: where the gofer has it; NULL: at its own root */
    bool names_locked;      /* names in this folder are being changed: vfs/names.c */
    uint64_t names_changed; /* vfs->stamp when they last were; of one that is deleted, when it was */
};

struct vfs *vfs_new(struct sentry *sentry);
struct dentry *vfs_root(struct vfs *vfs); /* borrowed: what is mounted at "/" now */
struct dentry *dentry_get(struct dentry *dentry);
struct dentry *dentry_put(struct dentry *dentry); /* accepts NULL, returns NULL */
struct inode *inode_new(const struct filesystem *filesystem, const struct statx *attributes);
struct inode *inode_get(struct inode *inode);
struct inode *inode_put(struct inode *inode);

/* Pins a dentry at an absolute path (directories on the way must exist or are pinned too), for synthetic mounts and masks.
 * The inode's reference is taken over. */
int vfs_pin(struct vfs *vfs, const char *path, struct inode *inode);
/* readonlyPaths: the dentry at the path stays, and changes at and below it fail with EROFS. */
int vfs_pin_readonly(struct vfs *vfs, const char *path);

/* What a view shows; anything else itself. All that is known of names and files is known of that. */
static inline struct dentry *dentry_real(const struct dentry *dentry)
{
    return dentry->real != NULL ? dentry->real : (struct dentry *)dentry;
}
/* Do both stand for one object, seen through one mount? */
bool same_place(const struct dentry *one, const struct dentry *other);
/* Neither to be removed nor moved: a mount point, a mask, what is mounted somewhere. */
bool dentry_busy(const struct dentry *dentry);

/* The path from `root` (the guest's) down to the dentry; "(unreachable)" is prefixed where it is not below, and " (deleted)"
 * appended where it is gone. Returns the length or -ENAMETOOLONG. */
ssize_t dentry_path(const struct dentry *dentry, const struct dentry *root, char *buffer, size_t size);
/* From the tree's root, without the leading '/', for the gofer and for names of synthetic objects. "" for the root. */
ssize_t dentry_relative_path(const struct dentry *dentry, char *buffer, size_t size);

/* --- path resolution --- */
enum {
    LOOKUP_FOLLOW = 1,       /* follow a symbolic link in the last component */
    LOOKUP_DIRECTORY = 2,    /* it must be a directory */
    LOOKUP_PARENT = 8,       /* stop before the last component: see struct lookup */
    LOOKUP_NO_SYMLINKS = 16, /* openat2 RESOLVE_NO_SYMLINKS: ELOOP */
    LOOKUP_BENEATH = 32,     /* openat2 RESOLVE_BENEATH: EXDEV */
    LOOKUP_IN_ROOT = 64,     /* openat2 RESOLVE_IN_ROOT */
    LOOKUP_NO_MAGICLINKS = 128,
    LOOKUP_NO_XDEV = 256,
    LOOKUP_LAST = 512, /* with LOOKUP_PARENT: look the last component up too, see struct lookup */
    LOOKUP_NEW = 1024, /* with LOOKUP_LAST: not if it is to be made, may be, and making it tells as well whether it is there */
};

/*
 * LOOKUP_PARENT alone fills dentry (the parent), name, trailing_slash and last_dot.
 * LOOKUP_PARENT | LOOKUP_LAST (unlink, rename, open with O_CREAT | O_EXCL or O_NOFOLLOW) fills `last` too.
 * LOOKUP_PARENT | LOOKUP_LAST | LOOKUP_FOLLOW (open with O_CREAT) follows symbolic links in the last component first:
 * parent, name and last are those at the end of the chain. A magic link at its end leaves dentry NULL and name "",
 * and gives `last` or fd.
 */
struct lookup {
    struct dentry *dentry; /* found (owned); with LOOKUP_PARENT the parent */
    int fd;                /* instead, an object without a name (magic link): owned descriptor; else -1 */
    char name[VFS_NAME_MAX + 1]; /* LOOKUP_PARENT: the last component; "" when the path was "/" or ended in "." or ".." */
    bool trailing_slash;
    unsigned int last_dot; /* LOOKUP_PARENT: 1 for ".", 2 for "..", 3 for "/"; `dentry` is then the object itself */
    struct dentry *last;   /* LOOKUP_LAST: owned; its inode is NULL if the name is free. With last_dot: the object itself */
    bool presumed;         /* LOOKUP_NEW: nothing is known of the name, and `last` is NULL */
};
void lookup_release(struct lookup *lookup);
/* Is what was found last still what has that name in that folder? What is removed or moved must be: to be asked right before. */
bool lookup_holds(const struct lookup *lookup);

/* Resolves `path` for a guest, checking search permission on the way. base: dentry to start from if the path is relative (NULL: cwd).
 * A path longer than VFS_PATH_MAX-1 is the caller's mistake. */
int vfs_lookup(const struct vfs_who *who, struct dentry *base, const char *path, unsigned int flags, struct lookup *ret_lookup);

/* The child of a directory, no permission check; negative dentries are returned too (inode NULL). */
int vfs_child(struct vfs *vfs, struct dentry *directory, const char *name, struct dentry **ret_dentry);

/* Resolves a host-true path ("/usr/lib", no symbolic links) without permission checks. */
int vfs_find(struct vfs *vfs, const char *path, struct dentry **ret_dentry);

/* Target of a symbolic link (cached), as readlink(2) shows it: at most size bytes, no NUL. -EINVAL for anything else. */
ssize_t vfs_readlink(const struct vfs_who *who, struct dentry *dentry, char *buffer, size_t size);

/* --- mounts --- */
/* What is on this mount of the gofer's is a file: its owner is asked of the gofer. For objects that are reached past the tree. */
void vfs_learn_mount(struct vfs *vfs, uint64_t mount_id);
/* The mount a dentry is on; NULL for one the boot configuration does not name (below a recursive bind). */
const struct boot_mount *vfs_mount(struct vfs *vfs, const struct dentry *dentry);
unsigned int vfs_mount_flags(struct vfs *vfs, const struct dentry *dentry); /* as struct boot_mount has them */
int vfs_statfs(struct vfs *vfs, struct dentry *dentry, struct statfs *ret_statfs); /* with the mount's flags */
/* Before a change: 0, or -EROFS on a read-only mount or below a read-only path. (access(2): after vfs_permission.) */
int vfs_want_write(struct vfs *vfs, const struct dentry *dentry);
/* True if both are on one mount (link(2) and rename(2) say EXDEV otherwise). */
bool vfs_same_mount(struct vfs *vfs, const struct dentry *one, const struct dentry *other);

/* --- objects behind descriptors --- */
enum object_kind { OBJECT_FILE, OBJECT_SYNTHETIC, OBJECT_ANONYMOUS /* pipe, socket, memfd, eventfd, inherited */ };
struct object {
    int fd; /* our copy, owned */
    enum object_kind kind;
    struct statx attributes; /* statx of the descriptor, ids translated for anonymous objects */
    bool of_guest;           /* OBJECT_ANONYMOUS: made by the guest, not from outside and none of the kernel's own */
    unsigned int mark;       /* by which mount of the guest's it was opened (guest_place.c) */
    bool is_namespace;       /* OBJECT_ANONYMOUS: of /proc/PID/ns */
    struct dentry *dentry;   /* owned; always for directories, for others only when object_dentry() was called; may stay NULL */
};
int object_from_fd(struct call *call, int guest_fd, struct object *ret_object);
/* The same for a descriptor of ours (what a magic link led to), which is taken over even on failure. */
int object_from_own_fd(struct call *call, int fd, struct object *ret_object);
void object_release(struct object *object);
/* 0, or -EROFS: it was opened by a read-only mount of the guest's. For what has no dentry; others: vfs_want_write. */
int object_want_write(const struct vfs *vfs, const struct object *object);
/* The flags of the guest's mount by which a file we hold a descriptor of was opened. */
unsigned int vfs_opened_flags(const struct vfs *vfs, int fd);
/* What was opened anew has the mark of what it was opened by. */
void object_mark_copy(const struct object *object, int fd);
/* What has been opened by a dentry keeps by which mount that was. */
void vfs_mark_opened(const struct dentry *dentry, int fd);
/* The object was changed through its descriptor (fchmod, futimens, fsetxattr...): forget what was known of it. */
void object_changed(struct vfs *vfs, const struct object *object);
/* Changes attributes of a file by its descriptor, whatever its name is; judged by the caller. */
int object_set(struct vfs *vfs, const struct object *object, const struct setattr *set);
/* It was opened for writing past its filesystem (gofer_reopen): from now on it changes without our knowing. */
void object_written(struct vfs *vfs, const struct object *object);
/* Finds the dentry of a file object (by its path and identity); -ENOENT if it has no name any more. */
int object_dentry(struct call *call, struct object *object);
/* Attributes of a descriptor of ours, as an object's are. */
int object_attributes(struct vfs *vfs, const struct cred *cred, int fd, struct statx *ret_attributes);
/* Owner and mode, and extended attributes, of an object of the guest's without a name. Judged by the caller. */
int object_set_nameless(struct vfs *vfs, const struct cred *cred, const struct object *object, const struct setattr *set);
ssize_t object_getxattr_nameless(struct vfs *vfs, const struct object *object, const char *name, void *value, size_t size);
int object_setxattr_nameless(struct vfs *vfs, const struct cred *cred, const struct object *object, const char *name,
                             const void *value, size_t size, int flags);
ssize_t object_listxattr_nameless(struct vfs *vfs, const struct object *object, char *list, size_t size);
int object_removexattr_nameless(struct vfs *vfs, const struct object *object, const char *name);
/* What readlink(/proc/PID/fd/N) shows for a descriptor of ours that is a copy of a guest's: "pipe:[5]", "/tmp/x", "/tmp/x (deleted)". */
ssize_t object_describe(struct sentry *sentry, int fd, const struct dentry *root, char *buffer, size_t size);

/* --- permission (inode_permission of Linux) --- */
enum { MAY_EXEC = 1, MAY_WRITE = 2, MAY_READ = 4 };
/* What was judged is what the dentry leads to when it returns. */
int vfs_permission(const struct vfs_who *who, struct dentry *dentry, int mask);
/* Whether every user may search all folders a name leads through, as far as their modes are known: nothing is asked. */
bool vfs_is_in_the_open(const struct dentry *dentry);
/* The same on an object that is open, by any name or none. */
int object_permission(const struct vfs_who *who, const struct object *object, int mask);
/* By owner, mode and capabilities alone, for what has no ACL. */
int attributes_permission(const struct cred *cred, const struct statx *attributes, int mask);
/* Such an attribute, from the cache if it is there: its size, or -ENODATA, -EOPNOTSUPP, ... */
ssize_t vfs_deciding_xattr(struct vfs *vfs, struct dentry *dentry, enum kept which, void *value, size_t size);
/* May `who` remove or rename `victim` in `directory` (write, search, sticky bit)? */
int vfs_may_delete(const struct vfs_who *who, struct dentry *directory, struct dentry *victim);
/* May `cred` make this change (chmod, chown, utimes rules of setattr_prepare; truncation needs MAY_WRITE besides)? Adjusts
 * `set` as Linux does: set-id bits dropped by chown, setgid by a chmod outside the group. 0, -EPERM, or SETATTR_IF_WRITABLE
 * where write permission decides. */
enum { SETATTR_IF_WRITABLE = 1 };
int attributes_may_change(const struct cred *cred, const struct statx *attributes, struct setattr *set);
/* Brings inode->attributes up to date. The inode may be exchanged: read dentry->inode afterwards. */
int vfs_getattr(struct vfs *vfs, struct dentry *dentry);
int vfs_get_owner(struct vfs *vfs, struct dentry *dentry); /* owner, group and mode alone: size and times may be older */

/* Before things are looked up for no call: the clock of the caches. */
void vfs_tick(struct vfs *vfs);

/*
 * --- calls that are made again ---
 * What a call has looked up may be moved or replaced before it acts on it: -ESTALE, nothing has been done, and all of it is to be done
 * once more. Where names change all the time that might never end: then nobody else begins to change any until it has
 * been done.
 */
/* 0; -ENOENT if the dentry or a folder above it is deleted, -ESTALE if that was done while the call was being served. */
int vfs_gone(const struct dentry *dentry);
/* An error the gofer gave about the path of a dentry, or of something in it: -ESTALE if names that moved meanwhile may be the reason. */
int vfs_said(const struct dentry *dentry, int error);
/* At the end of each attempt. wait: until what disturbed it has been done. */
void vfs_attempt_end(bool wait);
void vfs_hold_names(struct vfs *vfs);
void vfs_release_names(struct vfs *vfs);
/* The calling thread takes things as they are from here on, or no longer does. */
void vfs_last_attempt(bool last);

/* --- after a change: the caches. For filesystems, and for handlers that had the gofer change something directly (bind of a
 * Unix socket). Each may be called more than once. --- */
void vfs_invalidate_attributes(struct dentry *dentry);

/* Has the file ever been executed? By its number, whatever mount it is on; now and then true of one that has not. */
void vfs_note_executed(struct vfs *vfs, const struct statx *attributes);
bool vfs_was_executed(struct vfs *vfs, const struct statx *attributes);
void vfs_entry_added(struct dentry *directory, const char *name);   /* a name came to exist */
void vfs_entry_removed(struct dentry *victim);                      /* it is gone */
void vfs_entry_moved(struct dentry *source, struct dentry *directory, const char *name, bool exchange);

/* --- for exec --- */
/* Opens a program for execution: must be a regular file, executable for who, not on a noexec mount. *ret_fd readable, owned; the
 * attributes are those of what was opened. -EACCES, -ETXTBSY, ... */
int vfs_open_exec(const struct vfs_who *who, struct dentry *dentry, int *ret_fd, struct statx *ret_attributes);
/* Does the name lead to this object still? */
bool vfs_leads_to(const struct dentry *dentry, const struct statx *attributes);
bool vfs_nosuid(struct vfs *vfs, const struct dentry *dentry);

/* --- for filesystems --- */
/* Descriptor of an empty directory that stands for a synthetic one: carries its path. Owned by the caller. user: who opens it. */
int vfs_synthetic_directory(struct vfs *vfs, struct dentry *dentry, uid_t user, int *ret_fd);
/* Sealed memory file with the content, named after the dentry, opened for reading. */
int vfs_synthetic_file(struct vfs *vfs, struct dentry *dentry, const void *content, size_t size, int *ret_fd);

#endif
