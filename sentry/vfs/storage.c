/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the files of the guest's own tmpfs mounts are: each in a folder of its own of a tmpfs that the gofer has at the place of
 * /proc, of which guests see the sentry's tree and nothing else. Such a folder is the root of a tree of its own here, which only
 * views lead into, and nothing leads out of. It is emptied and removed when no mount and no view is left.
 *
 * What is in it is memory of the container's cgroup, as memory files are, which every guest can make.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/fs/gofer_client.h"
#include "sentry/fs/goferfs.h"
#include "sentry/platform/unlocked.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"
#include "sentry/vfs/storage.h"
#include "sentry/vfs/vfs_internal.h"

CONFINE_ALLOW(getdents64, "what a tmpfs of the guest's leaves behind");

enum { BATCH = 8192 };

static const struct boot_mount *place_of_storage(const struct vfs *vfs)
{
    const struct boot_config *boot = vfs->sentry->boot;
    for (uint32_t i = 0; i < boot->mount_count && i < BOOT_MOUNTS_MAX; i++)
        if (boot->mounts[i].storage != 0)
            return &boot->mounts[i];
    return NULL;
}

bool guest_storage_holds(const struct vfs *vfs, const struct statx *attributes)
{
    const struct boot_mount *place = place_of_storage(vfs);
    return place != NULL && place->mount_id == attributes->stx_mnt_id;
}

void guest_storage_drop(struct guest_storage *storage)
{
    storage->references--;
}

struct dentry *guest_storage_top(const struct guest_storage *storage)
{
    return storage->top;
}

static int enter(struct vfs *vfs, const char *path, struct guest_storage *storage)
{
    struct statx attributes;
    uint64_t asked = vfs->stamp;
    int error = gofer_getattr(vfs->sentry->gofer, (struct gofer_place){.path = path, .fd = -1}, &attributes);
    if (error < 0)
        return error;
    if (!guest_storage_holds(vfs, &attributes) || !S_ISDIR(attributes.stx_mode))
        return -EIO;
    struct inode *inode = inode_obtain(vfs, &goferfs, &attributes, asked);
    char *prefix = inode != NULL ? strdup(path) : NULL;
    if (prefix == NULL) {
        inode_put(inode);
        return -ENOMEM;
    }
    storage->top = dentry_detached(vfs, NULL, "", inode);
    if (storage->top == NULL) {
        free(prefix);
        return -ENOMEM;
    }
    storage->top->prefix = prefix;
    storage->top->deleted = false;
    storage->top->pinned = true;
    return 0;
}

int guest_storage_make(struct vfs *vfs, mode_t mode, uid_t uid, gid_t gid, struct guest_storage **ret_storage)
{
    const struct boot_mount *place = place_of_storage(vfs);
    if (place == NULL)
        return -ENODEV;
    struct guest_storage *storage = calloc(1, sizeof(*storage));
    if (storage == NULL)
        return -ENOMEM;
    char path[BOOT_PATH_MAX + 32];
    (void)snprintf(path, sizeof(path), "%s/%llu", place->destination + 1, (unsigned long long)++vfs->guests.last_storage);
    const struct gofer_owner owner = {.uid = uid, .gid = gid};
    int error = gofer_mkdir(vfs->sentry->gofer, (struct gofer_place){.path = path, .fd = -1}, mode & 07777, &owner, NULL);
    if (error == 0)
        error = enter(vfs, path, storage);
    if (error < 0) {
        free(storage);
        return error;
    }
    storage->references = 1;
    storage->next = vfs->guests.storages;
    vfs->guests.storages = storage;
    *ret_storage = storage;
    return 0;
}

int guest_storage_find(struct vfs *vfs, const char *path, struct dentry **ret_dentry)
{
    for (const struct guest_storage *storage = vfs->guests.storages; storage != NULL; storage = storage->next) {
        const size_t length = strlen(storage->top->prefix);
        if (path[0] == '/' && strncmp(path + 1, storage->top->prefix, length) == 0 && (path[1 + length] == '/' || path[1 + length] == '\0'))
            return vfs_find_below(vfs, storage->top, path + 1 + length, ret_dentry);
    }
    return -ENOENT;
}

/* --- the end --- */

struct sweep {
    struct gofer *gofer;
    char path[VFS_PATH_MAX];
    char batch[BATCH];
};

static int remove_at(struct sweep *sweep, const char *name, bool folder)
{
    const size_t length = strlen(sweep->path), room = sizeof(sweep->path) - length;
    int error = -ENAMETOOLONG;
    if ((size_t)snprintf(sweep->path + length, room, "/%s", name) < room)
        error = gofer_unlink(sweep->gofer, (struct gofer_place){.path = sweep->path, .fd = -1}, (struct gofer_identity){0}, folder);
    if (!folder || error != -ENOTEMPTY)
        sweep->path[length] = '\0';
    return error;
}

/* One batch of a folder. 1: the path leads on, to a folder in it that is not empty; 0: there may be more; -ENOENT: it is empty. */
static int sweep_batch(struct sweep *sweep)
{
    auto_close_unlocked int fd = -1;
    struct statx attributes;
    int error = gofer_open(sweep->gofer, (struct gofer_place){.path = sweep->path, .fd = -1}, O_RDONLY | O_DIRECTORY, 0, NULL, 0, &fd,
                           &attributes, NULL);
    if (error < 0)
        return error == -ENOENT ? -EIO : error;
    bool paused = state_pause();
    long size = syscall(SYS_getdents64, fd, sweep->batch, sizeof(sweep->batch));
    state_resume(paused);
    unsigned int removed = 0;
    for (long at = 0; at < size;) {
        const struct dirent64 *entry = (const struct dirent64 *)(sweep->batch + at);
        at += entry->d_reclen;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        error = remove_at(sweep, entry->d_name, entry->d_type == DT_DIR);
        if (error == -ENOTEMPTY)
            return 1;
        if (error < 0)
            return error;
        removed++;
    }
    return size < 0 ? -EIO : removed > 0 ? 0 : -ENOENT;
}

/* Down to the deepest folder and up again, whatever is left at each. */
static int sweep_folder(struct sweep *sweep, const char *top)
{
    (void)snprintf(sweep->path, sizeof(sweep->path), "%s", top);
    for (;;) {
        int status = sweep_batch(sweep);
        if (status >= 0)
            continue;
        if (status != -ENOENT)
            return status;
        status = gofer_unlink(sweep->gofer, (struct gofer_place){.path = sweep->path, .fd = -1}, (struct gofer_identity){0}, 1);
        if (status < 0 || strcmp(sweep->path, top) == 0)
            return status;
        *strrchr(sweep->path, '/') = '\0';
    }
}

/* What is kept of its files would keep their memory. */
static void forget_files(struct vfs *vfs, struct dentry *top)
{
    views_forget(top);
    for (size_t i = 0; i < HANDLES_MAX; i++) {
        struct inode *inode = vfs->handles[i].inode;
        if (inode != NULL && guest_storage_holds(vfs, &inode->attributes))
            inode_drop_handle(inode);
    }
}

static struct guest_storage *next_unused(struct vfs *vfs)
{
    struct guest_storage *storage = vfs->guests.storages;
    while (storage != NULL && (storage->references > 0 || storage->sweeping))
        storage = storage->next;
    return storage;
}

static void forget_storage(struct vfs *vfs, struct guest_storage *storage)
{
    struct guest_storage **link = &vfs->guests.storages;
    while (*link != storage)
        link = &(*link)->next;
    *link = storage->next;
    storage->top->deleted = true;
    dentry_put(storage->top);
    free(storage);
}

void guest_storage_sweep(struct vfs *vfs)
{
    for (struct guest_storage *storage = next_unused(vfs); storage != NULL; storage = next_unused(vfs)) {
        struct sweep *sweep = malloc(sizeof(*sweep));
        if (sweep == NULL)
            return; /* another time */
        storage->sweeping = true;
        sweep->gofer = vfs->sentry->gofer;
        forget_files(vfs, storage->top);
        int error = sweep_folder(sweep, storage->top->prefix);
        free(sweep);
        storage->sweeping = false;
        if (error < 0)
            return; /* it stays for the next time, and nothing leads there */
        forget_storage(vfs, storage);
    }
}
