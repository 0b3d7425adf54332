/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/vfs/guest_mounts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "sentry/kernel/process.h"
#include "sentry/sentry.h"
#include "sentry/vfs/vfs_internal.h"

enum { FIRST_ID = 950000 };

struct guest_mount *guest_mount_enter(struct guest_mount *mount)
{
    mount->references++;
    mount->views++;
    return mount;
}

/* guest_place.c: which mount a mark stands for. None is given a second time, as what carries it may still be open. */
unsigned char guest_mount_mark(struct guest_mount *mount)
{
    struct guest_table *table = &mount->top->vfs->guests;
    if (mount->mark == 0 && table->last_mark + 1 >= MARK_NONE_LEFT)
        return MARK_NONE_LEFT;
    if (mount->mark == 0) {
        mount->mark = ++table->last_mark;
        table->marked[mount->mark] = mount;
    }
    return mount->mark;
}

static void put(struct guest_mount *mount)
{
    if (--mount->references > 0)
        return;
    if (mount->mark != 0)
        mount->top->vfs->guests.marked[mount->mark] = NULL;
    dentry_put(mount->top);
    if (mount->storage != NULL)
        mount->storage->references--;
    free(mount);
}

void guest_mount_leave(struct guest_mount *mount)
{
    if (mount == NULL)
        return;
    mount->views--;
    put(mount);
}

bool guest_mount_attached(const struct guest_mount *mount)
{
    return mount->attached;
}

bool is_mount_root(const struct dentry *dentry)
{
    return dentry->real != NULL ? dentry->real == dentry->guest->top : dentry == dentry->vfs->root;
}

struct dentry *mount_root_covers(const struct dentry *root)
{
    return root->real != NULL ? root->guest->covered : root->vfs->guests.base_covered;
}

const struct guest_mount *guest_mounts_after(const struct vfs *vfs, uint64_t id)
{
    const struct guest_mount *mount = vfs->guests.first;
    while (mount != NULL && mount->id <= id)
        mount = mount->next;
    return mount;
}

bool guest_place_attached(const struct dentry *place)
{
    return place->guest != NULL ? place->guest->attached : !place->vfs->guests.base_detached;
}

const struct dentry *vfs_bundle_root(const struct vfs *vfs)
{
    return vfs->root;
}

const struct dentry *vfs_bundle_covers(const struct vfs *vfs)
{
    return vfs->guests.base_covered;
}

void vfs_show_mount(const struct dentry *view, struct statx *attributes)
{
    attributes->stx_mnt_id = view->guest->id;
    attributes->stx_attributes_mask |= STATX_ATTR_MOUNT_ROOT;
    attributes->stx_attributes &= ~(uint64_t)STATX_ATTR_MOUNT_ROOT;
    if (is_mount_root(view))
        attributes->stx_attributes |= STATX_ATTR_MOUNT_ROOT;
}

uint64_t guest_mounts_last(const struct vfs *vfs)
{
    return FIRST_ID + vfs->guests.last_id;
}

static void cover(struct dentry **place, struct dentry *covered)
{
    *place = dentry_get(covered);
    dentry_real(covered)->mount_points++;
}

static void uncover(struct dentry **place)
{
    if (*place != NULL)
        dentry_real(*place)->mount_points--;
    *place = dentry_put(*place);
}

static struct dentry **covered_of(struct dentry *root)
{
    return root->real != NULL ? &root->guest->covered : &root->vfs->guests.base_covered;
}

static struct dentry *mounted_on(struct vfs *vfs, const struct dentry *dentry)
{
    const struct guest_table *table = &vfs->guests;
    for (struct guest_mount *mount = table->first; mount != NULL; mount = mount->next)
        if (mount->covered != NULL && same_place(mount->covered, dentry))
            return mount->root;
    return table->base_covered != NULL && same_place(table->base_covered, dentry) ? vfs->root : NULL;
}

struct dentry *guest_mounts_cross(struct vfs *vfs, struct dentry *owned)
{
    struct dentry *root = owned;
    while (root != NULL && dentry_real(owned)->mount_points > 0) {
        root = mounted_on(vfs, owned);
        if (root != NULL) {
            (void)dentry_get(root);
            dentry_put(owned);
            owned = root;
        }
    }
    return owned;
}

int guest_mount_attach(struct vfs *vfs, const struct guest_mount *model, struct dentry *top, struct dentry *covered,
                       struct guest_mount **ret_made)
{
    struct guest_table *table = &vfs->guests;
    if (table->count >= GUEST_MOUNTS_MAX)
        return -ENOSPC;
    struct guest_mount *mount = malloc(sizeof(*mount));
    if (mount == NULL)
        return -ENOMEM;
    *mount = *model;
    mount->references = 1;
    mount->views = 0;
    mount->next = NULL;
    mount->id = FIRST_ID + ++table->last_id;
    mount->top = dentry_get(top);
    mount->attached = true;
    mount->expiring = false;
    mount->covered = NULL;
    mount->mark = 0;
    if (mount->storage != NULL)
        mount->storage->references++;
    mount->root = dentry_view_root(mount, top);
    if (mount->root == NULL) {
        put(mount);
        return -ENOMEM;
    }
    if (covered != NULL)
        cover(&mount->covered, covered);
    struct guest_mount **link = &table->first;
    while (*link != NULL)
        link = &(*link)->next;
    *link = mount;
    table->count++;
    if (ret_made != NULL)
        *ret_made = mount;
    return 0;
}

static void detach_one(struct vfs *vfs, struct guest_mount *mount)
{
    struct guest_mount **link = &vfs->guests.first;
    while (*link != mount)
        link = &(*link)->next;
    *link = mount->next;
    vfs->guests.count--;
    mount->attached = false;
    uncover(&mount->covered);
    views_forget(mount->root);
    mount->root = dentry_put(mount->root);
    put(mount);
}

bool guest_mount_is_below(const struct dentry *place, const struct dentry *root)
{
    for (; place != NULL && place->guest != root->guest; place = place->real != NULL ? place->guest->covered : place->vfs->guests.base_covered)
        ;
    return place != NULL;
}

struct dentry *guest_mounts_top(struct vfs *vfs, struct dentry *place)
{
    return guest_mounts_cross(vfs, dentry_get(place));
}

enum guest_propagation guest_mount_propagation(const struct dentry *place)
{
    return place->guest != NULL ? place->guest->propagation : place->vfs->guests.base_propagation;
}

static void propagate_one(struct guest_table *table, struct guest_mount *mount, enum guest_propagation propagation)
{
    if (mount->propagation != GUEST_SHARED && propagation == GUEST_SHARED)
        mount->peer_group = ++table->last_group;
    /* A slave of what was not shared, or of nobody else, is private. */
    mount->propagation = propagation == GUEST_SLAVE ? GUEST_PRIVATE : propagation;
}

void guest_mounts_propagate(struct vfs *vfs, struct dentry *root, enum guest_propagation propagation, bool deep)
{
    if (root->guest != NULL)
        propagate_one(&vfs->guests, root->guest, propagation);
    else if (root == vfs->root)
        vfs->guests.base_propagation = propagation == GUEST_SLAVE ? GUEST_PRIVATE : propagation;
    for (struct guest_mount *mount = vfs->guests.first; deep && mount != NULL; mount = mount->next)
        if (mount->root != root && guest_mount_is_below(mount->covered, root))
            propagate_one(&vfs->guests, mount, propagation);
}

/* --- taken away, moved --- */

static struct dentry *child_of(struct vfs *vfs, const struct dentry *root)
{
    for (struct guest_mount *mount = vfs->guests.first; mount != NULL; mount = mount->next)
        if (mount->covered != NULL && mount->covered->guest == root->guest)
            return mount->root;
    const struct dentry *covered = vfs->guests.base_covered;
    return covered != NULL && covered->guest == root->guest ? vfs->root : NULL;
}

void guest_mount_detach(struct vfs *vfs, struct dentry *root)
{
    for (struct dentry *child = child_of(vfs, root); child != NULL; child = child_of(vfs, root))
        guest_mount_detach(vfs, child);
    if (root->real != NULL) {
        detach_one(vfs, root->guest);
        return;
    }
    uncover(&vfs->guests.base_covered);
    vfs->guests.base_detached = true;
}

bool guest_mount_is_used(struct vfs *vfs, struct dentry *root, unsigned int mine)
{
    if (root->real == NULL || child_of(vfs, root) != NULL)
        return true;
    views_forget(root);
    return root->guest->views > 1 || root->references > 1 + mine;
}

void guest_mount_move(struct dentry *root, struct dentry *covered)
{
    struct dentry **place = covered_of(root);
    (void)dentry_get(covered); /* it may be kept by what it lay on alone */
    uncover(place);
    cover(place, covered);
    dentry_put(covered);
}

struct dentry *guest_namespace_root(const struct dentry *place)
{
    const struct dentry *covered;
    while ((covered = place->real != NULL ? place->guest->covered : place->vfs->guests.base_covered) != NULL)
        place = covered;
    return place->real != NULL ? place->guest->root : place->vfs->root;
}

void guest_namespaces_sweep(struct vfs *vfs, bool (*is_used)(const struct dentry *root, void *data), void *data)
{
    for (struct guest_mount *mount = vfs->guests.first; mount != NULL;) {
        const bool is_namespace = mount->covered == NULL && mount->root != vfs->guests.root;
        if (is_namespace && !is_used(mount->root, data)) {
            guest_mount_detach(vfs, mount->root); /* and others with it */
            mount = vfs->guests.first;
        } else {
            mount = mount->next;
        }
    }
}

void guest_mounts_pivot(struct vfs *vfs, struct dentry *before, struct dentry *new_root, struct dentry *covered)
{
    new_root = new_root->real != NULL ? new_root->guest->root : new_root;
    uncover(covered_of(new_root));
    cover(covered_of(before), covered);
    if (before != vfs->guests.root)
        return; /* of another namespace than the first */
    vfs->guests.root = new_root->real != NULL ? dentry_get(new_root) : new_root;
    if (before->real != NULL)
        dentry_put(before);
}
