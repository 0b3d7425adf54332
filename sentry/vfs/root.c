/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/fs/gofer_client.h"
#include "sentry/fs/goferfs.h"
#include "sentry/sentry.h"
#include "sentry/vfs/vfs_internal.h"

/* The tree as it is before anything of ours is mounted: the gofer's. */
struct vfs *vfs_new(struct sentry *sentry)
{
    struct statx attributes;
    if (gofer_getattr(sentry->gofer, (struct gofer_place){.path = "", .fd = -1}, &attributes) < 0)
        return NULL;
    struct inode *inode = inode_new(&goferfs, &attributes);
    struct vfs *vfs = inode != NULL ? vfs_create(sentry, inode) : NULL;
    if (vfs != NULL)
        inode_adopt(vfs, inode);
    return vfs;
}
