/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handles: O_PATH descriptors of files the gofer has opened for us, kept for a while. With one, what is still to be
 * known of a file (size and times, if the guest writes to it) is a local statx, and a file anybody may read is opened
 * anew through our /proc/self/fd, on the mount it is on, without a hop. They give us nothing the gofer would not.
 *
 * An O_PATH descriptor counts neither as a reader nor as a writer. It does hold the space of a file without a
 * name, so it goes when the name goes.
 */
#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/sentry.h"
#include "sentry/vfs/vfs_internal.h"

#include <errno.h>
#include <stdio.h>

CONFINE_ALLOW_IF(openat, 0, UINT32_MAX, SENTRY_FD_PROC_OUTER,
                 "files the gofer has opened, once more, through our own /proc/self/fd");
CONFINE_ALLOW(statx, "size and times of files the guest writes to");

static int open_self(const struct vfs *vfs, int fd, int flags)
{
    char path[32];
    (void)snprintf(path, sizeof(path), "self/fd/%d", fd);
    int opened = openat(vfs->sentry->proc_outer, path, flags | O_CLOEXEC | O_NOCTTY);
    return opened < 0 ? -errno : opened;
}

void inode_drop_handle(struct inode *inode)
{
    if (inode->handle == 0)
        return;
    struct handle *handle = &inode->vfs->handles[inode->handle - 1];
    (void)close(handle->fd);
    *handle = (struct handle){.inode = NULL};
    inode->handle = 0;
}

/* The next slot in turn that was not used since its last turn. */
static struct handle *free_slot(struct vfs *vfs)
{
    for (;;) {
        struct handle *handle = &vfs->handles[vfs->next_handle];
        vfs->next_handle = (vfs->next_handle + 1) % HANDLES_MAX;
        if (handle->inode == NULL || !handle->used) {
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
    if (inode->handle != 0 || inode->vfs == NULL || !(S_ISREG(mode) || S_ISDIR(mode)))
        return;
    int opened = open_self(vfs, fd, O_PATH);
    if (opened < 0)
        return;
    struct handle *handle = free_slot(vfs);
    *handle = (struct handle){.inode = inode, .fd = opened};
    inode->handle = (unsigned int)(handle - vfs->handles) + 1;
}

static struct handle *handle_of(const struct inode *inode)
{
    if (inode->handle == 0)
        return NULL;
    struct handle *handle = &inode->vfs->handles[inode->handle - 1];
    handle->used = true;
    return handle;
}

bool inode_refresh_locally(struct vfs *vfs, struct inode *inode)
{
    struct statx attributes;
    const struct handle *handle = handle_of(inode);
    if (handle == NULL || !inode_ids_fresh(inode) ||
        statx(handle->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, &attributes) < 0 ||
        !same_object(&attributes, &inode->attributes))
        return false;
    attributes.stx_uid = inode->attributes.stx_uid; /* in our view they have none */
    attributes.stx_gid = inode->attributes.stx_gid;
    int64_t ids_until = inode->ids_until;
    inode_refresh(vfs, inode, &attributes, vfs->stamp);
    inode->ids_until = ids_until;
    if (inode->fresh_until > ids_until)
        inode->fresh_until = ids_until;
    return true;
}

int inode_open_locally(struct vfs *vfs, const struct inode *inode, int flags)
{
    const int harmless = O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | KERNEL_LARGEFILE;
    const struct handle *handle = (flags & ~harmless) == 0 ? handle_of(inode) : NULL;
    return handle == NULL ? -ENOENT : open_self(vfs, handle->fd, flags & ~O_NOFOLLOW);
}
