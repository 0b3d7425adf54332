/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maskedPaths and readonlyPaths of config.json, over whatever filesystem they are in. A masked file is the null device
 * and a masked folder an empty one, as when runc mounts these over them.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "postern/boot.h"
#include "sentry/fs/synthfs.h"
#include "sentry/kernel/cred.h"
#include "sentry/sentry.h"

/* The mount a mask would be: without the restrictions of what is around it. */
static const struct boot_mount file_mount = {.type = "devtmpfs", .source = "devtmpfs", .options = "rw"};
static const struct boot_mount folder_mount = {.type = "tmpfs", .source = "tmpfs", .options = "ro", .flags = MS_RDONLY};

static int mask_lookup(struct vfs *vfs, struct dentry *directory, const char *name, struct inode **ret_inode)
{
    (void)vfs;
    (void)directory;
    (void)name;
    (void)ret_inode;
    return -ENOENT;
}

static int mask_getattr(struct vfs *vfs, struct dentry *dentry, struct statx *ret_attributes)
{
    (void)vfs;
    *ret_attributes = dentry->inode->attributes;
    return 0;
}

/* The container's own null device, if it has one; else nothing can be read all the same. */
static int open_null(struct vfs *vfs, struct dentry *dentry, const struct open_request *request, int *ret_fd)
{
    struct dentry *null = NULL;
    int result = -ENOENT;
    if (vfs_find(vfs, "/dev/null", &null) == 0) {
        const struct statx *attributes = &null->inode->attributes;
        bool usable = S_ISCHR(attributes->stx_mode) && attributes->stx_rdev_major == 1 &&
                      attributes->stx_rdev_minor == 3 && null->filesystem->open != NULL;
        if (usable)
            result = null->filesystem->open(vfs, null, request, ret_fd);
        (void)dentry_put(null);
    }
    if (result < 0 && (request->flags & O_ACCMODE) == O_RDONLY)
        result = vfs_synthetic_file(vfs, dentry, "", 0, ret_fd);
    return result;
}

static int mask_open(struct vfs *vfs, struct dentry *dentry, const struct open_request *request, int *ret_fd)
{
    if (S_ISDIR(dentry->inode->attributes.stx_mode))
        return vfs_synthetic_directory(vfs, dentry, request->who->cred->ruid, ret_fd);
    if ((request->flags & O_PATH) != 0)
        return synth_open_path(vfs, dentry, request->who->sentry->proc_outer, ret_fd);
    return open_null(vfs, dentry, request, ret_fd);
}

static int mask_readdir(struct vfs *vfs, struct dentry *directory, const struct vfs_who *who, int64_t offset,
                        readdir_fn emit, void *data)
{
    (void)vfs;
    (void)who;
    const struct inode *parent = directory->parent->inode;
    if (offset < 1 && emit(data, ".", directory->inode->attributes.stx_ino, DT_DIR, 1) != 0)
        return 0;
    if (offset < 2 && parent != NULL)
        (void)emit(data, "..", parent->attributes.stx_ino, DT_DIR, 2);
    return 0;
}

static int mask_statfs(struct vfs *vfs, struct dentry *dentry, struct statfs *ret_statfs)
{
    (void)vfs;
    (void)dentry;
    *ret_statfs = (struct statfs){.f_type = TMPFS_MAGIC, .f_bsize = 4096, .f_frsize = 4096, .f_namelen = VFS_NAME_MAX};
    return 0;
}

static const struct filesystem mask_filesystem = {
    .name = "mask",
    .lookup = mask_lookup,
    .getattr = mask_getattr,
    .open = mask_open,
    .readdir = mask_readdir,
    .statfs = mask_statfs,
};

static struct inode *mask_inode(const struct boot_config *boot, bool directory, uint64_t number)
{
    const struct statx_timestamp made = {.tv_sec = (int64_t)boot->created_realtime};
    struct statx attributes = {
        .stx_mask = STATX_BASIC_STATS,
        .stx_blksize = 4096,
        .stx_nlink = directory ? 2 : 1,
        .stx_mode = (uint16_t)(directory ? S_IFDIR | 01777 : S_IFCHR | 0666),
        .stx_ino = number,
        .stx_atime = made,
        .stx_mtime = made,
        .stx_ctime = made,
        .stx_rdev_major = directory ? 0 : 1,
        .stx_rdev_minor = directory ? 0 : 3,
        .stx_dev_minor = SYNTH_DEVICE_MASK,
    };
    struct inode *inode = inode_new(&mask_filesystem, &attributes);
    if (inode != NULL)
        inode->fresh_until = INT64_MAX;
    return inode;
}

/* 1 if it is there and a folder, 0 if it is there, -ENOENT. */
static int kind_of(struct vfs *vfs, const char *path)
{
    struct dentry *dentry;
    int result = vfs_find(vfs, path, &dentry);
    if (result < 0)
        return result;
    result = S_ISDIR(dentry->inode->attributes.stx_mode) ? 1 : 0;
    (void)dentry_put(dentry);
    return result;
}

static int mask(const struct sentry *sentry, const char *path, uint64_t number)
{
    struct vfs *vfs = sentry->vfs;
    int directory = kind_of(vfs, path);
    if (directory < 0)
        return directory;
    struct inode *inode = mask_inode(sentry->boot, directory == 1, number);
    if (inode == NULL)
        return -ENOMEM;
    int result = vfs_pin(vfs, path, inode);
    struct dentry *dentry;
    if (result < 0 || (result = vfs_find(vfs, path, &dentry)) < 0)
        return result;
    dentry->mount = directory == 1 ? &folder_mount : &file_mount;
    (void)dentry_put(dentry);
    return 0;
}

/* What is not there needs no mask: config.json lists what any kernel may have. */
static bool absent(int result)
{
    return result == -ENOENT || result == -ENOTDIR;
}

int synth_masks_apply(struct sentry *sentry)
{
    const struct boot_config *boot = sentry->boot;
    for (uint32_t i = 0; i < boot->readonly_count && i < BOOT_MASKED_MAX; i++) {
        int result = vfs_pin_readonly(sentry->vfs, boot->readonly[i]);
        if (result < 0 && !absent(result))
            return result;
    }
    for (uint32_t i = 0; i < boot->masked_count && i < BOOT_MASKED_MAX; i++) {
        int result = mask(sentry, boot->masked[i], i + 2);
        if (result < 0 && !absent(result))
            return result;
    }
    return 0;
}
