/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handles: O_PATH descriptors of files the gofer has opened for us, kept for a while. With one, what is still to be
 * known of a file (size and times, if the guest writes to it) is a local statx, and a file anybody may read is opened
 * anew through our /proc/self/fd, on the mount it is on, without a hop. They give us nothing the gofer would not.
 *
 * An O_PATH descriptor counts neither as a reader nor as a writer. It does hold the space of a file without a
 * name, so it goes when the name goes. A message queue may lose its name without our walking there, so it gets none.
 */
#include "postern/cleanup.h"
#include "sentry/platform/unlocked.h"
#include "sentry/sentry.h"
#include "sentry/vfs/vfs_internal.h"

#include <errno.h>

enum { SEEN_MASK = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID };

void inode_drop_handle(struct inode *inode)
{
    if (inode->handle == 0)
        return;
    struct handle *handle = &inode->vfs->handles[inode->handle - 1];
    handle->inode = NULL;
    inode->handle = 0;
    if (handle->users == 0)
        (void)close(handle->fd);
}

/* The next slot in turn that was not used since its last turn. */
static struct handle *free_slot(struct vfs *vfs)
{
    for (;;) {
        struct handle *handle = &vfs->handles[vfs->next_handle];
        vfs->next_handle = (vfs->next_handle + 1) % HANDLES_MAX;
        if (handle->users == 0 && (handle->inode == NULL || !handle->used)) {
            if (handle->inode != NULL)
                inode_drop_handle(handle->inode);
            return handle;
        }
        handle->used = false;
    }
}

void inode_keep_handle(struct vfs *vfs, struct inode *inode, int fd)
{
    mode_t mode = inode->attributes.stx_mode;
    if (inode->handle != 0 || inode->vfs == NULL || !(S_ISREG(mode) || S_ISDIR(mode)) ||
        mount_has_queues(vfs, inode->attributes.stx_mnt_id))
        return;
    uint64_t stamp = vfs->stamp;
    int opened = unlocked_reopen(vfs->sentry, fd, O_PATH);
    if (opened < 0)
        return;
    if (inode->handle != 0 || inode->changed > stamp) { /* somebody was quicker, or has taken its name away */
        (void)close(opened);
        return;
    }
    struct handle *handle = free_slot(vfs);
    *handle = (struct handle){.inode = inode, .fd = opened};
    inode->handle = (unsigned int)(handle - vfs->handles) + 1;
}

/* NULL, or one that keeps its descriptor until handle_leave(). */
static struct handle *handle_enter(const struct inode *inode)
{
    if (inode->handle == 0)
        return NULL;
    struct handle *handle = &inode->vfs->handles[inode->handle - 1];
    handle->used = true;
    handle->users++;
    return handle;
}

static void handle_leave(struct handle *handle)
{
    if (--handle->users == 0 && handle->inode == NULL)
        (void)close(handle->fd);
}

bool inode_refresh_locally(struct vfs *vfs, struct inode *inode)
{
    struct handle *handle = inode_ids_fresh(inode) || inode->owner_settled ? handle_enter(inode) : NULL;
    if (handle == NULL)
        return false;
    uint64_t stamp = vfs->stamp;
    struct statx attributes;
    int error = unlocked_statx(handle->fd, SEEN_MASK, &attributes);
    handle_leave(handle);
    return error == 0 && inode_refresh_seen(vfs, inode, &attributes, stamp);
}

int inode_see_child(const struct inode *directory, const char *name, struct statx *ret_attributes)
{
    struct handle *handle = handle_enter(directory);
    if (handle == NULL)
        return -ENOSYS;
    int error = unlocked_statx_below(handle->fd, name, SEEN_MASK, ret_attributes);
    handle_leave(handle);
    return error;
}

int inode_open_locally(struct vfs *vfs, const struct inode *inode, int flags)
{
    const int harmless = O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | KERNEL_LARGEFILE;
    struct handle *handle = (flags & ~harmless) == 0 ? handle_enter(inode) : NULL;
    if (handle == NULL)
        return -ENOENT;
    int fd = unlocked_reopen(vfs->sentry, handle->fd, flags & ~O_NOFOLLOW);
    handle_leave(handle);
    return fd;
}
