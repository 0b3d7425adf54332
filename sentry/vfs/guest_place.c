/* SPDX-License-Identifier: Apache-2.0 */
/*
 * By which mount of the guest's a descriptor was opened. To the host a file is on the bundle's mount, so we mark the open file
 * description itself: with the number of the signal that announces I/O (F_SETSIG), which means nothing for files and folders. It is
 * opened with the mark, and goes with it wherever the descriptor goes; guests cannot change it (syscalls/fcntl.c). A mark is given
 * once. What has none left for it, and O_PATH descriptors, which take none, is where the caller could have found it itself: on the
 * mount of its root, or else on the strictest that shows it below that.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "postern/confine.h"
#include "sentry/sentry.h"
#include "sentry/vfs/storage.h"
#include "sentry/vfs/vfs_internal.h"

CONFINE_ALLOW(fcntl, "marks what is opened through a mount of the guest's");

void vfs_mark_opened(const struct dentry *dentry, int fd)
{
    const mode_t type = dentry->inode != NULL ? dentry->inode->attributes.stx_mode & S_IFMT : S_IFREG;
    if (dentry->guest != NULL && (type == S_IFREG || type == S_IFDIR))
        (void)fcntl(fd, F_SETSIG, (int)guest_mount_mark(dentry->guest));
}

void object_mark_copy(const struct object *object, int fd)
{
    const mode_t mode = object->attributes.stx_mode;
    if (object->mark > 0 && (S_ISREG(mode) || S_ISDIR(mode)))
        (void)fcntl(fd, F_SETSIG, (int)object->mark);
}

static bool any_mounts(const struct vfs *vfs)
{
    return vfs->guests.last_id > 0;
}

/* Of a FIFO, a socket or a terminal that signal is the guest's own. */
unsigned int vfs_mark_of(const struct vfs *vfs, int fd, mode_t mode, bool named)
{
    if (!any_mounts(vfs))
        return 0;
    if (!S_ISREG(mode) && !S_ISDIR(mode))
        return named ? MARK_NONE_LEFT : 0;
    int mark = fcntl(fd, F_GETSIG);
    return mark < 0 ? MARK_NONE_LEFT : (unsigned int)mark; /* an O_PATH descriptor has none */
}

/* Is a place below the root of a process, by the folders above it? */
static bool is_below_root(const struct dentry *place, const struct dentry *root)
{
    const struct dentry *at = place;
    while (at->guest != root->guest) {
        at = at->real != NULL ? at->guest->covered : at->vfs->guests.base_covered;
        if (at == NULL)
            return false;
    }
    return dentry_is_below(dentry_real(at), dentry_real(root));
}

static bool base_shows(struct vfs *vfs, const struct dentry *root, const struct dentry *real)
{
    if (vfs->guests.base_detached || !dentry_is_below(real, vfs->root))
        return false;
    return root->guest == NULL ? dentry_is_below(real, dentry_real(root)) : is_below_root(vfs->root, root);
}

static bool shows(const struct guest_mount *mount, const struct dentry *root, const struct dentry *real)
{
    if (!dentry_is_below(real, mount->top))
        return false;
    return root->guest == mount ? dentry_is_below(real, dentry_real(root)) : is_below_root(mount->root, root);
}

/* The strictest, of several equally strict the last. */
static struct guest_mount *likely_mount(struct vfs *vfs, const struct dentry *root, const struct dentry *real)
{
    struct guest_mount *found = NULL;
    for (struct guest_mount *mount = vfs->guests.first; mount != NULL; mount = mount->next)
        if (shows(mount, root, real) && (found == NULL || (found->flags & MS_RDONLY) == 0 || (mount->flags & MS_RDONLY) != 0))
            found = mount;
    return found;
}

static struct dentry *likely_place(struct vfs *vfs, const struct dentry *root, struct dentry *real)
{
    if (vfs_is_in_the_open(real)) { /* nothing keeps him from the name it has on the mount of his root: that one stays below the root */
        if (root->guest == NULL && base_shows(vfs, root, real))
            return dentry_get(real);
        if (root->guest != NULL && root->guest->root != NULL && shows(root->guest, root, real))
            return view_of(root->guest, real);
        if (base_shows(vfs, root, real))
            return dentry_get(real);
    }
    struct guest_mount *mount = likely_mount(vfs, root, real);
    if (mount != NULL)
        return view_of(mount, real);
    return dentry_is_below(real, vfs->root) ? dentry_get(real) : NULL;
}

static struct dentry *marked_place(struct guest_mount *mount, struct dentry *real)
{
    if (mount == NULL || !dentry_is_below(real, mount->top))
        return NULL;
    if (mount->root != NULL)
        return view_of(mount, real);
    struct dentry *root = dentry_view_root(mount, mount->top);
    struct dentry *view = root != NULL ? view_below(root, real) : NULL;
    dentry_put(root);
    return view;
}

struct dentry *guest_place(struct vfs *vfs, const struct dentry *root, unsigned int mark, struct dentry *real)
{
    struct dentry *place;
    if (mark > 0 && mark < MARK_NONE_LEFT)
        place = marked_place(vfs->guests.marked[mark], real);
    else if (mark == 0 && dentry_is_below(real, vfs->root))
        return real;
    else
        place = likely_place(vfs, root, real);
    dentry_put(real);
    return place;
}

/* Without a mark of its own what is open may have come by any of them. */
static unsigned int strictest_flags(const struct vfs *vfs)
{
    unsigned int flags = 0;
    for (const struct guest_mount *mount = vfs->guests.first; mount != NULL; mount = mount->next)
        flags |= mount->flags;
    return flags;
}

/* By one that is gone nothing is changed any more. */
unsigned int guest_mark_flags(const struct vfs *vfs, unsigned int mark)
{
    if (mark == 0)
        return 0;
    if (mark >= MARK_NONE_LEFT)
        return strictest_flags(vfs);
    const struct guest_mount *mount = vfs->guests.marked[mark];
    return mount != NULL ? mount->flags : MS_RDONLY | MS_NOEXEC;
}

unsigned int vfs_opened_flags(const struct vfs *vfs, int fd)
{
    return guest_mark_flags(vfs, vfs_mark_of(vfs, fd, S_IFREG, true));
}

/* The host's path of the top of a mount: what the paths of its files begin with. */
static ssize_t top_path(const struct guest_mount *mount, char *buffer, size_t size)
{
    buffer[0] = '/';
    ssize_t length = dentry_relative_path(mount->top, buffer + 1, size - 1);
    return length <= 0 ? length : length + 1;
}

int guest_place_describe(const struct vfs *vfs, const struct dentry *root, unsigned int mark, const char *path, char *buffer, size_t size)
{
    const struct guest_mount *mount = mark > 0 && mark < MARK_NONE_LEFT ? vfs->guests.marked[mark] : NULL;
    if (mount == NULL)
        return -ENOENT;
    char top[VFS_PATH_MAX + 2], place[VFS_PATH_MAX] = "/";
    ssize_t length = top_path(mount, top, sizeof(top));
    if (length < 0 || strncmp(path, top, (size_t)length) != 0 || (path[length] != '/' && path[length] != '\0'))
        return -ENOENT;
    if (mount->root != NULL && dentry_path(mount->root, root != NULL ? root : vfs->guests.root, place, sizeof(place)) < 0)
        return -ENAMETOOLONG;
    const char *rest = path + length;
    int used = snprintf(buffer, size, "%s%s", strcmp(place, "/") == 0 && rest[0] == '/' ? "" : place, rest);
    return used < 0 || (size_t)used >= size ? -ENAMETOOLONG : 0;
}
