/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of names, in order: what the kernel's i_rwsem of a folder and s_vfs_rename_mutex do. All of it happens under the state lock,
 * so a lock is a flag; who has to wait for one lets go of the state lock, and of the receiver's place. In this order: names_begin, the
 * tree, folders by their addresses. A folder is held by a reference of whoever locks it or waits for it.
 */
#include "sentry/platform/worker.h"
#include "sentry/vfs/vfs_internal.h"

#include <errno.h>

static struct waiters unlocked = WAITERS_NONE;
static _Thread_local bool last_attempt;        /* its address stands for the thread, too */
static _Thread_local struct dentry *disturbed; /* a folder whose names were being changed: a reference */

static void lock(bool *flag)
{
    while (*flag)
        state_wait(&unlocked);
    *flag = true;
}

static void unlock(bool *flag)
{
    *flag = false;
    state_wake(&unlocked);
}

void names_note(struct dentry *directory)
{
    directory->names_changed = ++directory->vfs->stamp;
    attributes_aged(directory);
}

void names_lock(struct dentry *directory)
{
    lock(&directory->names_locked);
    names_note(directory);
}

void names_unlock(struct dentry *directory)
{
    names_note(directory);
    unlock(&directory->names_locked);
}

/* In the order of their addresses, so that no two wait for each other. */
void names_lock_two(struct dentry *one, struct dentry *other)
{
    names_lock(one < other ? one : other);
    if (one != other)
        names_lock(one < other ? other : one);
}

void names_unlock_two(struct dentry *one, struct dentry *other)
{
    names_unlock(one);
    if (one != other)
        names_unlock(other);
}

void names_wait(const struct dentry *directory)
{
    while (directory->names_locked)
        state_wait(&unlocked);
}

bool names_changed(const struct dentry *directory, uint64_t asked)
{
    return directory->names_locked || directory->names_changed > asked;
}

void names_lock_tree(struct vfs *vfs)
{
    lock(&vfs->tree_locked);
}

void names_unlock_tree(struct vfs *vfs)
{
    unlock(&vfs->tree_locked);
}

/* --- calls that are made again --- */

bool names_moved(const struct dentry *dentry)
{
    dentry = dentry_real(dentry);
    for (; !last_attempt && dentry->parent != dentry; dentry = dentry->parent) {
        if (!names_changed(dentry->parent, vfs_began()))
            continue;
        if (disturbed == NULL)
            disturbed = dentry_get(dentry->parent);
        return true;
    }
    return false;
}

int vfs_said(const struct dentry *dentry, int error)
{
    bool of_path = error == -ENOENT || error == -ENOTDIR || error == -ELOOP || error == -ESTALE;
    return of_path && names_moved(dentry) ? -ESTALE : error;
}

void vfs_attempt_end(bool wait)
{
    if (wait && disturbed != NULL)
        names_wait(disturbed);
    disturbed = dentry_put(disturbed);
}

int vfs_gone(const struct dentry *dentry)
{
    dentry = dentry_real(dentry);
    for (; !dentry->deleted; dentry = dentry->parent)
        if (dentry->parent == dentry)
            return 0;
    return dentry->names_changed > vfs_began() && !last_attempt ? -ESTALE : -ENOENT;
}

void names_begin(struct vfs *vfs)
{
    while (vfs->holding != NULL && vfs->holding != &last_attempt)
        state_wait(&unlocked);
}

void vfs_hold_names(struct vfs *vfs)
{
    names_begin(vfs);
    vfs->holding = &last_attempt;
}

void vfs_release_names(struct vfs *vfs)
{
    vfs->holding = NULL;
    state_wake(&unlocked);
}

void vfs_last_attempt(bool last)
{
    last_attempt = last;
}
