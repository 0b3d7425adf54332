/* SPDX-License-Identifier: Apache-2.0 */
/* What a change to a directory means for the caches. All may be told more than once. */
#include "sentry/vfs/vfs_internal.h"

#include <stdlib.h>
#include <string.h>

void vfs_entry_added(struct dentry *directory, const char *name)
{
    directory = dentry_real(directory);
    struct dentry *dentry = dentry_cached(directory->vfs, directory, name);
    if (dentry != NULL && dentry->inode == NULL && !dentry->pinned)
        dentry->valid_until = 0;
    names_note(directory);
}

static void note_absence(struct dentry *directory, const char *name)
{
    if (dentry_cached(directory->vfs, directory, name) == NULL)
        (void)dentry_settle(directory->vfs, directory, name, NULL, names_until(directory));
}

/* The name of an inode is gone: its links and change time are not what they were. */
static void lose_name(struct dentry *dentry)
{
    attributes_aged(dentry);
    if (dentry_is_directory(dentry))
        dentry->inode->attributes.stx_nlink = 0;
    else if (dentry->inode != NULL)
        inode_drop_handle(dentry->inode); /* it would hold the space */
    dentry_kill(dentry);
}

void vfs_entry_removed(struct dentry *victim)
{
    victim = dentry_real(victim);
    if (victim->pinned || victim->deleted)
        return;
    struct dentry *directory = dentry_get(victim->parent);
    char name[VFS_NAME_MAX + 1];
    (void)strcpy(name, victim->name);
    names_note(directory);
    lose_name(victim);
    note_absence(directory, name);
    dentry_put(directory);
}

static bool is_hard_link(const struct dentry *source, const struct dentry *target)
{
    if (source->inode == NULL || dentry_is_directory(source))
        return false;
    if (target != NULL)
        return target->inode == source->inode;
    return source->inode->attributes.stx_nlink > 1;
}

static void move_one(struct dentry *source, struct dentry *directory, const char *name)
{
    char *copy = strdup(name);
    if (copy == NULL) {
        dentry_kill(source); /* to be looked up again */
        return;
    }
    dentry_place(source, directory, copy);
    source->valid_until = names_until(directory);
}

void vfs_entry_moved(struct dentry *source, struct dentry *directory, const char *name, bool exchange)
{
    source = dentry_real(source);
    directory = dentry_real(directory);
    if (source->pinned || source->deleted || (source->parent == directory && strcmp(source->name, name) == 0))
        return;
    struct dentry *from = dentry_get(source->parent);
    char old_name[VFS_NAME_MAX + 1];
    (void)strcpy(old_name, source->name);
    names_note(from);
    names_note(directory);
    attributes_aged(source);

    struct dentry *target = dentry_cached(directory->vfs, directory, name);
    if (!exchange && is_hard_link(source, target)) {
        /* rename(2) does nothing between names of one file; without a look at the target both are possible. */
        if (target == NULL)
            dentry_kill(source);
        dentry_put(from);
        return;
    }
    if (target != NULL)
        (void)dentry_get(target);
    if (target != NULL && (!exchange || target->inode == NULL))
        lose_name(target);
    move_one(source, directory, name);
    if (exchange && target != NULL && target->inode != NULL) {
        attributes_aged(target);
        move_one(target, from, old_name);
    } else if (!exchange) {
        note_absence(from, old_name);
    }
    dentry_put(target);
    dentry_put(from);
}
