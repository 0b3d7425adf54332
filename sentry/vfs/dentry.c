/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dentries: names and what they lead to. A dentry is found by (parent, name), so a directory that moves takes
 * everything below it along. Its references are its users and its children in the tree; with none left it waits on a
 * list.
 */
#include "sentry/vfs/vfs_internal.h"

#include <stdlib.h>
#include <string.h>

static struct dentry **bucket_of(struct vfs *vfs, const struct dentry *directory, const char *name)
{
    uint64_t hash = vfs->seed ^ ((uintptr_t)directory >> 4);
    for (const char *c = name; *c != '\0'; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    hash ^= hash >> 29;
    return &vfs->dentries[hash & (DENTRY_BUCKETS - 1)];
}

static void hash_add(struct dentry *dentry)
{
    struct dentry **bucket = bucket_of(dentry->vfs, dentry->parent, dentry->name);
    dentry->hash_next = *bucket;
    *bucket = dentry;
    dentry->hashed = true;
}

static void hash_remove(struct dentry *dentry)
{
    if (!dentry->hashed)
        return;
    struct dentry **link = bucket_of(dentry->vfs, dentry->parent, dentry->name);
    while (*link != dentry)
        link = &(*link)->hash_next;
    *link = dentry->hash_next;
    dentry->hash_next = NULL;
    dentry->hashed = false;
}

static void lru_add(struct dentry *dentry)
{
    struct dentry *head = &dentry->vfs->lru;
    dentry->lru_next = head;
    dentry->lru_previous = head->lru_previous;
    head->lru_previous->lru_next = dentry;
    head->lru_previous = dentry;
    dentry->unused = true;
    dentry->vfs->unused_count++;
}

static void lru_remove(struct dentry *dentry)
{
    if (!dentry->unused)
        return;
    dentry->lru_previous->lru_next = dentry->lru_next;
    dentry->lru_next->lru_previous = dentry->lru_previous;
    dentry->lru_next = dentry->lru_previous = NULL;
    dentry->unused = false;
    dentry->vfs->unused_count--;
}

static void child_add(struct dentry *dentry, struct dentry *directory)
{
    dentry->parent = dentry_get(directory);
    dentry->sibling_previous = NULL;
    dentry->sibling_next = directory->children;
    if (directory->children != NULL)
        directory->children->sibling_previous = dentry;
    directory->children = dentry;
}

/* The parent's reference is handed to the caller. */
static struct dentry *child_remove(struct dentry *dentry)
{
    struct dentry *parent = dentry->parent;
    if (dentry->sibling_previous != NULL)
        dentry->sibling_previous->sibling_next = dentry->sibling_next;
    else
        parent->children = dentry->sibling_next;
    if (dentry->sibling_next != NULL)
        dentry->sibling_next->sibling_previous = dentry->sibling_previous;
    dentry->sibling_next = dentry->sibling_previous = NULL;
    return parent;
}

void dentry_swap_inode(struct dentry *dentry, struct inode *inode)
{
    struct inode *old = dentry->inode;
    if (dentry->real != NULL) {
        dentry->inode = inode;
        inode_put(old);
        return;
    }
    if (old != NULL && old->alias == dentry)
        old->alias = NULL;
    dentry->inode = inode;
    if (inode != NULL) {
        dentry->filesystem = inode->filesystem;
        if (S_ISDIR(inode->attributes.stx_mode) && inode->alias == NULL)
            inode->alias = dentry;
    } else {
        dentry->filesystem = dentry->parent->filesystem;
    }
    inode_put(old);
}

static struct dentry *dentry_new(struct vfs *vfs, struct dentry *directory, const char *name, struct inode *inode)
{
    struct dentry *dentry = calloc(1, sizeof(*dentry));
    char *copy = strdup(name);
    if (dentry == NULL || copy == NULL) {
        free(dentry);
        free(copy);
        inode_put(inode);
        return NULL;
    }
    dentry->vfs = vfs;
    dentry->name = copy;
    dentry->references = 1;
    vfs->dentry_count++;
    if (directory != NULL)
        child_add(dentry, directory);
    else
        dentry->parent = dentry;
    dentry_swap_inode(dentry, inode);
    return dentry;
}

static void release(struct dentry *dentry);

/* Frees one dentry without users or children. Returns its parent, whose reference the caller must drop. */
static struct dentry *dentry_free(struct dentry *dentry)
{
    struct dentry *real = dentry->real;
    struct guest_mount *guest = dentry->guest;
    lru_remove(dentry);
    hash_remove(dentry);
    struct dentry *parent = dentry->parent != dentry ? child_remove(dentry) : NULL; /* none above a tree's root */
    if (dentry->inode != NULL && dentry->inode->alias == dentry)
        dentry->inode->alias = NULL;
    inode_put(dentry->inode);
    dentry->vfs->dentry_count--;
    free(dentry->name);
    free(dentry->prefix);
    free(dentry);
    release(real);
    guest_mount_leave(guest);
    return parent;
}

/* Drops a reference; frees what has no name any more, upwards as far as it goes. */
static void release(struct dentry *dentry)
{
    while (dentry != NULL && --dentry->references == 0) {
        if (dentry->hashed) {
            lru_add(dentry);
            return;
        }
        dentry = dentry_free(dentry);
    }
}

static void shrink(struct vfs *vfs)
{
    while ((vfs->unused_count > vfs->unused_max || vfs->dentry_count > vfs->dentry_max) &&
           vfs->lru.lru_next != &vfs->lru)
        release(dentry_free(vfs->lru.lru_next));
}

struct dentry *dentry_get(struct dentry *dentry)
{
    lru_remove(dentry);
    dentry->references++;
    return dentry;
}

struct dentry *dentry_put(struct dentry *dentry)
{
    if (dentry != NULL) {
        struct vfs *vfs = dentry->vfs;
        release(dentry);
        shrink(vfs);
    }
    return NULL;
}

struct dentry *dentry_cached(struct vfs *vfs, const struct dentry *directory, const char *name)
{
    struct dentry *dentry = *bucket_of(vfs, directory, name);
    while (dentry != NULL && (dentry->parent != directory || strcmp(dentry->name, name) != 0))
        dentry = dentry->hash_next;
    return dentry;
}

/* What something is mounted on stays what it is: it is covered, and who looks below by another mount sees it as it was. */
static bool stays(const struct dentry *dentry)
{
    return dentry->pinned || dentry->mount_points > 0;
}

bool dentry_valid(const struct dentry *dentry)
{
    return stays(dentry) || dentry->valid_until >= vfs_now();
}

bool dentry_is_at(const struct dentry *dentry, const struct dentry *directory, const char *name)
{
    dentry = dentry_real(dentry);
    directory = dentry_real(directory);
    return dentry->parent == directory && !dentry->deleted && strcmp(dentry->name, name) == 0;
}

bool dentry_is_directory(const struct dentry *dentry)
{
    return dentry->inode != NULL && S_ISDIR(dentry->inode->attributes.stx_mode);
}

bool dentry_gone(const struct dentry *dentry)
{
    dentry = dentry_real(dentry);
    for (; !dentry->deleted; dentry = dentry->parent) {
        if (dentry->parent == dentry)
            return false;
    }
    return true;
}

void dentry_kill(struct dentry *dentry)
{
    if (stays(dentry) || dentry->deleted)
        return;
    dentry->deleted = true;
    dentry->names_changed = ++dentry->vfs->stamp;
    hash_remove(dentry);
    if (dentry->unused)
        release(dentry_free(dentry));
}

void dentry_place(struct dentry *dentry, struct dentry *directory, char *name)
{
    hash_remove(dentry);
    struct dentry *old = child_remove(dentry);
    free(dentry->name);
    dentry->name = name;
    child_add(dentry, directory);
    dentry->deleted = false;
    hash_add(dentry);
    release(old);
}

bool dentry_is_below(const struct dentry *dentry, const struct dentry *above)
{
    for (; dentry != above; dentry = dentry->parent) {
        if (dentry->parent == dentry)
            return false;
    }
    return true;
}

/* A directory that was known under another name has been moved by somebody else: its dentry follows, so that those who
 * work in it stay in it. */
static struct dentry *follow_alias(struct dentry *directory, const char *name, struct inode *inode, int64_t valid_until)
{
    struct dentry *alias = inode->alias;
    if (alias == NULL || alias->pinned || alias->parent == alias || dentry_is_below(directory, alias))
        return NULL;
    char *copy = strdup(name);
    if (copy == NULL)
        return NULL;
    dentry_place(alias, directory, copy);
    alias->valid_until = valid_until;
    return alias;
}

static struct dentry *settle_new(struct vfs *vfs, struct dentry *directory, const char *name, struct inode *inode,
                                 int64_t valid_until)
{
    if (inode != NULL && S_ISDIR(inode->attributes.stx_mode)) {
        struct dentry *moved = follow_alias(directory, name, inode, valid_until);
        if (moved != NULL) {
            inode_put(inode);
            return moved;
        }
    }
    struct dentry *dentry = dentry_new(vfs, directory, name, inode);
    if (dentry == NULL)
        return NULL;
    dentry->valid_until = valid_until;
    hash_add(dentry);
    release(dentry);
    return dentry;
}

/* Two inodes of a filesystem that makes a new one at each look-up: the first stays, with what the second knows. */
static bool merge(struct inode *known, const struct inode *found)
{
    if (known == NULL || found == NULL || known->vfs != NULL || found->vfs != NULL ||
        known->filesystem != found->filesystem || !same_object(&known->attributes, &found->attributes))
        return false;
    known->attributes = found->attributes;
    known->fresh_until = found->fresh_until;
    return true;
}

struct dentry *dentry_settle(struct vfs *vfs, struct dentry *directory, const char *name, struct inode *inode,
                             int64_t valid_until)
{
    struct dentry *dentry = dentry_cached(vfs, directory, name);
    if (dentry == NULL)
        return settle_new(vfs, directory, name, inode, valid_until);
    if (stays(dentry) || dentry->inode == inode || merge(dentry->inode, inode)) {
        inode_put(inode);
        dentry->valid_until = valid_until;
        return dentry;
    }
    bool elsewhere = inode != NULL && S_ISDIR(inode->attributes.stx_mode) && inode->alias != NULL;
    bool reborn =
        dentry->inode != NULL && inode != NULL && reborn_folder(&dentry->inode->attributes, &inode->attributes);
    if ((dentry->inode == NULL || reborn) && !elsewhere) {
        dentry_swap_inode(dentry, inode);
        dentry->valid_until = valid_until;
        return dentry;
    }
    dentry_kill(dentry);
    return settle_new(vfs, directory, name, inode, valid_until);
}

struct dentry *dentry_detached(struct vfs *vfs, struct dentry *parent, const char *name, struct inode *inode)
{
    struct dentry *dentry = dentry_new(vfs, parent, name, inode);
    if (dentry != NULL)
        dentry->deleted = true;
    return dentry;
}

/* --- views --- */

static struct dentry *view_new(struct dentry *directory, struct guest_mount *guest, struct dentry *real, const char *name)
{
    struct dentry *view = dentry_new(real->vfs, directory, name, NULL);
    if (view == NULL)
        return NULL;
    view->real = dentry_get(real);
    view->guest = guest_mount_enter(guest);
    view->filesystem = &viewfs;
    view_refresh(view);
    return view;
}

void view_refresh(struct dentry *view)
{
    struct inode *inode = view->real->inode;
    if (view->inode != inode)
        dentry_swap_inode(view, inode != NULL ? inode_get(inode) : NULL);
}

struct dentry *dentry_view_root(struct guest_mount *guest, struct dentry *real)
{
    return view_new(NULL, guest, real, "");
}

struct dentry *dentry_view(struct dentry *directory, struct dentry *real)
{
    struct dentry *known = dentry_cached(directory->vfs, directory, real->name);
    if (known != NULL && known->real == real) {
        view_refresh(known);
        return dentry_get(known);
    }
    if (known != NULL)
        dentry_kill(known);
    struct dentry *view = view_new(directory, directory->guest, real, real->name);
    if (view != NULL && guest_mount_attached(directory->guest))
        hash_add(view);
    return view;
}

/* The deepest first: what nobody uses below a view that stays goes too. */
void views_forget(struct dentry *view)
{
    (void)dentry_get(view);
    while (view->children != NULL) {
        struct dentry *child = view->children;
        while (child != NULL && (child->deleted || stays(child)))
            child = child->sibling_next;
        if (child == NULL)
            break;
        (void)dentry_get(child);
        views_forget(child);
        dentry_kill(child);
        release(child);
    }
    release(view);
}
