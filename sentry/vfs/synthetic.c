/* SPDX-License-Identifier: Apache-2.0 */
/* Real objects that stand for synthetic ones in a guest's hands: they carry the path as their name. */
#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/fs/fuse.h"
#include "sentry/fs/gofer_client.h"
#include "sentry/sentry.h"
#include "sentry/vfs/vfs_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

CONFINE_ALLOW(memfd_create, "contents of synthetic files");
CONFINE_ALLOW(write, "contents of synthetic files");
CONFINE_ALLOW(fchmod, "memory files of ours are read-only");
CONFINE_ALLOW(fcntl, "seals of memory files");
CONFINE_ALLOW_IF(openat, 0, UINT32_MAX, SENTRY_FD_PROC_OUTER, "memory files of ours, for reading only");

enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

/* The first one tells which mount they are all on. */
static int hidden_directory(struct vfs *vfs, const char *name, int *ret_fd)
{
    auto_close int fd = -1;
    int error = gofer_hidden_directory(vfs->sentry->gofer, name, &fd);
    if (error < 0)
        return error;
    if (!vfs->hidden_known) {
        if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &vfs->hidden) < 0)
            return -errno;
        vfs->hidden_known = true;
    }
    *ret_fd = take_fd(&fd);
    return 0;
}

/* One whose end we hear of, so that it can be in its user's share. */
static struct fuse_node_spec describe_folder(const char *path)
{
    struct fuse_node_spec spec = {.access = O_RDONLY, .mode = S_IFDIR | 0555};
    (void)snprintf(spec.path, sizeof(spec.path), "%s", path);
    return spec;
}

int vfs_synthetic_directory(struct vfs *vfs, struct dentry *dentry, uid_t user, int *ret_fd)
{
    if (dentry_gone(dentry))
        return -ENOENT;
    char path[FUSE_PATH_MAX], name[VFS_NAME_MAX + 1];
    if (vfs->sentry->fuse != NULL && dentry_path(dentry, vfs->root, path, sizeof(path)) >= 0) {
        const struct fuse_node_spec spec = describe_folder(path);
        return fuse_open_node(vfs->sentry->fuse, vfs->sentry, &spec, user, ret_fd);
    }
    int error = synthetic_name(dentry, name, sizeof(name));
    return error < 0 ? error : hidden_directory(vfs, name, ret_fd);
}

int vfs_gone_directory(struct vfs *vfs, uid_t user, int *ret_fd)
{
    if (vfs->sentry->fuse == NULL)
        return hidden_directory(vfs, SYNTHETIC_NAME_GONE, ret_fd);
    const struct fuse_node_spec spec = describe_folder("/(deleted)");
    return fuse_open_node(vfs->sentry->fuse, vfs->sentry, &spec, user, ret_fd);
}

static int write_all(int fd, const char *content, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, content, size);
        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0) {
            content += written;
            size -= (size_t)written;
        }
    }
    return 0;
}

/* Old kernels (before 6.3) know no MFD_NOEXEC_SEAL. */
static int make_memory_file(const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL)
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return fd < 0 ? -errno : fd;
}

int vfs_synthetic_file(struct vfs *vfs, struct dentry *dentry, const void *content, size_t size, int *ret_fd)
{
    char name[240]; /* memfd_create(2) takes 249 bytes */
    int error = synthetic_name(dentry, name, sizeof(name));
    if (error < 0)
        return error;
    auto_close int file = make_memory_file(name);
    if (file < 0)
        return file;
    error = write_all(file, content, size);
    if (error < 0)
        return error;
    if (fchmod(file, 0400) < 0 || fcntl(file, F_ADD_SEALS, SEALS) < 0)
        return -errno;
    char path[32];
    (void)snprintf(path, sizeof(path), "self/fd/%d", file);
    int fd = openat(vfs->sentry->proc_outer, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}
