/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inodes: attributes by identity. Those of gofer files are in a hash by (mount, device, number), so that a descriptor
 * leads to its attributes without a name. Numbers are used again by the host, so type and time of birth belong to an
 * identity.
 */
#include "sentry/vfs/vfs_internal.h"

#include <stdlib.h>
#include <string.h>

static uint64_t identity_hash(const struct vfs *vfs, const struct statx *identity)
{
    uint64_t hash = vfs->seed ^ identity->stx_ino;
    hash = (hash ^ (hash >> 32)) * UINT64_C(0xd6e8feb86659fd93);
    hash ^= ((uint64_t)identity->stx_dev_major << 32) | identity->stx_dev_minor;
    hash ^= identity->stx_mnt_id << 20;
    hash = (hash ^ (hash >> 32)) * UINT64_C(0xd6e8feb86659fd93);
    return hash ^ (hash >> 32);
}

static struct inode **bucket_of(struct vfs *vfs, const struct statx *identity)
{
    return &vfs->inodes[identity_hash(vfs, identity) & (INODE_BUCKETS - 1)];
}

static bool same_key(const struct statx *one, const struct statx *other)
{
    return one->stx_ino == other->stx_ino && one->stx_mnt_id == other->stx_mnt_id &&
           one->stx_dev_major == other->stx_dev_major && one->stx_dev_minor == other->stx_dev_minor;
}

bool same_object(const struct statx *one, const struct statx *other)
{
    if (!same_key(one, other) || ((one->stx_mode ^ other->stx_mode) & S_IFMT) != 0)
        return false;
    if ((one->stx_mask & other->stx_mask & STATX_BTIME) == 0)
        return true;
    return one->stx_btime.tv_sec == other->stx_btime.tv_sec && one->stx_btime.tv_nsec == other->stx_btime.tv_nsec;
}

bool reborn_folder(const struct statx *known, const struct statx *found)
{
    return same_key(known, found) && S_ISDIR(known->stx_mode) && S_ISDIR(found->stx_mode);
}

struct inode *inode_new(const struct filesystem *filesystem, const struct statx *attributes)
{
    struct inode *inode = calloc(1, sizeof(*inode));
    if (inode == NULL)
        return NULL;
    inode->references = 1;
    inode->filesystem = filesystem;
    inode->attributes = *attributes;
    return inode;
}

struct inode *inode_get(struct inode *inode)
{
    inode->references++;
    return inode;
}

static void hash_add(struct vfs *vfs, struct inode *inode)
{
    struct inode **bucket = bucket_of(vfs, &inode->attributes);
    inode->hash_next = *bucket;
    inode->vfs = vfs;
    *bucket = inode;
}

static void hash_remove(struct inode *inode)
{
    if (inode->vfs == NULL)
        return;
    struct inode **link = bucket_of(inode->vfs, &inode->attributes);
    while (*link != inode)
        link = &(*link)->hash_next;
    *link = inode->hash_next;
    inode->hash_next = NULL;
    inode->vfs = NULL;
}

struct inode *inode_put(struct inode *inode)
{
    if (inode == NULL || --inode->references > 0)
        return NULL;
    inode_drop_handle(inode);
    hash_remove(inode);
    if (inode->filesystem->forget != NULL)
        inode->filesystem->forget(inode);
    free(inode->link_target);
    inode_forget_kept(inode);
    free(inode);
    return NULL;
}

struct inode *inode_cached(struct vfs *vfs, const struct statx *identity)
{
    struct inode *inode = *bucket_of(vfs, identity);
    while (inode != NULL && !same_object(&inode->attributes, identity))
        inode = inode->hash_next;
    return inode;
}

static bool bit_of(uint64_t bits[WRITTEN_BITS / 64], uint64_t hash, bool set)
{
    hash >>= 16;
    uint64_t *word = &bits[(hash & (WRITTEN_BITS - 1)) / 64];
    uint64_t bit = UINT64_C(1) << (hash & 63);
    if (set)
        *word |= bit;
    return (*word & bit) != 0;
}

/* One bit an identity, never cleared: an inode that comes back after it was evicted may still be open for writing. A
 * false hit costs a question to the gofer. */
static bool written_bit(struct vfs *vfs, const struct statx *identity, bool set)
{
    return bit_of(vfs->written, identity_hash(vfs, identity), set);
}

/* Files are one whatever mounts they are seen on. */
static bool executed_bit(struct vfs *vfs, const struct statx *attributes, bool set)
{
    struct statx identity = *attributes;
    identity.stx_mnt_id = 0;
    return bit_of(vfs->executed, identity_hash(vfs, &identity), set);
}

void vfs_note_executed(struct vfs *vfs, const struct statx *attributes)
{
    (void)executed_bit(vfs, attributes, true);
}

bool vfs_was_executed(struct vfs *vfs, const struct statx *attributes)
{
    return executed_bit(vfs, attributes, false);
}

void inode_changes(struct inode *inode)
{
    if (inode->vfs == NULL)
        return;
    inode->changed = ++inode->vfs->stamp;
    inode->fresh_until = 0;
    inode->ids_until = IDS_CHANGED;
    inode_forget_kept(inode);
}

void inode_changed_to(struct inode *inode, const struct statx *after, uint64_t began)
{
    const bool alone = inode->changed <= began;
    struct vfs *vfs = inode->vfs;
    inode_changes(inode);
    if (vfs != NULL && alone && after->stx_mask != 0 && same_object(&inode->attributes, after))
        inode_refresh(vfs, inode, after, vfs->stamp);
}

static bool same_time(const struct statx_timestamp *one, const struct statx_timestamp *other)
{
    return one->tv_sec == other->tv_sec && one->tv_nsec == other->tv_nsec;
}

static void refresh(struct vfs *vfs, struct inode *inode, const struct statx *attributes, uint64_t asked)
{
    /* An answer from before a change is as good as one from now for this call, which was made before too, and for no other. */
    int64_t until = inode->changed <= asked ? mount_until(vfs, attributes->stx_mnt_id) : vfs_now();
    mode_t mode = attributes->stx_mode;
    if (!same_time(&inode->attributes.stx_ctime, &attributes->stx_ctime))
        inode_forget_kept(inode);
    bool moves_by_itself = inode->opened_for_write || !(S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode));
    inode->attributes = *attributes;
    inode->ids_until = until;
    inode->fresh_until = moves_by_itself ? vfs_now() : until;
}

/* Times of change come from a clock that may stand still for a tick. */
static bool is_settled(const struct statx_timestamp *changed)
{
    enum { TICK_NS = 20000000 };
    return changed->tv_sec < INT64_MAX / 1000000000 && changed->tv_sec * 1000000000 + changed->tv_nsec + TICK_NS < vfs_wall();
}

void inode_refresh(struct vfs *vfs, struct inode *inode, const struct statx *attributes, uint64_t asked)
{
    refresh(vfs, inode, attributes, asked);
    inode->owner_as_of = attributes->stx_ctime;
    inode->owner_settled = is_settled(&attributes->stx_ctime);
}

bool inode_is_still(const struct inode *inode, const struct statx_timestamp *changed)
{
    return inode->owner_settled && same_time(&inode->owner_as_of, changed) && same_time(&inode->attributes.stx_ctime, changed);
}

static bool owner_is_known(const struct inode *inode, const struct statx *seen)
{
    return inode_ids_fresh(inode) || (inode->owner_settled && same_time(&inode->owner_as_of, &seen->stx_ctime));
}

bool inode_refresh_seen(struct vfs *vfs, struct inode *inode, const struct statx *seen, uint64_t asked)
{
    if (!same_object(seen, &inode->attributes) || !owner_is_known(inode, seen))
        return false;
    struct statx attributes = *seen;
    attributes.stx_uid = inode->attributes.stx_uid;
    attributes.stx_gid = inode->attributes.stx_gid;
    const bool unchanged = same_time(&inode->owner_as_of, &seen->stx_ctime);
    const int64_t ids_until = inode->ids_until;
    refresh(vfs, inode, &attributes, asked);
    if (!unchanged) { /* as good as what was known of the owner, and no better */
        inode->ids_until = ids_until;
        inode->fresh_until = inode->fresh_until < ids_until ? inode->fresh_until : ids_until;
    }
    return true;
}

struct inode *inode_obtain(struct vfs *vfs, const struct filesystem *filesystem, const struct statx *attributes, uint64_t asked)
{
    struct inode *inode = inode_cached(vfs, attributes);
    if (inode != NULL) {
        inode_refresh(vfs, inode, attributes, asked);
        return inode_get(inode);
    }
    inode = inode_new(filesystem, attributes);
    if (inode == NULL)
        return NULL;
    inode->opened_for_write = S_ISREG(attributes->stx_mode) && written_bit(vfs, attributes, false);
    inode_refresh(vfs, inode, attributes, asked);
    hash_add(vfs, inode);
    return inode;
}

void inode_adopt(struct vfs *vfs, struct inode *inode)
{
    const struct statx attributes = inode->attributes;
    inode_refresh(vfs, inode, &attributes, vfs->stamp);
    hash_add(vfs, inode);
}

void identity_written(struct vfs *vfs, const struct statx *identity)
{
    (void)written_bit(vfs, identity, true);
}

void inode_written(struct vfs *vfs, struct inode *inode)
{
    if (!S_ISREG(inode->attributes.stx_mode))
        return;
    inode->opened_for_write = true;
    inode->write_opens++;
    if (inode->fresh_until > vfs_now())
        inode->fresh_until = vfs_now();
    identity_written(vfs, &inode->attributes);
}

void inode_remember(struct vfs *vfs, struct inode *inode)
{
    struct inode **slot = &vfs->recent[vfs->recent_next++ % INODES_RECENT];
    inode_put(*slot);
    *slot = inode_get(inode);
}

bool inode_fresh(const struct inode *inode)
{
    return inode->fresh_until >= vfs_now();
}

bool inode_ids_fresh(const struct inode *inode)
{
    return inode->fresh_until >= vfs_now() || inode->ids_until >= vfs_now();
}
