/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening and creating. A file anybody may read, opened before, opens through its handle (vfs/handle.c); all else is
 * the gofer's. What it opened is what is checked: the name may lead elsewhere by now.
 */
#include "sentry/fs/goferfs_private.h"

#include <errno.h>

#include "postern/cleanup.h"
#include "sentry/fs/gofer_client.h"
#include "sentry/kernel/cred.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"

static bool writes(int flags)
{
    return (flags & O_PATH) == 0 && (flags & O_ACCMODE) != O_RDONLY;
}

static int needed_permission(const struct open_request *request)
{
    static const int by_access[] = {[O_RDONLY] = MAY_READ,
                                    [O_WRONLY] = MAY_WRITE,
                                    [O_RDWR] = MAY_READ | MAY_WRITE,
                                    [O_ACCMODE] = MAY_READ | MAY_WRITE};
    if ((request->flags & O_PATH) != 0)
        return 0;
    int mask = request->exec ? MAY_EXEC : by_access[request->flags & O_ACCMODE];
    return (request->flags & O_TRUNC) != 0 ? mask | MAY_WRITE : mask;
}

/* What was made and opened becomes known. The inode is owned by the caller. A handle costs a third of a hop, and there are few: a file that is new
 * gets one when it is opened again, or asked for by name. */
static struct inode *created_inode(struct vfs *vfs, const struct statx *attributes, int flags, uint64_t asked)
{
    struct inode *inode = inode_obtain(vfs, &goferfs, attributes, asked);
    if (inode != NULL && writes(flags))
        inode_written(vfs, inode);
    return inode;
}

/* The same of what was there. */
static struct inode *opened_inode(struct vfs *vfs, int fd, const struct statx *attributes, int flags, uint64_t asked)
{
    struct inode *inode = created_inode(vfs, attributes, flags, asked);
    if (inode != NULL && attributes->stx_nlink > 0)
        inode_keep_handle(vfs, inode, fd);
    return inode;
}

/* The name led elsewhere than when permission was checked: check what was opened. Not if that may be the same name in another
 * folder. */
static int accept_other(struct dentry *dentry, const struct open_request *request, struct inode *inode, int fd)
{
    const struct statx *attributes = &inode->attributes;
    if (names_moved(dentry->parent))
        return -ESTALE;
    dentry->valid_until = 0;
    if (((attributes->stx_mode ^ dentry->inode->attributes.stx_mode) & S_IFMT) != 0)
        return -ESTALE;
    int error = goferfs_open_permission(request->who, fd, attributes, needed_permission(request));
    if (error == 0 && !names_changed(dentry->parent, vfs_began())) /* else the name may be another's by now */
        dentry_swap_inode(dentry, inode_get(inode));
    return error;
}

/* A program that is open for writing is not executed, and only the gofer can tell. But who would write to it? Nobody outside a
 * root nobody else writes to, and the guest only what it has opened. */
static bool may_have_writer(const struct inode *inode)
{
    return inode->opened_for_write || inode->ids_until <= vfs_now();
}

/* judged: what the caller has judged, held by him. */
static int open_judged(struct vfs *vfs, struct dentry *dentry, const struct inode *judged, const struct open_request *request, int *ret_fd)
{
    char path[VFS_PATH_MAX];
    int flags = request->flags & ~(O_CREAT | O_EXCL);
    bool ask = request->exec && may_have_writer(judged);
    auto_close_unlocked int fd = ask ? -1 : inode_open_locally(vfs, judged, flags);
    if (fd >= 0) {
        *ret_fd = take_fd(&fd);
        return 0;
    }
    struct statx attributes;
    uint64_t asked = vfs->stamp;
    int error = goferfs_path_of(dentry, path);
    if (error < 0)
        return error;
    /* What would be truncated must be what was judged; of all else what was opened is judged anew if it is something else. */
    struct gofer_place place = {.path = path, .fd = -1};
    if ((flags & O_TRUNC) != 0)
        place.expected = gofer_identity_of(&judged->attributes);
    error = vfs_said(dentry, gofer_open(vfs->sentry->gofer, place, flags, 0, NULL, request->exec, &fd, &attributes, NULL));
    if (error < 0)
        return goferfs_doubt(dentry, error);
    struct inode *inode = opened_inode(vfs, fd, &attributes, flags, asked);
    if (inode == NULL)
        return -ENOMEM;
    if (inode != judged)
        error = accept_other(dentry, request, inode, fd);
    inode_put(inode);
    if (error == 0)
        *ret_fd = take_fd(&fd);
    return error;
}

static int open_existing(struct vfs *vfs, struct dentry *dentry, const struct open_request *request, int *ret_fd)
{
    struct inode *judged = inode_get(dentry->inode);
    int error = open_judged(vfs, dentry, judged, request, ret_fd);
    inode_put(judged);
    return error;
}

/* O_TMPFILE: a new file without a name, in this directory. */
static int open_nameless(struct vfs *vfs, const struct dentry *directory, const struct open_request *request,
                         const char *path, int *ret_fd)
{
    const mode_t mode = goferfs_permitted_mode(directory, request->who, request->mode);
    auto_close_unlocked int fd = -1;
    struct statx attributes;
    const struct gofer_owner owner = goferfs_owner_of(request->who);
    uint64_t asked = vfs->stamp;
    int error = gofer_open(vfs->sentry->gofer, goferfs_place(path, directory), request->flags, mode, &owner, 0, &fd,
                           &attributes, NULL);
    if (error < 0)
        return vfs_said(directory, error);
    struct inode *inode = opened_inode(vfs, fd, &attributes, request->flags, asked);
    if (inode == NULL)
        return -ENOMEM;
    inode_remember(vfs, inode);
    inode_put(inode);
    *ret_fd = take_fd(&fd);
    return 0;
}

/* A directory that is gone but somebody's working directory: there is nothing to see in it, but it opens. */
static int open_gone_directory(struct vfs *vfs, const struct inode *inode, const struct open_request *request, int *ret_fd)
{
    const int flags = request->flags;
    if ((flags & O_TMPFILE) == O_TMPFILE)
        return -ENOENT;
    if (writes(flags))
        return -EISDIR;
    int fd = inode_open_locally(vfs, inode, flags);
    if (fd < 0)
        return vfs_gone_directory(vfs, request->who->cred->ruid, ret_fd);
    *ret_fd = fd;
    return 0;
}

int goferfs_open(struct vfs *vfs, struct dentry *dentry, const struct open_request *request, int *ret_fd)
{
    char path[VFS_PATH_MAX];
    if (dentry_is_directory(dentry) && dentry_gone(dentry))
        return open_gone_directory(vfs, dentry->inode, request, ret_fd);
    if ((request->flags & O_TMPFILE) == O_TMPFILE) {
        int error = goferfs_path_of(dentry, path);
        return error < 0 ? error : open_nameless(vfs, dentry, request, path, ret_fd);
    }
    return open_existing(vfs, dentry, request, ret_fd);
}

/* What has come to exist becomes known. */
static int note_created(struct dentry *directory, const char *name, const struct open_request *request, const struct statx *attributes,
                        uint64_t asked)
{
    struct vfs *vfs = directory->vfs;
    struct inode *inode = created_inode(vfs, attributes, request->flags, asked);
    if (inode == NULL)
        return -ENOMEM;
    (void)dentry_settle(vfs, directory, name, inode, names_until(directory));
    return 0;
}

int goferfs_create(struct vfs *vfs, struct dentry *directory, const char *name, const struct open_request *request,
                   int *ret_fd)
{
    char path[VFS_PATH_MAX];
    auto_close_unlocked int fd = -1;
    struct statx attributes;
    const struct gofer_owner owner = goferfs_owner_of(request->who);
    const mode_t mode = goferfs_permitted_mode(directory, request->who, request->mode);
    names_begin(vfs);
    names_lock(directory);
    uint64_t asked = vfs->stamp;
    int error = goferfs_path_below(directory, name, path);
    if (error == 0)
        error = gofer_open(vfs->sentry->gofer, goferfs_place(path, directory), request->flags | O_CREAT | O_EXCL, mode,
                           &owner, 0, &fd, &attributes, NULL);
    vfs_entry_added(directory, name); /* on failure too: EEXIST says we were wrong */
    if (error == 0)
        error = note_created(directory, name, request, &attributes, asked);
    names_unlock(directory);
    if (error == 0)
        *ret_fd = take_fd(&fd);
    return goferfs_doubt(directory, vfs_said(directory, error));
}
