/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of vfs/ share, and goferfs, which fills the caches. Everybody else uses vfs.h.
 *
 * Time: the clock of the caches (vfs_now) is read once a trapped call, by the thread that serves it. What a call has learnt stays
 * right until its end, even on a mount that caches nothing; so one walk request serves a whole path, and the getattr after
 * it.
 *
 * Order: the state lock is not held while the gofer works, so an answer may be older than what has been done meanwhile. Whoever
 * changes names in a folder locks the folder (names_lock); whoever looks a name up waits for that, and looks again if
 * something was changed while it looked. Attributes carry the time of their last change (inode->changed): an answer to an
 * earlier question is not kept.
 *
 * Memory: a dentry nobody uses waits on a list and is reused or, beyond a bound, freed, oldest first. Inodes live as
 * long as their dentries, and a little longer on a ring of recently used ones (files that have no name any more).
 */
#ifndef SENTRY_VFS_VFS_INTERNAL_H
#define SENTRY_VFS_VFS_INTERNAL_H

#include "postern/boot.h"
#include "sentry/vfs/guest_mounts.h"
#include "sentry/vfs/vfs.h"

/* inode->ids_until: they were changed, and have not been asked for since. */
#define IDS_CHANGED INT64_MIN

enum {
    DENTRY_BUCKETS = 16384,
    INODE_BUCKETS = 8192,
    DENTRIES_UNUSED_MAX = 16384, /* on the list */
    DENTRIES_MAX = 65536,        /* in all: unused ones have parents */
    INODES_RECENT = 256,
    WRITTEN_BITS = 65536,
    HANDLES_MAX = 256,
    KERNEL_LARGEFILE = 0100000, /* glibc's O_LARGEFILE is 0 */
    MOUNTS_MAX = BOOT_MOUNTS_MAX + 256,
};

#define TTL_FOREVER INT64_MAX
#define TTL_SECOND  INT64_C(1000000000)

/* A mount the gofer has shown: those of the boot configuration, and those found below recursive binds. */
struct mount_entry {
    uint64_t id;
    const struct boot_mount *boot; /* NULL: found */
    int64_t ttl;
    unsigned int flags;
    bool flags_known;
    unsigned int added; /* restrictions of the guest's own */
};

/* handle.c */
struct handle {
    struct inode *inode; /* borrowed; NULL: free, once nobody uses it */
    int fd;
    bool used;
    unsigned int users; /* who is in a call with fd */
};

struct vfs {
    struct sentry *sentry;
    struct dentry *root;
    int64_t last; /* CLOCK_MONOTONIC ns that was read last; never the same twice */
    uint64_t stamp; /* counts changes */
    uint64_t seed;

    struct dentry *dentries[DENTRY_BUCKETS];
    struct dentry lru; /* head of the ring: lru_next is the oldest */
    size_t unused_count, dentry_count;
    size_t unused_max, dentry_max; /* the bounds; smaller in tests */

    struct inode *inodes[INODE_BUCKETS];
    struct inode *recent[INODES_RECENT];
    size_t recent_next;
    uint64_t executed[WRITTEN_BITS / 64]; /* numbers of files (hashed) that were executed, ever */
    uint64_t written[WRITTEN_BITS / 64]; /* identities (hashed) that were opened for writing, ever */

    struct nameless *nameless; /* nameless.c */

    struct handle handles[HANDLES_MAX];
    size_t next_handle;

    bool tree_locked;    /* names_lock_tree */
    const void *holding; /* the thread others wait for before they change names (vfs_hold_names); NULL: none */
    struct mount_entry mounts[MOUNTS_MAX];
    size_t mount_count;
    unsigned int boot_added[BOOT_MOUNTS_MAX]; /* the same for mounts of ours, by their place in the configuration */
    struct guest_table guests;

    bool hidden_known; /* the gofer's hidden tmpfs, once a directory of it was seen */
    struct statx hidden;
};

/* vfs.c: a tree with this root inode (reference taken over); what vfs_new does once it has one. */
struct vfs *vfs_create(struct sentry *sentry, struct inode *root);
/* Takes the clock of a call for the calling thread's; reads it if the call has none yet. */
void vfs_tick_for_call(struct vfs *vfs, struct call *call);
/* What vfs_tick read last in this thread. */
int64_t vfs_now(void);
/* CLOCK_REALTIME in ns, not later than the call's last look at the clock. */
int64_t vfs_wall(void);
void vfs_now_set(int64_t now);
/* vfs->stamp at that time: what was changed later was changed while this thread's call was being served. */
uint64_t vfs_began(void);

/* dentry.c */
struct dentry *dentry_cached(struct vfs *vfs, const struct dentry *directory, const char *name); /* borrowed, any age */
bool dentry_valid(const struct dentry *dentry);
/* Records what `name` is: an inode (reference taken over) or, with NULL, that it does not exist. Borrowed result: good
 * until the next dentry_put; NULL if memory is out. A pinned dentry stays what it is. */
struct dentry *dentry_settle(struct vfs *vfs, struct dentry *directory, const char *name, struct inode *inode,
                             int64_t valid_until);
void dentry_place(struct dentry *dentry, struct dentry *directory, char *name); /* moves; name is taken over */
void dentry_kill(struct dentry *dentry);                                        /* its name is gone */
void dentry_swap_inode(struct dentry *dentry, struct inode *inode);             /* reference taken over */
/* A dentry outside the tree, for a directory that is open but gone. Owned; the inode's reference is taken over. */
struct dentry *dentry_detached(struct vfs *vfs, struct dentry *parent, const char *name, struct inode *inode);
bool dentry_gone(const struct dentry *dentry); /* it, or a directory above it, is deleted */
bool dentry_is_directory(const struct dentry *dentry);
bool dentry_is_below(const struct dentry *dentry, const struct dentry *above); /* in one tree: it is that, or below it */
bool dentry_is_at(const struct dentry *dentry, const struct dentry *directory, const char *name);
/* Views: of what a mount shows, and of something in a folder that is one. Owned; NULL if memory is out. */
struct dentry *dentry_view_root(struct guest_mount *guest, struct dentry *real);
struct dentry *dentry_view(struct dentry *directory, struct dentry *real);
void view_refresh(struct dentry *view); /* its inode is the real one's */
void views_forget(struct dentry *view); /* those below it that nobody uses, and the names of those that are */

/* view.c */
extern const struct filesystem viewfs;
/* The folder a place is in, through the mount points it is at; `top`, which nothing is above, and what has nothing above it itself. Owned. NULL: it has
 * been moved out of what its mount shows. */
struct dentry *dentry_up(struct vfs *vfs, struct dentry *dentry, const struct dentry *top);
/* The view of a real dentry through a mount that is attached; NULL if it does not show it. Owned. */
struct dentry *view_of(struct guest_mount *guest, struct dentry *real);
struct dentry *view_below(struct dentry *root, struct dentry *real); /* the same from the root of one that may be detached */

/* guest_mounts.c */
struct guest_mount *guest_mount_enter(struct guest_mount *mount);
void guest_mount_leave(struct guest_mount *mount); /* accepts NULL */
bool guest_mount_attached(const struct guest_mount *mount);
/* What is mounted on it, and on that. Takes the reference over. */
struct dentry *guest_mounts_cross(struct vfs *vfs, struct dentry *owned);

/* guest_place.c */
enum { MARK_NONE_LEFT = 64 };
unsigned char guest_mount_mark(struct guest_mount *mount); /* guest_mounts.c */
unsigned int vfs_mark_of(const struct vfs *vfs, int fd, mode_t mode, bool named); /* named: on some mount of the gofer's */
/* Where somebody with this root has what a descriptor with this mark leads to. real is taken over. NULL: nowhere. */
struct dentry *guest_place(struct vfs *vfs, const struct dentry *root, unsigned int mark, struct dentry *real);
/* What a descriptor's path is for somebody with this root (NULL: all); path: the host's. -ENOENT: no mount of the guest's has to do with it. */
int guest_place_describe(const struct vfs *vfs, const struct dentry *root, unsigned int mark, const char *path, char *buffer, size_t size);
unsigned int guest_mark_flags(const struct vfs *vfs, unsigned int mark);

/* storage.c: where the files of a tmpfs of the guest's are. */
struct guest_storage {
    struct guest_storage *next;
    unsigned int references; /* mounts; each is kept by its views */
    bool sweeping;
    struct dentry *top; /* a reference */
};

/* inode.c */
bool same_object(const struct statx *one, const struct statx *other); /* mount, device, number, type, birth */
/* The same but for birth: an overlay that copies a folder up keeps its number and gives it a new time of birth. */
bool reborn_folder(const struct statx *known, const struct statx *found);
/* The inode of a gofer object, made or found by identity, its attributes refreshed. Owned; NULL if memory is out. */
struct inode *inode_obtain(struct vfs *vfs, const struct filesystem *filesystem, const struct statx *attributes,
                           uint64_t asked);
void inode_adopt(struct vfs *vfs, struct inode *inode); /* puts one made by inode_new into the hash */
struct inode *inode_cached(struct vfs *vfs, const struct statx *identity); /* borrowed, or NULL */
/* asked: vfs->stamp when the question was asked that this is the answer to. */
void inode_refresh(struct vfs *vfs, struct inode *inode, const struct statx *attributes, uint64_t asked);
/* The same with what we see ourselves, in whose view objects have no owner (ids are not mapped in our user namespace). Every change of owner changes
 * the time of change: where that is what it was when the gofer told the owner, he is still the owner. False: ask the gofer. */
bool inode_refresh_seen(struct vfs *vfs, struct inode *inode, const struct statx *seen, uint64_t asked);
/* Has it the time of change it had then, and will any change give it another? */
bool inode_is_still(const struct inode *inode, const struct statx_timestamp *changed);
void inode_changes(struct inode *inode); /* said before and after attributes are changed */
/* Said after a change of which the gofer told what it came to (stx_mask 0: it did not): `began` is vfs->stamp when it was asked for. If something
 * else was changed meanwhile nobody knows which of the two came last. */
void inode_changed_to(struct inode *inode, const struct statx *after, uint64_t began);
void inode_written(struct vfs *vfs, struct inode *inode);             /* opened for writing */
void identity_written(struct vfs *vfs, const struct statx *identity); /* the same for one not in the cache */
void inode_remember(struct vfs *vfs, struct inode *inode);
bool inode_fresh(const struct inode *inode);
bool inode_ids_fresh(const struct inode *inode); /* uid, gid and mode */

/* nsfs.c. "net:[4026531840]" */
enum { NSFS_NAME_MAX = 40 };
void nsfs_name(enum boot_namespace kind, uint64_t number, char name[NSFS_NAME_MAX]);
/* Is it a namespace? Then its number is the one the guest is shown, and its owner root, as for the kernel. */
bool nsfs_show(const struct boot_config *boot, struct statx *attributes);
/* If it is one of the guest's, which (of enum boot_namespace), -1 otherwise, and its name; attributes are the host's. */
int nsfs_kind(const struct boot_config *boot, const struct statx *attributes);
bool nsfs_describe(const struct boot_config *boot, const struct statx *attributes, char name[NSFS_NAME_MAX]);

/* nameless.c: puts what the guest has said of it into the attributes of an object without a name. */
void nameless_show(struct vfs *vfs, struct statx *attributes);

/* kept.c */
void inode_forget_kept(struct inode *inode);

/* permission.c: what vfs_permission comes to. The list is read only where it may matter: its size, or -ENODATA or -EOPNOTSUPP if
 * there is none. */
typedef ssize_t read_acl_fn(const void *of, void *value, size_t size);
int listed_permission(const struct vfs_who *who, const struct statx *attributes, int mask, read_acl_fn *read_list, const void *of);

/* handle.c: `fd` is the inode's, borrowed, anyhow open. */
void inode_keep_handle(struct vfs *vfs, struct inode *inode, int fd);
void inode_drop_handle(struct inode *inode);
bool inode_refresh_locally(struct vfs *vfs, struct inode *inode); /* false: ask the gofer */
/* A name in a folder, as we see it. -ENOSYS: there is no handle of the folder; other errors but -ENOENT may be ours alone. */
int inode_see_child(const struct inode *directory, const char *name, struct statx *ret_attributes);
int inode_open_locally(struct vfs *vfs, const struct inode *inode,
                       int flags); /* for reading; on any error ask the gofer */

/* attributes.c: names came, went or moved: size, links and times changed, owner and mode did not. */
void attributes_aged(struct dentry *dentry);

/* names.c: changes of names, one at a time in a folder. The lock is waited for without the state lock. */
void names_lock(struct dentry *directory);
void names_lock_two(struct dentry *one, struct dentry *other); /* may be the same */
void names_unlock(struct dentry *directory);
void names_unlock_two(struct dentry *one, struct dentry *other);
/* For whoever looks names up: waits until nobody changes them; then, have they changed since vfs->stamp was `asked`? */
void names_wait(const struct dentry *directory);
bool names_changed(const struct dentry *directory, uint64_t asked);
/* Said of a change the lock was not taken for. */
void names_note(struct dentry *directory);
/* Before the locks are taken to change something: waits as long as another thread holds names as they are. */
void names_begin(struct vfs *vfs);
/*
 * Have names been changed, or are they being changed, on the way from the root to a dentry since the call began? Then what the gofer
 * said of its path may be true of something else: the call is to be made again (-ESTALE). Never so at its last attempt.
 */
bool names_moved(const struct dentry *dentry);
/* Of a folder that changes its parent there is one at a time. */
void names_lock_tree(struct vfs *vfs);
void names_unlock_tree(struct vfs *vfs);

/* mounts.c */
void mounts_init(struct vfs *vfs);
const struct mount_entry *mount_entry_find(struct vfs *vfs, uint64_t mount_id);
struct mount_entry *mount_entry_learn(struct vfs *vfs, uint64_t mount_id);
bool mount_has_queues(struct vfs *vfs, uint64_t mount_id);
int64_t mount_until(struct vfs *vfs, uint64_t mount_id); /* until when what was learnt now is right */
bool below_readonly_path(const struct dentry *dentry);
int64_t names_until(const struct dentry *directory); /* the same for the names in a directory */

/* child.c */
/* Takes the next component off the path; what separates it from the rest stays in front of the rest. */
int next_name(const char **rest, char name[VFS_NAME_MAX + 1]);
/* vfs_child; `rest` is the path from the child on, for a filesystem that can look up all of it at once. */
int child_with_rest(struct vfs *vfs, struct dentry *directory, const char *name, const char *rest,
                    struct dentry **ret_dentry);
int vfs_find_now(struct vfs *vfs, const char *path, struct dentry **ret_dentry); /* without a new look at the clock */
int vfs_find_below(struct vfs *vfs, struct dentry *top, const char *path, struct dentry **ret_dentry); /* from there */
/* vfs_child, whatever the guest has mounted on it; and child_with_rest. */
int child_below_mounts(struct vfs *vfs, struct dentry *directory, const char *name, const char *rest, struct dentry **ret_dentry);

/* path.c: names of synthetic objects: '/' is written '!', and '!' and '%' as %21 and %25. */
#define SYNTHETIC_NAME_GONE "%gone" /* what no path is written as */
int synthetic_name(const struct dentry *dentry, char *buffer, size_t size);
int synthetic_path(const char *name, size_t length, char *buffer, size_t size); /* absolute */

/* synthetic.c: descriptor of a directory that is gone: empty, and leads nowhere. */
int vfs_gone_directory(struct vfs *vfs, uid_t user, int *ret_fd);

#endif
