/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount(2), for whoever has the emulated CAP_SYS_ADMIN: the guest's own mounts (vfs/guest_mounts.h). What the bundle has mounted is
 * locked: it can be seen at further places and restricted further, neither taken away nor uncovered nor given more than it has.
 * The host is asked for nothing.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "postern/cleanup.h"
#include "sentry/kernel/cred.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/handlers.h"
#include "sentry/syscalls/mount_private.h"
#include "sentry/vfs/storage.h"

#define MS_ALL_PROPAGATION (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)

unsigned int mount_flags_of(unsigned long flags)
{
    unsigned int own = (unsigned int)flags & MOUNT_OWN_FLAGS & ~(unsigned int)MS_RELATIME;
    return (flags & (MS_NOATIME | MS_STRICTATIME)) == 0 ? own | MS_RELATIME : own;
}

/* --- arguments --- */

static int read_string(struct call *call, int argument, char *buffer, size_t size, bool *ret_present)
{
    if (call->args[argument] == 0)
        return 0;
    ssize_t length = guest_read_string(call, call->args[argument], buffer, size);
    if (length == -ENAMETOOLONG)
        return -EINVAL;
    *ret_present = length >= 0;
    return length < 0 ? (int)length : 0;
}

/* A page, as far as there is one. */
static int read_data(struct mounting *mounting)
{
    struct call *call = mounting->call;
    if (call->args[4] == 0)
        return 0;
    ssize_t length = guest_read_some(call, call->args[4], mounting->data, sizeof(mounting->data) - 1);
    if (length < 0)
        return (int)length;
    mounting->data[length] = '\0';
    mounting->has_data = true;
    return 0;
}

static int read_arguments(struct mounting *mounting)
{
    struct call *call = mounting->call;
    mounting->flags = call->args[3];
    if ((mounting->flags & MS_MGC_MSK) == MS_MGC_VAL)
        mounting->flags &= ~(unsigned long)MS_MGC_MSK;
    /* A type nobody knows may be longer than any we know. */
    char *type = mounting->source;
    int error = read_string(call, 2, type, sizeof(mounting->source), &mounting->has_type);
    if (error == 0 && mounting->has_type) {
        size_t length = strnlen(type, sizeof(mounting->type) - 1);
        memcpy(mounting->type, type, length);
        mounting->type[length] = '\0';
    }
    if (error == 0)
        error = read_string(call, 0, mounting->source, sizeof(mounting->source), &mounting->has_source);
    return error == 0 ? read_data(mounting) : error;
}

int mount_place(const struct mounting *mounting, bool folder, struct dentry **ret_place)
{
    struct dentry *place = guest_mounts_top(mounting->who.sentry->vfs, mounting->target);
    int error = vfs_gone(place);
    if (error == 0 && place->inode == NULL)
        error = -ENOENT;
    if (error == 0 && !guest_place_attached(place))
        error = -EINVAL;
    if (error == 0 && S_ISDIR(place->inode->attributes.stx_mode) != folder)
        error = -ENOTDIR;
    if (error < 0) {
        dentry_put(place);
        return error;
    }
    *ret_place = place;
    return 0;
}

/* --- changes of what is mounted --- */

static int64_t change_flags(struct mounting *mounting)
{
    struct dentry *target = mounting->target;
    struct vfs *vfs = mounting->who.sentry->vfs;
    if (target->guest == NULL)
        return vfs_is_bundle_root(target) ? vfs_restrict_mount(vfs, target, mount_flags_of(mounting->flags)) : -EINVAL;
    if (!is_mount_root(target) || !guest_place_attached(target))
        return -EINVAL;
    /* What is said of times of access stays as it is unless something is said. */
    const unsigned int times = MS_NOATIME | MS_NODIRATIME | MS_RELATIME;
    unsigned int own = mount_flags_of(mounting->flags);
    if ((mounting->flags & (times | MS_STRICTATIME)) == 0)
        own = (own & ~times) | (target->guest->flags & times);
    const bool closes = (own & ~target->guest->flags & MS_RDONLY) != 0;
    if (closes && mount_has_open_files(mounting->call, target->guest, true))
        return -EBUSY;
    target->guest->flags = own;
    return 0;
}

static int propagation_of(unsigned long flags, enum guest_propagation *ret_propagation)
{
    static const struct {
        unsigned long flag;
        enum guest_propagation propagation;
    } kinds[] = {{MS_SHARED, GUEST_SHARED}, {MS_PRIVATE, GUEST_PRIVATE}, {MS_SLAVE, GUEST_SLAVE}, {MS_UNBINDABLE, GUEST_UNBINDABLE}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if ((flags & MS_ALL_PROPAGATION) == kinds[i].flag && (flags & ~(kinds[i].flag | MS_REC | MS_SILENT)) == 0) {
            *ret_propagation = kinds[i].propagation;
            return 0;
        }
    }
    return -EINVAL;
}

static int64_t change_propagation(struct mounting *mounting)
{
    enum guest_propagation propagation;
    struct dentry *target = mounting->target;
    int error = propagation_of(mounting->flags, &propagation);
    if (error == 0 && !is_mount_root(target) && (target->guest != NULL || !vfs_is_bundle_root(target)))
        error = -EINVAL;
    if (error == 0)
        guest_mounts_propagate(mounting->who.sentry->vfs, target, propagation, (mounting->flags & MS_REC) != 0);
    return error;
}

static int64_t run(struct mounting *mounting)
{
    const unsigned long flags = mounting->flags;
    if (!cred_capable(mounting->who.cred, CAP_SYS_ADMIN))
        return -EPERM;
    if ((flags & MS_REMOUNT) != 0)
        return change_flags(mounting);
    if ((flags & MS_BIND) != 0)
        return mount_bind(mounting);
    if ((flags & MS_ALL_PROPAGATION) != 0)
        return change_propagation(mounting);
    if ((flags & MS_MOVE) != 0)
        return mount_move(mounting);
    return mount_new(mounting);
}

int mount_find_source(struct mounting *mounting, struct lookup *ret_lookup)
{
    if (!mounting->has_source || mounting->source[0] == '\0')
        return -EINVAL;
    struct lookup lookup = {.fd = -1};
    int error = path_lookup(mounting->call, &mounting->who, AT_FDCWD, mounting->source, LOOKUP_FOLLOW, &lookup);
    if (error == 0 && lookup.dentry == NULL)
        error = -EINVAL;
    if (error < 0) {
        lookup_release(&lookup);
        return error;
    }
    *ret_lookup = lookup;
    return 0;
}

int64_t sys_mount(struct call *call)
{
    auto_free struct mounting *mounting = calloc(1, sizeof(*mounting));
    if (mounting == NULL)
        return -ENOMEM;
    mounting->call = call;
    vfs_who_from_call(call, &mounting->who);
    int error = read_arguments(mounting);
    if (error < 0)
        return error;
    auto_lookup struct lookup lookup = {.fd = -1};
    error = path_lookup_at(call, &mounting->who, AT_FDCWD, call->args[1], LOOKUP_FOLLOW, &lookup);
    if (error < 0)
        return error;
    mounting->target = lookup.dentry;
    if (lookup.dentry == NULL)
        return cred_capable(call->cred, CAP_SYS_ADMIN) ? -EINVAL : -EPERM;
    if (cred_capable(call->cred, CAP_SYS_ADMIN))
        mounts_sweep(call);
    int64_t result = run(mounting);
    guest_storage_sweep(call->sentry->vfs);
    return result;
}
