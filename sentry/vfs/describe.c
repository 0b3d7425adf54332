/* SPDX-License-Identifier: Apache-2.0 */
/* Whose a descriptor is and what it is called, without ever showing a path of the host. */
#include "postern/confine.h"
#include "sentry/fs/fuse.h"
#include "sentry/platform/unlocked.h"
#include "sentry/sentry.h"
#include "sentry/vfs/object_private.h"
#include "sentry/vfs/vfs_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

CONFINE_ALLOW_IF(readlinkat, 0, UINT32_MAX, SENTRY_FD_PROC_OUTER,
                 "the name of an object, through our own /proc/self/fd");

static bool is_hidden(const struct vfs *vfs, const struct statx *attributes)
{
    return vfs->hidden_known && attributes->stx_mnt_id == vfs->hidden.stx_mnt_id &&
           attributes->stx_dev_major == vfs->hidden.stx_dev_major &&
           attributes->stx_dev_minor == vfs->hidden.stx_dev_minor;
}

/* The guest's procfs comes with the listener, and may be another one for a later listener: look each time. */
static bool is_inner_proc(const struct vfs *vfs, const struct statx *attributes)
{
    struct statx inner;
    return vfs->sentry->proc_inner >= 0 &&
           statx(vfs->sentry->proc_inner, "", AT_EMPTY_PATH, STATX_TYPE | STATX_MNT_ID, &inner) == 0 &&
           inner.stx_mnt_id == attributes->stx_mnt_id;
}

static bool fuse_node(const struct vfs *vfs, const struct statx *attributes, struct fuse_node_spec *ret_spec)
{
    return vfs->sentry->fuse != NULL &&
           fuse_describe(vfs->sentry->fuse, attributes->stx_mnt_id, attributes->stx_ino, ret_spec);
}

enum object_kind object_classify(struct vfs *vfs, const struct statx *attributes)
{
    struct fuse_node_spec spec;
    if (mount_entry_find(vfs, attributes->stx_mnt_id) != NULL)
        return OBJECT_FILE;
    if (S_ISDIR(attributes->stx_mode))
        return is_hidden(vfs, attributes) || fuse_node(vfs, attributes, &spec) ? OBJECT_SYNTHETIC : OBJECT_ANONYMOUS;
    if (!S_ISREG(attributes->stx_mode))
        return OBJECT_ANONYMOUS;
    if (attributes->stx_uid == vfs->sentry->self_uid || fuse_node(vfs, attributes, &spec) ||
        is_inner_proc(vfs, attributes))
        return OBJECT_SYNTHETIC;
    return OBJECT_ANONYMOUS;
}

/* What the kernel calls our copy. The gofer's root is the container's, so a file's name is the guest's. */
static ssize_t read_link(struct sentry *sentry, int fd, char *buffer, size_t size)
{
    char path[32];
    (void)snprintf(path, sizeof(path), "self/fd/%d", fd);
    ssize_t length = readlinkat(sentry->proc_outer, path, buffer, size);
    if (length < 0)
        return -errno;
    if ((size_t)length >= size)
        return -ENAMETOOLONG;
    buffer[length] = '\0';
    return length;
}

static size_t without_deleted(const char *name)
{
    static const char deleted[] = " (deleted)";
    size_t length = strlen(name), suffix = sizeof(deleted) - 1;
    return length >= suffix && strcmp(name + length - suffix, deleted) == 0 ? length - suffix : length;
}

static const char *proc_mount_point(const struct boot_config *boot)
{
    for (uint32_t i = 0; i < boot->mount_count && i < BOOT_MOUNTS_MAX; i++) {
        if (boot->mounts[i].kind == BOOT_MOUNT_PROC)
            return boot->mounts[i].destination;
    }
    return "/proc";
}

static int print(char *buffer, size_t size, const char *first, const char *second)
{
    int length = snprintf(buffer, size, "%s%s", first, second);
    return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

static int synthetic_object_path(struct sentry *sentry, const char *link, const struct statx *attributes, char *buffer,
                                 size_t size)
{
    static const char memory[] = "/memfd:";
    struct fuse_node_spec spec;
    if (is_hidden(sentry->vfs, attributes)) {
        const char *name = strrchr(link, '/');
        if (name != NULL && strncmp(name + 1, SYNTHETIC_NAME_GONE, strlen(SYNTHETIC_NAME_GONE)) == 0)
            return print(buffer, size, "/", "(deleted)");
        return name != NULL ? synthetic_path(name + 1, without_deleted(name + 1), buffer, size) : -ENOENT;
    }
    if (strncmp(link, memory, sizeof(memory) - 1) == 0) {
        const char *name = link + sizeof(memory) - 1;
        return synthetic_path(name, without_deleted(name), buffer, size);
    }
    if (fuse_node(sentry->vfs, attributes, &spec))
        return print(buffer, size, spec.path[0] == '/' ? "" : "/", spec.path);
    return print(buffer, size, proc_mount_point(sentry->boot), link);
}

int object_path(struct sentry *sentry, int fd, enum object_kind kind, const struct statx *attributes, char *buffer,
                size_t size)
{
    char link[OBJECT_PATH_MAX];
    ssize_t length = read_link(sentry, fd, link, sizeof(link));
    if (length < 0)
        return (int)length;
    if (kind == OBJECT_SYNTHETIC)
        return synthetic_object_path(sentry, link, attributes, buffer, size);
    if (kind == OBJECT_ANONYMOUS || link[0] != '/')
        return -ENOENT;
    return print(buffer, size, "", link);
}

/* What came from outside is named by its kind; well-known devices, which say nothing about the host, by their names. */
static int inherited_name(const struct statx *attributes, char *buffer, size_t size)
{
    static const struct {
        unsigned int major, minor;
        const char *name;
    } devices[] = {
        {1, 3, "/dev/null"}, {1, 5, "/dev/zero"}, {1, 7, "/dev/full"}, {1, 8, "/dev/random"}, {1, 9, "/dev/urandom"},
    };
    for (size_t i = 0; S_ISCHR(attributes->stx_mode) && i < sizeof(devices) / sizeof(*devices); i++) {
        if (attributes->stx_rdev_major == devices[i].major && attributes->stx_rdev_minor == devices[i].minor)
            return print(buffer, size, devices[i].name, "");
    }
    char number[32];
    (void)snprintf(number, sizeof(number), "[%llu]", (unsigned long long)attributes->stx_ino);
    return print(buffer, size, "host:", number);
}

static int anonymous_name(struct sentry *sentry, int fd, const struct statx *attributes, char *buffer, size_t size)
{
    char link[OBJECT_PATH_MAX], name[NSFS_NAME_MAX];
    if (nsfs_describe(sentry->boot, attributes, name))
        return print(buffer, size, name, "");
    ssize_t length = read_link(sentry, fd, link, sizeof(link));
    if (length < 0)
        return (int)length;
    bool memory = strncmp(link, "/memfd:", 7) == 0 && attributes->stx_uid == sentry->guest_uid;
    return link[0] != '/' || memory ? print(buffer, size, link, "") : inherited_name(attributes, buffer, size);
}

/* A path from the tree's root, as one who has another root sees it. One that is not below stays whole, as in d_path. */
static int below_root(const struct vfs *vfs, const struct dentry *root, const char *path, char *buffer, size_t size)
{
    char top[VFS_PATH_MAX];
    ssize_t length = root == NULL || root == vfs->root ? 0 : dentry_path(root, vfs->root, top, sizeof(top));
    if (length > 0 && strncmp(path, top, (size_t)length) == 0 && (path[length] == '/' || path[length] == '\0'))
        path = path[length] == '\0' ? "/" : path + length;
    return print(buffer, size, "", path);
}

ssize_t object_describe(struct sentry *sentry, int fd, const struct dentry *root, char *buffer, size_t size)
{
    struct statx attributes;
    int error = unlocked_statx(fd, STATX_BASIC_STATS | STATX_MNT_ID, &attributes);
    if (error < 0)
        return error;
    enum object_kind kind = object_classify(sentry->vfs, &attributes);
    if (kind == OBJECT_ANONYMOUS) {
        error = anonymous_name(sentry, fd, &attributes, buffer, size);
    } else {
        char path[OBJECT_PATH_MAX];
        error = object_path(sentry, fd, kind, &attributes, path, sizeof(path));
        if (error == 0 && (error = guest_place_describe(sentry->vfs, root, vfs_mark_of(sentry->vfs, fd, attributes.stx_mode, false), path, buffer, size)) == -ENOENT)
            error = below_root(sentry->vfs, root, path, buffer, size);
    }
    return error < 0 ? error : (ssize_t)strlen(buffer);
}
