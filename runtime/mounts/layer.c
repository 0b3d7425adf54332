/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mounts/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/base/annotations.h"
#include "runtime/base/numbers.h"
#include "runtime/ids/user_namespace.h"
#include "runtime/mounts/mount_calls.h"

enum { BYTES_PER_INODE = 4096, INODES_LEAST = 4096 };

int layer_make(struct layer *layer, const char *size, int place, struct error *error)
{
    int64_t bytes;
    int status = number_parse_bytes(size, "annotations." LAYER_ANNOTATION, &bytes, error);
    if (status < 0)
        return status;
    if (bytes == 0) /* to a tmpfs it would mean: as much as there is */
        return error_refuse(error, "annotations." LAYER_ANNOTATION ": a layer needs some room");
    /* Empty files are not counted as bytes, but take memory all the same. */
    char options[128];
    (void)snprintf(options, sizeof(options), "mode=755,size=%" PRId64 ",nr_inodes=%" PRId64, bytes,
                   bytes / BYTES_PER_INODE + INODES_LEAST);
    auto_close int mount = mounts_make("tmpfs", options, MOUNT_ATTR_NODEV);
    status = mount < 0 ? mount : mounts_attach(mount, place);
    if (status < 0)
        return error_set(error, status, "cannot make the private layer");
    *layer = (struct layer){.fd = take_fd(&mount), .mapped = !user_namespace_is_initial()};
    return 0;
}

/* Makes a folder and opens it. A descriptor or -errno. */
int layer_make_folder(int at, const char *name)
{
    if (mkdirat(at, name, 0755) < 0)
        return -errno;
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int layer_next_folder(struct layer *layer)
{
    char name[16];
    (void)snprintf(name, sizeof(name), "%u", layer->count++);
    return layer_make_folder(layer->fd, name);
}

/* An overlay's root has the attributes of its upper folder. An owner who is none of our user namespace's cannot have
 * it: it stays ours then, and we may do with it what we may with his. */
int layer_be_like(int object, int model)
{
    struct stat status;
    if (fstat(model, &status) < 0)
        return -errno;
    mode_t mode = status.st_mode & 07777;
    if (fchown(object, status.st_uid, status.st_gid) < 0) {
        if (errno != EINVAL && errno != EPERM)
            return -errno;
        mode = (mode & 01007) | (mode & 7) << 6 | (mode & 7) << 3;
    }
    if (fchmod(object, mode) < 0)
        return -errno;
    return futimens(object, (const struct timespec[2]){status.st_atim, status.st_mtim}) < 0 ? -errno : 0;
}

/* By the names of descriptors: a path may hold what separates options. */
static int make_overlay(const struct layer *layer, int lower, int upper, int work)
{
    char options[160];
    (void)snprintf(options, sizeof(options),
                   "lowerdir=/proc/self/fd/%d,upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d%s", lower, upper, work,
                   layer->mapped ? ",userxattr" : "");
    return mounts_make("overlay", options, MOUNT_ATTR_NODEV);
}

int layer_open_source(int at, const char *path, int flags)
{
    struct open_how how = {.flags = (unsigned int)(O_PATH | O_CLOEXEC | flags), .resolve = RESOLVE_NO_SYMLINKS};
    int fd = (int)syscall(SYS_openat2, at, path, &how, sizeof(how));
    return fd < 0 ? -errno : fd;
}

int layer_over(struct layer *layer, int folder)
{
    auto_close int parts = layer_next_folder(layer);
    auto_close int upper = parts < 0 ? parts : layer_make_folder(parts, "upper");
    auto_close int work = upper < 0 ? upper : layer_make_folder(parts, "work");
    int status = work < 0 ? work : layer_be_like(upper, folder);
    return status < 0 ? status : make_overlay(layer, folder, upper, work);
}

static int set_mode(int object, const char *options)
{
    char *end;
    unsigned long mode = strncmp(options, "mode=", 5) == 0 ? strtoul(options + 5, &end, 8) : ULONG_MAX;
    if (mode > 07777 || *end != '\0')
        return -EINVAL;
    return fchmod(object, (mode_t)mode) < 0 ? -errno : 0;
}

static int next_file(struct layer *layer)
{
    char name[16];
    (void)snprintf(name, sizeof(name), "%u", layer->count++);
    int fd = openat(layer->fd, name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return fd < 0 ? -errno : fd;
}

int layer_empty(struct layer *layer, int covered, const char *options)
{
    struct stat status;
    bool is_file = covered >= 0 && fstat(covered, &status) == 0 && !S_ISDIR(status.st_mode);
    auto_close int object = is_file ? next_file(layer) : layer_next_folder(layer);
    int result = object < 0 ? object : covered >= 0 ? layer_be_like(object, covered) : 0;
    if (result == 0 && options != NULL)
        result = set_mode(object, options);
    return result < 0 ? result : mounts_clone(object, "", AT_EMPTY_PATH);
}
