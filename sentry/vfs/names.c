/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of names, in order: what the kernel's i_rwsem of a folder and s_vfs_rename_mutex do. All of it happens under the state lock,
 * so a lock is a flag; who has to wait for one lets go of the state lock, and of the receiver's place.
 */
#include "sentry/platform/worker.h"
#include "sentry/vfs/vfs_internal.h"

static struct waiters unlocked = WAITERS_NONE;

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

static void note_change(struct dentry *directory)
{
    directory->names_changed = ++directory->vfs->stamp;
    attributes_aged(directory);
}

void names_lock(struct dentry *directory)
{
    lock(&directory->names_locked);
    note_change(directory);
}

void names_unlock(struct dentry *directory)
{
    note_change(directory);
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
