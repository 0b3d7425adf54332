/* SPDX-License-Identifier: Apache-2.0 */
/* A filesystem in memory for the tests of the vfs: a table of paths. It counts how often it was asked. */
#ifndef TESTS_UNIT_FAKE_FS_H
#define TESTS_UNIT_FAKE_FS_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sentry/kernel/cred.h"
#include "sentry/sentry.h"
#include "sentry/vfs/vfs_internal.h"

enum { FAKE_MAX = 128, FAKE_MOUNT = 7, FAKE_MOUNT_SHARED = 8 };

struct fake_node {
    char path[512]; /* without leading '/'; "" is the root */
    mode_t mode;
    uid_t uid;
    gid_t gid;
    const char *target; /* links; "magic:PATH" leads straight to the dentry of PATH, "magic-fd" to a descriptor */
    uint64_t ino, mount;
    bool gone;
};

struct fake {
    struct fake_node nodes[FAKE_MAX];
    size_t count;
    uint64_t next_ino;
    unsigned int lookups, prefetches, getattrs, readlinks;
    struct sentry sentry;
    struct boot_config boot;
    struct vfs *vfs;
    struct cred *cred;
    struct vfs_who who;
};

static struct fake fake;
static const struct filesystem fakefs;

static struct fake_node *fake_find(const char *path)
{
    for (size_t i = 0; i < fake.count; i++) {
        if (!fake.nodes[i].gone && strcmp(fake.nodes[i].path, path) == 0)
            return &fake.nodes[i];
    }
    return NULL;
}

static struct fake_node *fake_add(const char *path, mode_t mode, const char *target)
{
    struct fake_node *node = &fake.nodes[fake.count++];
    if (fake.count > FAKE_MAX || strlen(path) >= sizeof(node->path))
        abort();
    *node = (struct fake_node){.mode = mode, .target = target, .ino = ++fake.next_ino, .mount = FAKE_MOUNT};
    (void)strcpy(node->path, path);
    return node;
}

static struct fake_node *fake_dir(const char *path)
{
    return fake_add(path, S_IFDIR | 0755, NULL);
}

static struct fake_node *fake_file(const char *path)
{
    return fake_add(path, S_IFREG | 0644, NULL);
}

__attribute__((unused)) static struct fake_node *fake_link(const char *path, const char *target)
{
    return fake_add(path, S_IFLNK | 0777, target);
}

static struct statx fake_attributes(const struct fake_node *node)
{
    return (struct statx){
        .stx_mask = STATX_BASIC_STATS,
        .stx_mode = (uint16_t)node->mode,
        .stx_uid = node->uid,
        .stx_gid = node->gid,
        .stx_nlink = S_ISDIR(node->mode) ? 2 : 1,
        .stx_ino = node->ino,
        .stx_mnt_id = node->mount,
        .stx_size = node->target != NULL ? strlen(node->target) : 0,
    };
}

static struct fake_node *fake_of(const struct dentry *dentry)
{
    char path[VFS_PATH_MAX];
    if (dentry_gone(dentry) || dentry_relative_path(dentry, path, sizeof(path)) < 0)
        return NULL;
    return fake_find(path);
}

static struct fake_node *fake_child(const struct dentry *directory, const char *name)
{
    char path[VFS_PATH_MAX];
    ssize_t length = dentry_relative_path(directory, path, sizeof(path) - VFS_NAME_MAX - 2);
    if (length < 0)
        return NULL;
    if (length > 0)
        path[length++] = '/';
    (void)strcpy(path + length, name);
    return fake_find(path);
}

static int fake_enter(struct vfs *vfs, struct dentry *directory, const char *name, struct dentry **ret_dentry)
{
    const struct fake_node *node = fake_child(directory, name);
    struct inode *inode = NULL;
    if (node != NULL) {
        const struct statx attributes = fake_attributes(node);
        inode = inode_obtain(vfs, &fakefs, &attributes, vfs->stamp);
    }
    struct dentry *dentry = dentry_settle(vfs, directory, name, inode, names_until(directory));
    *ret_dentry = dentry;
    return dentry == NULL ? -ENOMEM : dentry->inode == NULL ? -ENOENT : 0;
}

static int fake_lookup(struct vfs *vfs, struct dentry *directory, const char *name, struct inode **ret_inode)
{
    struct dentry *dentry;
    fake.lookups++;
    int error = fake_enter(vfs, directory, name, &dentry);
    if (error == 0)
        *ret_inode = inode_get(dentry->inode);
    return error;
}

/* One request, however many components. */
static void fake_prefetch(struct vfs *vfs, struct dentry *directory, const char *rest)
{
    char names[VFS_PATH_MAX];
    char *state;
    fake.prefetches++;
    (void)strncpy(names, rest, sizeof(names) - 1);
    names[sizeof(names) - 1] = '\0';
    struct dentry *at = dentry_get(directory);
    for (char *name = strtok_r(names, "/", &state); name != NULL; name = strtok_r(NULL, "/", &state)) {
        struct dentry *child;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || fake_enter(vfs, at, name, &child) < 0)
            break;
        dentry_get(child);
        dentry_put(at);
        at = child;
        if (!dentry_is_directory(at))
            break;
    }
    dentry_put(at);
}

static int fake_getattr(struct vfs *vfs, struct dentry *dentry, struct statx *ret_attributes)
{
    (void)vfs;
    fake.getattrs++;
    const struct fake_node *node = fake_of(dentry);
    if (node == NULL)
        return -ENOENT;
    *ret_attributes = fake_attributes(node);
    return 0;
}

static ssize_t fake_readlink(struct vfs *vfs, struct dentry *dentry, const struct vfs_who *who, char *buffer,
                             size_t size)
{
    (void)vfs;
    (void)who;
    fake.readlinks++;
    const struct fake_node *node = fake_of(dentry);
    if (node == NULL || node->target == NULL || strlen(node->target) >= size)
        return -EINVAL;
    (void)strcpy(buffer, node->target);
    return (ssize_t)strlen(buffer);
}

static int fake_follow(struct vfs *vfs, struct dentry *dentry, const struct vfs_who *who, struct dentry **ret_dentry,
                       int *ret_fd)
{
    (void)who;
    const struct fake_node *node = fake_of(dentry);
    if (node != NULL && strcmp(node->target, "magic-fd") == 0) {
        *ret_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return 0;
    }
    if (node != NULL && strncmp(node->target, "magic:", 6) == 0)
        return vfs_find_now(vfs, node->target + 6, ret_dentry);
    return -ENOSYS;
}

static const struct filesystem fakefs = {
    .name = "fake",
    .lookup = fake_lookup,
    .prefetch = fake_prefetch,
    .getattr = fake_getattr,
    .readlink = fake_readlink,
    .follow = fake_follow,
};

/* A user with all capabilities, at the root of an empty tree that nobody else changes. */
static void fake_start(void)
{
    memset(&fake, 0, sizeof(fake));
    fake.next_ino = 100;
    fake.boot.mount_count = 2;
    fake.boot.rootfs_exclusive = 1;
    fake.boot.mounts[0] = (struct boot_mount){.destination = "/", .type = "ext4", .mount_id = FAKE_MOUNT};
    fake.boot.mounts[1] =
        (struct boot_mount){.destination = "/shared", .type = "ext4", .mount_id = FAKE_MOUNT_SHARED, .shared = 1};
    fake.sentry.boot = &fake.boot;
    const struct statx root = fake_attributes(fake_dir(""));
    struct inode *inode = inode_new(&fakefs, &root);
    fake.vfs = fake.sentry.vfs = vfs_create(&fake.sentry, inode);
    inode_adopt(fake.vfs, inode);
    fake.cred = cred_new(0);
    fake.cred->cap_effective = CRED_CAP_FULL;
    fake.who = (struct vfs_who){
        .sentry = &fake.sentry, .cred = fake.cred, .root = vfs_root(fake.vfs), .cwd = vfs_root(fake.vfs)};
}

/* Everything unused is evicted; what is left besides the root was leaked. */
static void fake_stop(void)
{
    struct vfs *vfs = fake.vfs;
    for (size_t i = 0; i < INODES_RECENT; i++)
        inode_put(vfs->recent[i]);
    vfs->unused_max = vfs->dentry_max = 0;
    dentry_put(dentry_get(vfs->root));
    assert_int_equal(vfs->dentry_count, 1);
    assert_int_equal(vfs->unused_count, 0);
    assert_int_equal(vfs->root->references, 1);
    cred_put(fake.cred);
    inode_put(vfs->root->inode);
    free(vfs->root->name);
    free(vfs->root);
    free(vfs);
}

#endif
