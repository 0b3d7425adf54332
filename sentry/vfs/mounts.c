/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts as the gofer's kernel numbers them: what may be cached on each, and their flags. */
#include "sentry/sentry.h"
#include "sentry/vfs/vfs_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

_Static_assert((int)MS_RDONLY == (int)ST_RDONLY && (int)MS_NOSUID == (int)ST_NOSUID && (int)MS_NODEV == (int)ST_NODEV &&
                   (int)MS_NOEXEC == (int)ST_NOEXEC,
               "statfs flags are mount flags");
/* Those that statfs has under the same number, and all. */
enum { STATFS_FLAGS = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, MOUNT_FLAGS = STATFS_FLAGS | BOOT_MOUNT_NOSYMFOLLOW };
enum { STATFS_NOSYMFOLLOW = 0x2000 };

/* On the root, others may work now and then (docker cp) unless we were told not; a tmpfs is the container's own; in
 * devpts and mqueue names come and go without a word to us. */
static int64_t ttl_of(const struct boot_config *boot, const struct boot_mount *mount)
{
    if (mount == &boot->mounts[0])
        return boot->rootfs_exclusive != 0 ? TTL_FOREVER : TTL_SECOND;
    if (mount->shared != 0 || strcmp(mount->type, "tmpfs") != 0)
        return 0;
    return TTL_FOREVER;
}

void mounts_init(struct vfs *vfs)
{
    const struct boot_config *boot = vfs->sentry->boot;
    for (uint32_t i = 0; i < boot->mount_count && i < BOOT_MOUNTS_MAX; i++) {
        const struct boot_mount *mount = &boot->mounts[i];
        if (mount->storage != 0)
            vfs->mounts[vfs->mount_count++] = (struct mount_entry){.id = mount->mount_id, .ttl = TTL_FOREVER, .flags_known = true};
        if (mount->kind != BOOT_MOUNT_REAL || mount->mount_id == 0)
            continue;
        vfs->mounts[vfs->mount_count++] = (struct mount_entry){
            .id = mount->mount_id,
            .boot = mount,
            .ttl = ttl_of(boot, mount),
            .flags = mount->flags & MOUNT_FLAGS,
            .flags_known = true,
        };
    }
}

static struct mount_entry *find(struct vfs *vfs, uint64_t mount_id)
{
    for (size_t i = 0; i < vfs->mount_count; i++) {
        if (vfs->mounts[i].id == mount_id)
            return &vfs->mounts[i];
    }
    return NULL;
}

const struct mount_entry *mount_entry_find(struct vfs *vfs, uint64_t mount_id)
{
    return find(vfs, mount_id);
}

/* The gofer sees no mounts but the container's: an id it names is one of them. NULL if there are too many to remember.
 */
struct mount_entry *mount_entry_learn(struct vfs *vfs, uint64_t mount_id)
{
    struct mount_entry *entry = find(vfs, mount_id);
    if (entry == NULL && mount_id != 0 && vfs->mount_count < MOUNTS_MAX) {
        entry = &vfs->mounts[vfs->mount_count++];
        *entry = (struct mount_entry){.id = mount_id};
    }
    return entry;
}

bool mount_has_queues(struct vfs *vfs, uint64_t mount_id)
{
    const struct mount_entry *entry = find(vfs, mount_id);
    return entry != NULL && entry->boot != NULL && strcmp(entry->boot->type, "mqueue") == 0;
}

void vfs_learn_mount(struct vfs *vfs, uint64_t mount_id)
{
    (void)mount_entry_learn(vfs, mount_id);
}

int64_t mount_until(struct vfs *vfs, uint64_t mount_id)
{
    const struct mount_entry *entry = mount_entry_learn(vfs, mount_id);
    if (entry == NULL)
        return vfs_now();
    return entry->ttl == TTL_FOREVER ? TTL_FOREVER : vfs_now() + entry->ttl;
}

int64_t names_until(const struct dentry *directory)
{
    if (directory->inode == NULL || directory->inode->vfs == NULL)
        return vfs_now();
    return mount_until(directory->vfs, directory->inode->attributes.stx_mnt_id);
}

/* The nearest thing upwards that says on which mount it is: a pinned mount point or a gofer's inode. Returns the
 * table's entry of a real mount. */
static struct mount_entry *entry_of(struct vfs *vfs, const struct dentry *dentry, const struct boot_mount **ret_boot)
{
    dentry = dentry_real(dentry);
    while (dentry->mount == NULL && (dentry->inode == NULL || dentry->inode->vfs == NULL) && dentry->parent != dentry)
        dentry = dentry->parent;
    *ret_boot = dentry->mount;
    if (dentry->mount != NULL || dentry->inode == NULL)
        return NULL;
    struct mount_entry *entry = find(vfs, dentry->inode->attributes.stx_mnt_id);
    *ret_boot = entry != NULL ? entry->boot : NULL;
    return entry;
}

const struct boot_mount *vfs_mount(struct vfs *vfs, const struct dentry *dentry)
{
    const struct boot_mount *boot;
    (void)entry_of(vfs, dentry, &boot);
    return boot;
}

bool below_readonly_path(const struct dentry *dentry)
{
    dentry = dentry_real(dentry);
    for (; !dentry->readonly; dentry = dentry->parent) {
        if (dentry->parent == dentry)
            return false;
    }
    return true;
}

/* Of a mount the boot configuration does not name. Nothing is trusted on one that will not say. */
static unsigned int ask_flags(struct vfs *vfs, const struct dentry *dentry, struct mount_entry *entry)
{
    struct statfs statfs;
    if (dentry->filesystem->statfs == NULL || dentry->filesystem->statfs(vfs, (struct dentry *)dentry, &statfs) < 0)
        return MS_NOSUID | MS_NODEV;
    entry->flags = (unsigned int)statfs.f_flags & STATFS_FLAGS;
    if ((statfs.f_flags & STATFS_NOSYMFOLLOW) != 0)
        entry->flags |= BOOT_MOUNT_NOSYMFOLLOW;
    entry->flags_known = true;
    return entry->flags;
}

/* Where what the guest adds to the restrictions of a bundle's mount stands; NULL: nothing can be added. */
static unsigned int *added_of(struct vfs *vfs, struct mount_entry *entry, const struct boot_mount *boot)
{
    const struct boot_mount *first = vfs->sentry->boot->mounts;
    if (entry != NULL)
        return &entry->added;
    return boot >= first && boot < first + BOOT_MOUNTS_MAX ? &vfs->boot_added[boot - first] : NULL;
}

static unsigned int flags_of_bundle(struct vfs *vfs, const struct dentry *real, unsigned int **ret_added)
{
    const struct boot_mount *boot;
    struct mount_entry *entry = entry_of(vfs, real, &boot);
    unsigned int flags = boot != NULL ? boot->flags & MOUNT_FLAGS : 0;
    *ret_added = added_of(vfs, entry, boot);
    if (entry != NULL)
        flags = entry->flags_known ? entry->flags : ask_flags(vfs, real, entry);
    return below_readonly_path(real) ? flags | MS_RDONLY : flags;
}

/* What the bundle restricts holds by whatever mount it is seen; a mount of the guest's adds to that. */
unsigned int vfs_mount_flags(struct vfs *vfs, const struct dentry *dentry)
{
    unsigned int *added;
    unsigned int flags = flags_of_bundle(vfs, dentry_real(dentry), &added);
    if (dentry->guest != NULL)
        return flags | (dentry->guest->flags & MOUNT_FLAGS);
    return added != NULL ? flags | *added : flags;
}

bool vfs_is_bundle_root(const struct dentry *real)
{
    const struct dentry *folder = real->parent;
    if (folder == real || real->mount != NULL)
        return true;
    return real->inode != NULL && real->inode->vfs != NULL && folder->inode != NULL && folder->inode->vfs != NULL &&
           real->inode->attributes.stx_mnt_id != folder->inode->attributes.stx_mnt_id;
}

int vfs_restrict_mount(struct vfs *vfs, const struct dentry *dentry, unsigned int flags)
{
    unsigned int *added;
    const unsigned int bundle = flags_of_bundle(vfs, dentry_real(dentry), &added);
    if ((bundle & ~flags & MOUNT_FLAGS) != 0)
        return -EPERM;
    if (added == NULL)
        return (flags & MOUNT_FLAGS) == bundle ? 0 : -EPERM;
    *added = flags & MOUNT_FLAGS & ~bundle;
    return 0;
}

int vfs_statfs(struct vfs *vfs, struct dentry *dentry, struct statfs *ret_statfs)
{
    struct statfs statfs;
    if (dentry->filesystem->statfs == NULL)
        return -ENOSYS;
    int error = dentry->filesystem->statfs(vfs, dentry, &statfs);
    if (error < 0)
        return error;
    statfs.f_flags = (statfs.f_flags & ~STATFS_FLAGS) | (int)(vfs_mount_flags(vfs, dentry) & STATFS_FLAGS);
    if (dentry->guest != NULL) {
        const unsigned int flags = vfs_mount_flags(vfs, dentry) | dentry->guest->flags;
        const int shown = (int)((flags & MS_NOATIME ? ST_NOATIME : 0U) | (flags & MS_NODIRATIME ? ST_NODIRATIME : 0U) |
                                (flags & MS_RELATIME ? ST_RELATIME : 0U) | (flags & BOOT_MOUNT_NOSYMFOLLOW ? STATFS_NOSYMFOLLOW : 0U));
        statfs.f_flags = (statfs.f_flags & ~(ST_NOATIME | ST_NODIRATIME | ST_RELATIME | STATFS_NOSYMFOLLOW)) | shown;
    }
    *ret_statfs = statfs;
    return 0;
}

bool vfs_nosuid(struct vfs *vfs, const struct dentry *dentry)
{
    return (vfs_mount_flags(vfs, dentry) & MS_NOSUID) != 0;
}

int vfs_want_write(struct vfs *vfs, const struct dentry *dentry)
{
    return (vfs_mount_flags(vfs, dentry) & MS_RDONLY) != 0 ? -EROFS : 0;
}

bool vfs_same_mount(struct vfs *vfs, const struct dentry *one, const struct dentry *other)
{
    if (one->guest != other->guest)
        return false;
    const struct boot_mount *boot_one, *boot_other;
    const struct mount_entry *entry_one = entry_of(vfs, one, &boot_one);
    const struct mount_entry *entry_other = entry_of(vfs, other, &boot_other);
    return entry_one == entry_other && boot_one == boot_other;
}
