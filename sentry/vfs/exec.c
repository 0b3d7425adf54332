/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/platform/worker.h"
#include "sentry/vfs/vfs_internal.h"

#include <errno.h>
#include <sys/mount.h>

#include "postern/cleanup.h"
#include "sentry/fs/gofer_client.h"
#include "sentry/platform/unlocked.h"
#include "sentry/sentry.h"

bool vfs_leads_to(const struct dentry *dentry, const struct statx *attributes)
{
    return dentry->inode != NULL && (dentry->inode->vfs == NULL || same_object(&dentry->inode->attributes, attributes));
}

/* The same owner, mode and capabilities, as far as can be told: whatever changes one of them changes the time. */
static bool is_unchanged(const struct statx *one, const struct statx *other)
{
    return one->stx_ctime.tv_sec == other->stx_ctime.tv_sec && one->stx_ctime.tv_nsec == other->stx_ctime.tv_nsec &&
           one->stx_mode == other->stx_mode;
}

/*
 * A chown takes set-id bits away, but somebody who looks just then may see the new owner with the old bits: Linux looks with the inode
 * locked. Nobody sees that twice.
 */
static int look_again(struct vfs *vfs, int fd, const struct statx *attributes)
{
    struct statx again;
    if ((attributes->stx_mode & (S_ISUID | S_ISGID)) == 0)
        return 0;
    int error = gofer_getattr(vfs->sentry->gofer, (struct gofer_place){.fd = fd}, &again);
    if (error < 0)
        return error;
    return is_unchanged(attributes, &again) && attributes->stx_uid == again.stx_uid && attributes->stx_gid == again.stx_gid ? 0 : -ESTALE;
}

/* Whose the program is counts for what it may do: what is known of the name must be of what was opened by it, and of now. */
static int attributes_of_opened(struct vfs *vfs, struct dentry *dentry, int fd, struct statx *ret_attributes)
{
    enum { LOOKS = 8 };
    for (int i = 0; i < LOOKS; i++) {
        struct statx opened;
        int error = unlocked_statx(fd, STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, &opened);
        if (error == 0)
            error = vfs_getattr(vfs, dentry);
        if (error < 0)
            return error;
        if (!vfs_leads_to(dentry, &opened))
            return -ESTALE;
        const struct statx attributes = dentry->inode->attributes;
        if (dentry->inode->vfs == NULL) {
            *ret_attributes = attributes;
            return 0;
        }
        if (is_unchanged(&attributes, &opened) && look_again(vfs, fd, &attributes) == 0) {
            *ret_attributes = attributes;
            return 0;
        }
        vfs_invalidate_attributes(dentry);
    }
    return -ESTALE;
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
