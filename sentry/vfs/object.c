/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is behind a descriptor of the guest, by identity. Descriptors are never remembered by number: statx of our copy
 * says on which mount the object is, and that says whose it is.
 *
 * In our user namespace the owner of a host file cannot be expressed, so ids of gofer files come from the inode cache
 * or from the gofer. All else a local statx knows, without a hop.
 */
#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/fs/gofer_client.h"
#include "sentry/fs/goferfs.h"
#include "sentry/kernel/process.h"
#include "sentry/platform/call.h"
#include "sentry/platform/unlocked.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"
#include "sentry/vfs/object_private.h"
#include "sentry/vfs/storage.h"
#include "sentry/vfs/vfs_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

CONFINE_ALLOW(statx, "what is behind a descriptor");

enum { OBJECT_MASK = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID };

void object_release(struct object *object)
{
    close_unlocked(object->fd);
    object->fd = -1;
    object->dentry = dentry_put(object->dentry);
}

/* Owner and mode change the change time, so with that unchanged they are what they were: unless we know of a change, as one may
 * follow another within the same tick. */
static bool ids_known(const struct inode *inode, const struct statx *local)
{
    if (inode->ids_until == IDS_CHANGED)
        return false;
    if (inode_ids_fresh(inode))
        return true;
    const struct statx_timestamp *then = &inode->attributes.stx_ctime, *now = &local->stx_ctime;
    return then->tv_sec == now->tv_sec && then->tv_nsec == now->tv_nsec;
}

static int file_owner(struct vfs *vfs, struct object *object)
{
    const struct inode *known = inode_cached(vfs, &object->attributes);
    if (known == NULL || !ids_known(known, &object->attributes)) {
        struct statx attributes;
        uint64_t asked = vfs->stamp;
        int error = gofer_getattr(vfs->sentry->gofer, (struct gofer_place){.fd = object->fd}, &attributes);
        if (error < 0)
            return error;
        if (!same_object(&attributes, &object->attributes))
            return -EIO;
        struct inode *inode = inode_obtain(vfs, &goferfs, &attributes, asked);
        if (inode == NULL)
            return -ENOMEM;
        inode_remember(vfs, inode); /* it may have no name */
        inode_put(inode);
        known = inode;
    }
    object->attributes.stx_uid = known->attributes.stx_uid;
    object->attributes.stx_gid = known->attributes.stx_gid;
    return 0;
}

/* Pipes, sockets and the like belong to whoever asks, until somebody has changed that: natively all the guest's tasks are one id. The
 * kernel's own inode behind eventfd and its kin is root's; what came from outside is taken for the container's user's. Says
 * whether the guest made it. */
static bool anonymous_owner(struct vfs *vfs, const struct cred *cred, struct statx *attributes)
{
    const struct sentry *sentry = vfs->sentry;
    const bool of_kernel = (attributes->stx_mode & S_IFMT) == 0;
    const bool pair = S_ISSOCK(attributes->stx_mode) && attributes->stx_uid == sentry->self_uid; /* made by us for a guest */
    const bool of_guest = attributes->stx_uid == sentry->guest_uid || pair;
    if (of_kernel) {
        attributes->stx_uid = 0;
        attributes->stx_gid = 0;
        return false;
    }
    attributes->stx_uid = of_guest ? cred->fsuid : sentry->boot->uid;
    attributes->stx_gid = of_guest ? cred->fsgid : sentry->boot->gid;
    nameless_show(vfs, attributes);
    return of_guest;
}

int object_attributes(struct vfs *vfs, const struct cred *cred, int fd, struct statx *ret_attributes)
{
    struct object object = {.fd = fd};
    int error = unlocked_statx(fd, OBJECT_MASK, &object.attributes);
    if (error < 0)
        return error;
    object.kind = object_classify(vfs, &object.attributes);
    if (object.kind == OBJECT_FILE)
        error = file_owner(vfs, &object);
    else if (object.kind == OBJECT_ANONYMOUS && !nsfs_show(vfs->sentry->boot, &object.attributes))
        (void)anonymous_owner(vfs, cred, &object.attributes);
    if (error == 0)
        *ret_attributes = object.attributes;
    return error;
}

/* A stand-in for a directory that cannot be found any more: nothing is in it, nothing can be made in it, and no way leads up from it:
 * above it might be what its user's root keeps from him. */
static int lost_directory(struct vfs *vfs, const struct object *object, struct dentry **ret_dentry)
{
    static const struct filesystem nowhere = {.name = "gone"};
    struct inode *inode = object->kind == OBJECT_FILE ? inode_obtain(vfs, &goferfs, &object->attributes, vfs->stamp)
                                                      : inode_new(&nowhere, &object->attributes);
    if (inode == NULL)
        return -ENOMEM;
    struct dentry *dentry = dentry_detached(vfs, NULL, "gone", inode);
    if (dentry == NULL)
        return -ENOMEM;
    *ret_dentry = dentry;
    return 0;
}

static bool is_object(const struct dentry *dentry, const struct object *object)
{
    if (object->kind == OBJECT_FILE)
        return same_object(&dentry->inode->attributes, &object->attributes);
    return dentry->inode->vfs == NULL && dentry_is_directory(dentry) == S_ISDIR(object->attributes.stx_mode);
}

static int find_at(struct vfs *vfs, const char *path, const struct object *object, struct dentry **ret_dentry)
{
    struct dentry *dentry;
    bool stored = object->kind == OBJECT_FILE && guest_storage_holds(vfs, &object->attributes);
    int error = stored ? guest_storage_find(vfs, path, &dentry) : vfs_find_now(vfs, path, &dentry);
    if (error < 0)
        return error;
    if (is_object(dentry, object)) {
        *ret_dentry = dentry;
        return 0;
    }
    if (!dentry->pinned)
        dentry->valid_until = 0;
    dentry_put(dentry);
    return -ESTALE;
}

/* The host says where the object is now. If we know something else there, we are behind: an overlay that copies a
 * folder up for its first change gives it a new time of birth. So ask once more. */
static int find_by_path(struct vfs *vfs, const struct object *object, struct dentry **ret_dentry)
{
    char path[OBJECT_PATH_MAX];
    int error = object_path(vfs->sentry, object->fd, object->kind, &object->attributes, path, sizeof(path));
    if (error == 0)
        error = strlen(path) < VFS_PATH_MAX ? find_at(vfs, path, object, ret_dentry) : -ENAMETOOLONG;
    if (error == -ESTALE)
        error = find_at(vfs, path, object, ret_dentry);
    return error == -ESTALE ? -ENOENT : error;
}

static int find_directory(struct vfs *vfs, const struct object *object, struct dentry **ret_dentry)
{
    struct dentry *alias = NULL;
    if (object->kind == OBJECT_FILE) {
        const struct inode *inode = inode_cached(vfs, &object->attributes);
        alias = inode != NULL ? inode->alias : NULL;
        if (alias != NULL && (!dentry_gone(alias) || inode->attributes.stx_nlink == 0)) {
            *ret_dentry = dentry_get(alias);
            return 0;
        }
    }
    if (object->kind != OBJECT_ANONYMOUS && find_by_path(vfs, object, ret_dentry) == 0)
        return 0;
    if (object->kind == OBJECT_FILE) { /* the search may have freed or moved it */
        const struct inode *inode = inode_cached(vfs, &object->attributes);
        if (inode != NULL && inode->alias != NULL) {
            *ret_dentry = dentry_get(inode->alias);
            return 0;
        }
    }
    return lost_directory(vfs, object, ret_dentry);
}

static int synthetic_attributes(struct vfs *vfs, struct object *object)
{
    if (object->dentry == NULL)
        (void)find_by_path(vfs, object, &object->dentry);
    object->attributes.stx_uid = 0;
    object->attributes.stx_gid = 0;
    if (object->dentry == NULL || object->dentry->inode->filesystem->getattr == NULL)
        return 0; /* its process is gone, not so the descriptor */
    if (vfs_getattr(vfs, object->dentry) == 0)
        object->attributes = object->dentry->inode->attributes;
    return 0;
}

/* What was found by identity, as the caller has it. */
static int place_object(struct call *call, struct object *object)
{
    struct vfs *vfs = call->sentry->vfs;
    if (vfs->guests.last_id == 0 || object->dentry == NULL)
        return 0;
    const struct dentry *root = context_fs(call->context, call->task->fs).root;
    object->dentry = guest_place(vfs, root, object->mark, object->dentry);
    if (object->dentry == NULL && S_ISDIR(object->attributes.stx_mode))
        return lost_directory(vfs, object, &object->dentry);
    return 0;
}

int object_set(struct vfs *vfs, const struct object *object, const struct setattr *set)
{
    struct statx after = {0};
    struct inode *inode = inode_cached(vfs, &object->attributes);
    if (inode != NULL)
        inode_changes(inode_get(inode));
    const uint64_t began = vfs->stamp;
    int error = gofer_setattr(vfs->sentry->gofer, (struct gofer_place){.fd = object->fd}, set, &after);
    if (inode != NULL)
        inode_changed_to(inode, &after, began);
    else
        object_changed(vfs, object);
    inode_put(inode);
    return error;
}

int object_want_write(const struct vfs *vfs, const struct object *object)
{
    return (guest_mark_flags(vfs, object->mark) & MS_RDONLY) != 0 ? -EROFS : 0;
}

static int complete(struct call *call, struct object *object)
{
    struct vfs *vfs = call->sentry->vfs;
    const struct cred *cred = call->cred;
    int error = 0;
    if (S_ISDIR(object->attributes.stx_mode))
        error = find_directory(vfs, object, &object->dentry);
    if (error == 0)
        error = place_object(call, object);
    if (error < 0)
        return error;
    switch (object->kind) {
    case OBJECT_FILE:
        return file_owner(vfs, object);
    case OBJECT_SYNTHETIC:
        return synthetic_attributes(vfs, object);
    default:
        object->is_namespace = nsfs_show(vfs->sentry->boot, &object->attributes);
        object->of_guest = !object->is_namespace && anonymous_owner(vfs, cred, &object->attributes);
        return 0;
    }
}

int object_from_own_fd(struct call *call, int fd, struct object *ret_object)
{
    struct vfs *vfs = call->sentry->vfs;
    struct object object = {.fd = fd};
    vfs_tick_for_call(vfs, call);
    int error = unlocked_statx(fd, OBJECT_MASK, &object.attributes);
    if (error == 0) {
        object.kind = object_classify(vfs, &object.attributes);
        object.mark = vfs_mark_of(vfs, fd, object.attributes.stx_mode, object.kind == OBJECT_FILE);
        error = complete(call, &object);
    }
    if (error < 0) {
        object_release(&object);
        return error;
    }
    *ret_object = object;
    return 0;
}

int object_from_fd(struct call *call, int guest_fd, struct object *ret_object)
{
    int fd = call_get_fd(call, guest_fd);
    return fd < 0 ? fd : object_from_own_fd(call, fd, ret_object);
}

int object_dentry(struct call *call, struct object *object)
{
    if (object->dentry != NULL)
        return dentry_gone(object->dentry) ? -ENOENT : 0;
    if (object->kind == OBJECT_ANONYMOUS)
        return -ENOENT;
    int error = find_by_path(call->sentry->vfs, object, &object->dentry);
    if (error == 0)
        error = place_object(call, object);
    return error == 0 && object->dentry == NULL ? -ENOENT : error;
}
