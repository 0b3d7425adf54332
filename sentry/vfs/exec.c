/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/vfs/vfs_internal.h"

#include <errno.h>
#include <sys/mount.h>

#include "sentry/sentry.h"

int vfs_open_exec(const struct vfs_who *who, struct dentry *dentry, int *ret_fd)
{
    struct vfs *vfs = who->sentry->vfs;
    int error = vfs_getattr(vfs, dentry); /* set-id bits are about to matter */
    if (error < 0)
        return error;
    if (!S_ISREG(dentry->inode->attributes.stx_mode) || (vfs_mount_flags(vfs, dentry) & MS_NOEXEC) != 0)
        return -EACCES;
    error = vfs_permission(who, dentry, MAY_EXEC);
    if (error < 0)
        return error;
    if (dentry->filesystem->open == NULL)
        return -EACCES;
    const struct open_request request = {.who = who, .flags = O_RDONLY | O_CLOEXEC, .exec = true};
    return dentry->filesystem->open(vfs, dentry, &request, ret_fd);
}
