/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who goes through a folder (ls -l, find, tar, rm -r) asks for its names one after the other, each a hop. After a few that were
 * there and not known, the gofer is asked for many at once, in the folder's own order, which is the order in which a program that
 * lists it has them too. It only fills the cache: what is known by it is judged and revalidated as if it had been asked for.
 */
#include "sentry/fs/goferfs_private.h"

#include <stdlib.h>

#include "postern/cleanup.h"
#include "sentry/sentry.h"

enum { FOUND_ENOUGH = 4 };
#define REMEMBERED_NS INT64_C(1000000000) /* a folder that nobody has asked in for so long is gone through anew */

void goferfs_note_found(struct inode *folder)
{
    if (folder->gone_through.since + REMEMBERED_NS < vfs_now()) {
        folder->gone_through.next = 0;
        folder->gone_through.found = 0;
    }
    folder->gone_through.since = vfs_now();
    folder->gone_through.found++;
}

static bool is_gone_through(const struct inode *folder)
{
    return folder->gone_through.found >= FOUND_ENOUGH && folder->gone_through.next >= 0 &&
           folder->gone_through.since + REMEMBERED_NS >= vfs_now();
}

static void enter(struct vfs *vfs, struct dentry *directory, const struct gofer_listed *entry, uint64_t asked)
{
    const struct dentry *known = dentry_cached(vfs, directory, entry->name);
    if (known != NULL && known->inode != NULL)
        return;
    struct inode *inode = inode_obtain(vfs, &goferfs, &entry->attributes, asked);
    if (inode != NULL)
        (void)dentry_settle(vfs, directory, entry->name, inode, names_until(directory));
}

/* The inode is the folder's, held. */
static void list(struct vfs *vfs, struct dentry *directory, struct inode *inode)
{
    char path[VFS_PATH_MAX];
    auto_free struct gofer_listed *entries = calloc(GOFER_LIST_MAX, sizeof(*entries));
    size_t count;
    int64_t from = inode->gone_through.next, next = -1;
    inode->gone_through.next = -1; /* it is asked once, whatever comes of it */
    if (entries == NULL || goferfs_path_of(directory, path) < 0)
        return;
    const uint64_t asked = vfs->stamp;
    if (gofer_list(vfs->sentry->gofer, goferfs_place(path, directory), from, entries, &count, &next) < 0 || directory->inode != inode ||
        names_changed(directory, asked) || dentry_gone(directory))
        return;
    for (size_t i = 0; i < count; i++)
        enter(vfs, directory, &entries[i], asked);
    inode->gone_through.next = next;
}

bool goferfs_list_more(struct vfs *vfs, struct dentry *directory)
{
    if (directory->inode == NULL || !is_gone_through(directory->inode))
        return false;
    struct inode *inode = inode_get(directory->inode);
    list(vfs, directory, inode);
    inode_put(inode);
    return true;
}
