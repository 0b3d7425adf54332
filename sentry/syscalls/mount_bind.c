/* SPDX-License-Identifier: Apache-2.0 */
/* mount(2) with MS_BIND and with MS_MOVE. */
#include <errno.h>
#include <sys/mount.h>

#include "sentry/sentry.h"
#include "sentry/syscalls/mount_private.h"

static void free_sources(struct guest_sources **sources)
{
    *sources = guest_sources_free(*sources);
}
#define auto_sources __attribute__((cleanup(free_sources)))

static bool is_folder(const struct dentry *dentry)
{
    return dentry->inode != NULL && S_ISDIR(dentry->inode->attributes.stx_mode);
}

int64_t mount_bind(struct mounting *mounting)
{
    struct vfs *vfs = mounting->who.sentry->vfs;
    auto_lookup struct lookup source = {.fd = -1};
    int error = mount_find_source(mounting, &source);
    if (error < 0)
        return error;
    if (guest_mount_propagation(source.dentry) == GUEST_UNBINDABLE)
        return -EINVAL;
    const bool deep = (mounting->flags & MS_REC) != 0;
    auto_dentry struct dentry *place = NULL;
    auto_sources struct guest_sources *sources = NULL;
    error = guest_sources_find(vfs, source.dentry, deep, &sources);
    if (error == 0) /* nothing is waited for from here on */
        error = vfs_gone(source.dentry);
    if (error == 0 && !guest_place_attached(source.dentry))
        error = -EINVAL;
    if (error == 0)
        error = mount_place(mounting, is_folder(source.dentry), &place);
    return error < 0 ? error : guest_mount_bind(vfs, sources, place, deep, NULL);
}

int64_t mount_move(struct mounting *mounting)
{
    auto_lookup struct lookup source = {.fd = -1};
    int error = mount_find_source(mounting, &source);
    if (error < 0)
        return error;
    struct dentry *root = source.dentry;
    const bool movable = is_mount_root(root) && mount_root_covers(root) != NULL;
    if (!movable || guest_mount_propagation(mount_root_covers(root)) == GUEST_SHARED)
        return -EINVAL;
    auto_dentry struct dentry *place = NULL;
    error = mount_place(mounting, is_folder(root), &place);
    if (error < 0)
        return error == -ENOTDIR ? -EINVAL : error;
    if (guest_mount_is_below(place, root))
        return -ELOOP;
    guest_mount_move(root, place);
    return 0;
}
