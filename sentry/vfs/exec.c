/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/platform/worker.h"
#include "sentry/vfs/vfs_internal.h"

#include <errno.h>
#include <sys/mount.h>

#include "postern/cleanup.h"
#include "sentry/platform/unlocked.h"
#include "sentry/sentry.h"

bool vfs_leads_to(const struct dentry *dentry, const struct statx *attributes)
{
    return dentry->inode != NULL && (dentry->inode->vfs == NULL || same_object(&dentry->inode->attributes, attributes));
}

/* Whose the program is counts for what it may do: what is known of the name must be of what was opened by it. */
static int attributes_of_opened(struct vfs *vfs, struct dentry *dentry, int fd, struct statx *ret_attributes)
{
    struct statx opened;
    int error = unlocked_statx(fd, STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, &opened);
    if (error == 0)
        error = vfs_getattr(vfs, dentry);
    if (error < 0)
        return error;
    if (!vfs_leads_to(dentry, &opened))
        return -ESTALE;
    *ret_attributes = dentry->inode->attributes;
    return 0;
}

int vfs_open_exec(const struct vfs_who *who, struct dentry *dentry, int *ret_fd, struct statx *ret_attributes)
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
    auto_close_unlocked int fd = -1;
    error = dentry->filesystem->open(vfs, dentry, &request, &fd);
    if (error == 0)
        error = attributes_of_opened(vfs, dentry, fd, ret_attributes);
    if (error == 0)
        *ret_fd = take_fd(&fd);
    return error;
}
