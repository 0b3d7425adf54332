/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Below a folder other file systems may be mounted. Root puts an overlay over the folder all the same, and it shows
 * what they cover. To an ordinary user the kernel says no (EINVAL): in his user namespace mounts that came along are
 * locked to their places, because what they cover may be hidden by them on purpose. Then the folder is shown in pieces:
 * an empty one in the layer, with an overlay for each folder in it, and so on where again something is mounted below.
 */
#include "runtime/mounts/layer_tiles.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci-spec/oci.h"
#include "postern/cleanup.h"
#include "runtime/mounts/copy_up.h"
#include "runtime/mounts/layer.h"
#include "runtime/mounts/mount_calls.h"
#include "runtime/mounts/mountinfo.h"
#include "runtime/mounts/rootfs.h"

enum { DEPTH_MAX = 16, COPY_MAX = 128 * 1024 };

struct tiling {
    struct layer *layer;
    const struct oci_mounts *mounts;
    char path[PATH_MAX];   /* of the folder in work, as the host names it */
    char inside[PATH_MAX]; /* as the container does */
};

/* One entry of a folder. */
struct piece {
    int source, target; /* the folders it is in, or is to be in */
    const char *name;
    struct statx status;
};

static bool append(char path[PATH_MAX], const char *name)
{
    size_t used = strlen(path);
    int size = snprintf(path + used, PATH_MAX - used, "%s%s", used == 1 && path[0] == '/' ? "" : "/", name);
    return size >= 0 && (size_t)size < PATH_MAX - used;
}

/* Will something else be mounted there anyway? */
static bool is_covered(const struct tiling *tiling)
{
    for (size_t i = 0; i < tiling->mounts->count; i++) {
        char clean[PATH_MAX];
        if (rootfs_clean_path(tiling->mounts->items[i].destination, clean, sizeof(clean)) == 0 &&
            strcmp(clean, tiling->inside) == 0)
            return true;
    }
    return false;
}

static int tile_folder(struct tiling *tiling, int source, int target, unsigned int depth);

/* A folder, by an overlay of its own or again in pieces. */
static int show_folder(struct tiling *tiling, const struct piece *piece, unsigned int depth)
{
    auto_close int source = openat(piece->source, piece->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    auto_close int target = source < 0 ? -1 : layer_make_folder(piece->target, piece->name);
    if (source < 0 || target < 0)
        return source < 0 ? -errno : target;
    auto_close int overlay = layer_over(tiling->layer, source);
    if (overlay == -EINVAL && mountinfo_has_below(tiling->path))
        return tile_folder(tiling, source, target, depth + 1);
    return overlay < 0 ? overlay : mounts_attach(overlay, target);
}

/* What another mount covers, or will, is not seen; only the place is there. */
static int show_mount_point(const struct piece *piece)
{
    int flags = O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    auto_close int place = S_ISDIR(piece->status.stx_mode) ? layer_make_folder(piece->target, piece->name)
                                                           : openat(piece->target, piece->name, flags, 0444);
    return place < 0 ? -errno : 0;
}

static int show_link(const struct piece *piece)
{
    char text[PATH_MAX];
    ssize_t length = readlinkat(piece->source, piece->name, text, sizeof(text) - 1);
    if (length < 0)
        return -errno;
    text[length] = '\0';
    return symlinkat(text, piece->target, piece->name) < 0 ? -errno : 0;
}

/* A small file is copied, and so can be written like all others. -EACCES, -EFBIG. */
static int copy_file(const struct piece *piece)
{
    struct stat status;
    auto_close int from = openat(piece->source, piece->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (from < 0 || fstat(from, &status) < 0)
        return -errno;
    if (!S_ISREG(status.st_mode) || status.st_size > COPY_MAX)
        return -EFBIG;
    auto_close int to = openat(piece->target, piece->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int result = to < 0 ? -errno : copy_content(from, to);
    return result < 0 ? result : layer_be_like(to, from);
}

/* Another is shown as it is, read-only. */
static int show_file(const struct piece *piece)
{
    int copied = copy_file(piece);
    if (copied != -EACCES && copied != -EFBIG)
        return copied;
    struct mount_attr readonly = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV};
    auto_close int mount = mounts_clone(piece->source, piece->name, AT_SYMLINK_NOFOLLOW);
    if (mount < 0)
        return mount;
    int status =
        mount_setattr(mount, "", AT_EMPTY_PATH, &readonly, sizeof(readonly)) < 0 ? -errno : show_mount_point(piece);
    auto_close int place = status < 0 ? -1 : openat(piece->target, piece->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (status < 0)
        return status;
    return place < 0 ? -errno : mounts_attach(mount, place);
}

static int show(struct tiling *tiling, const struct piece *piece, uint64_t mount, unsigned int depth)
{
    const mode_t mode = piece->status.stx_mode;
    if (S_ISLNK(mode))
        return show_link(piece);
    if (!S_ISDIR(mode) && !S_ISREG(mode))
        return 0; /* devices, and what other programs listen at */
    if (piece->status.stx_mnt_id != mount || is_covered(tiling))
        return show_mount_point(piece);
    return S_ISDIR(mode) ? show_folder(tiling, piece, depth) : show_file(piece);
}

/* What cannot be looked at is not there. */
static int tile_entry(struct tiling *tiling, int source, int target, const char *name, uint64_t mount,
                      unsigned int depth)
{
    struct piece piece = {.source = source, .target = target, .name = name};
    if (statx(source, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE | STATX_MNT_ID, &piece.status) < 0)
        return 0;
    const size_t path = strlen(tiling->path), inside = strlen(tiling->inside);
    int status =
        append(tiling->path, name) && append(tiling->inside, name) ? show(tiling, &piece, mount, depth) : -ENAMETOOLONG;
    tiling->path[path] = tiling->inside[inside] = '\0';
    return status;
}

static int tile_folder(struct tiling *tiling, int source, int target, unsigned int depth)
{
    if (depth > DEPTH_MAX)
        return -ELOOP;
    struct statx status;
    if (statx(source, "", AT_EMPTY_PATH, STATX_MNT_ID, &status) < 0)
        return -errno;
    int readable = openat(source, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_closedir DIR *folder = readable < 0 ? NULL : fdopendir(readable);
    if (folder == NULL)
        return errno == EACCES ? 0 : -errno;
    int result = 0;
    for (const struct dirent *entry; result == 0 && (entry = readdir(folder)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            result = tile_entry(tiling, source, target, entry->d_name, status.stx_mnt_id, depth);
    return result < 0 ? result : layer_be_like(target, source);
}

int layer_show(struct layer *layer, int folder, const char *destination, const struct oci_mounts *mounts)
{
    int overlay = layer_over(layer, folder);
    if (overlay != -EINVAL)
        return overlay;

    char link[32];
    auto_free struct tiling *tiling = calloc(1, sizeof(*tiling));
    if (tiling == NULL)
        return -ENOMEM;
    tiling->layer = layer;
    tiling->mounts = mounts;
    (void)snprintf(tiling->inside, sizeof(tiling->inside), "%s", destination);
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", folder);
    if (readlink(link, tiling->path, sizeof(tiling->path) - 1) < 0)
        return -errno;
    if (!mountinfo_has_below(tiling->path))
        return -EINVAL;
    auto_close int whole = layer_next_folder(layer);
    int status = whole < 0 ? whole : tile_folder(tiling, folder, whole, 0);
    /* A copy, with what has been mounted in it. */
    return status < 0 ? status : mounts_clone(whole, "", AT_EMPTY_PATH | AT_RECURSIVE);
}
