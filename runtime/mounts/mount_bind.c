/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mounts/mount_bind.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "oci-spec/oci.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/ids/user_namespace.h"
#include "runtime/mounts/layer.h"
#include "runtime/mounts/mount_calls.h"
#include "runtime/mounts/mount_tree.h"
#include "runtime/mounts/rootfs.h"

/* -- the source ---------------------------------------------------------------------------------------------------- */

/* The path in the container of a source below its root; NULL if it is elsewhere. `clean` is what it points into. */
static const char *path_inside(const struct mount_tree *tree, const char *source, char clean[BOOT_PATH_MAX])
{
    char whole[2 * PATH_MAX];
    if (tree->layer.fd >= 0) /* whose sources are the machine's as it was found */
        return NULL;
    (void)snprintf(whole, sizeof(whole), "%s%s%s", source[0] == '/' ? "" : tree->bundle_path, source[0] == '/' ? "" : "/", source);
    return rootfs_clean_path(whole, clean, BOOT_PATH_MAX) < 0 ? NULL : mounts_path_inside(tree, clean);
}

/* What is at the root's path on the host is a mount of ours, with our own things in it (mount_root.c). */
static bool is_ours(const struct mount_tree *tree, int source)
{
    char link[40], path[PATH_MAX];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", source);
    ssize_t length = readlink(link, path, sizeof(path) - 1);
    if (length < 0)
        return true;
    path[length] = '\0';
    return tree->real_root[0] != '\0' && strcmp(tree->real_root, "/") != 0 && rootfs_is_below(path, tree->real_root);
}

static int open_source(const struct mount_tree *tree, const char *source, bool follows, struct error *error)
{
    const int flags = O_PATH | O_CLOEXEC | (follows ? 0 : O_NOFOLLOW);
    char clean[BOOT_PATH_MAX];
    const char *inside = path_inside(tree, source, clean);
    if (inside != NULL)
        return rootfs_open(tree->root, inside, flags);
    if (tree->layer.fd >= 0)
        return layer_open_source(tree->bundle, source, 0);
    int fd = openat(tree->bundle, source, flags);
    if (fd < 0)
        return -errno;
    if (!is_ours(tree, fd))
        return fd;
    (void)close(fd);
    return error_refuse(error, "%s leads into root.path, which must be named as it is there", source);
}

int mount_bind_source(const struct mount_tree *tree, const struct oci_mount *mount, struct error *error)
{
    const unsigned int depth = (mount->parsed.flags & MS_REC) != 0 ? AT_RECURSIVE : 0;
    auto_close int source = open_source(tree, mount->source, !mount->parsed.source_nofollow, error);
    return source < 0 ? source : mounts_clone(source, "", AT_EMPTY_PATH | depth);
}

int mount_bind_link(const struct mount_tree *tree, const struct oci_mount *mount, const char *destination, struct error *error)
{
    char target[PATH_MAX], there[PATH_MAX];
    const char *name;
    auto_close int source = open_source(tree, mount->source, false, error);
    if (source < 0)
        return source;
    ssize_t length = readlinkat(source, "", target, sizeof(target) - 1); /* -ENOENT: it is no link */
    if (length < 0)
        return errno == ENOENT ? 0 : -errno;
    target[length] = '\0';
    auto_close int parent = rootfs_make_parent(tree->root, destination, &name);
    if (parent < 0)
        return parent;
    if (symlinkat(target, parent, name) == 0)
        return 1;
    if (errno != EEXIST)
        return -errno;
    ssize_t other = readlinkat(parent, name, there, sizeof(there) - 1);
    return other == length && memcmp(there, target, (size_t)length) == 0 ? 1 : -EEXIST;
}

/* -- flags --------------------------------------------------------------------------------------------------------- */

enum {
    ACCESS = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
    TIMES = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME,
    LOCKED = ACCESS | TIMES, /* what the kernel lets nobody loosen in another user namespace than the mount's own */
};

static const unsigned long time_flags = MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME;

/* Which attributes are asked for, as mount(2) with MS_REMOUNT | MS_BIND would read the flags: what is not asked for is cleared. The
 * times are left as they are unless one of them is set; then they are relative but for what is said. With the option "remount" the rest
 * is left too; and all is if there is no flag at all, as mount(8) does it. */
static struct mount_attr attributes_of(const struct oci_mount_options *options)
{
    const unsigned long flags = options->flags & ~(unsigned long)(MS_BIND | MS_REC);
    const bool none = (flags & ~(unsigned long)MS_REMOUNT) == 0 && options->cleared == 0;
    const bool kept = none || (flags & MS_REMOUNT) != 0;
    struct mount_attr attributes = {.attr_set = mounts_attributes(flags) & (ACCESS | MOUNT_ATTR_NOSYMFOLLOW)};
    attributes.attr_clr = (kept ? mounts_attributes(options->cleared) : ~attributes.attr_set) & (ACCESS | MOUNT_ATTR_NOSYMFOLLOW);
    if ((flags & time_flags) != 0) {
        attributes.attr_clr |= TIMES;
        attributes.attr_set |= (flags & MS_STRICTATIME) != 0 ? MOUNT_ATTR_STRICTATIME
                               : (flags & MS_NOATIME) != 0   ? MOUNT_ATTR_NOATIME
                                                             : MOUNT_ATTR_RELATIME;
        attributes.attr_set |= (flags & MS_NODIRATIME) != 0 ? MOUNT_ATTR_NODIRATIME : 0;
    }
    return attributes;
}

static int attributes_found(int mount, uint64_t *ret_attributes)
{
    static const struct {
        unsigned long flag;
        uint64_t attribute;
    } table[] = {
        {ST_RDONLY, MOUNT_ATTR_RDONLY},   {ST_NOSUID, MOUNT_ATTR_NOSUID},   {ST_NODEV, MOUNT_ATTR_NODEV},
        {ST_NOEXEC, MOUNT_ATTR_NOEXEC},   {ST_NOATIME, MOUNT_ATTR_NOATIME}, {ST_NODIRATIME, MOUNT_ATTR_NODIRATIME},
    };
    struct statvfs status;
    if (fstatvfs(mount, &status) < 0)
        return -errno;
    uint64_t found = (status.f_flag & (ST_NOATIME | ST_RELATIME)) == 0 ? MOUNT_ATTR_STRICTATIME : 0;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        found |= (status.f_flag & table[i].flag) != 0 ? table[i].attribute : 0;
    *ret_attributes = found;
    return 0;
}

/* In a user namespace of the container's own the source's restrictions stay, as the kernel has it for those who mount there: what only
 * follows from silence is left as it is, what is asked for in so many words cannot be had. */
static int respect_source(const struct oci_mount *mount, int fd, struct mount_attr *attributes, struct error *error)
{
    uint64_t found;
    int status = attributes_found(fd, &found);
    if (status < 0)
        return status;
    const bool times_asked = (attributes->attr_clr & TIMES) != 0;
    const uint64_t asked = mounts_attributes(mount->parsed.cleared) & found & ACCESS;
    if (asked != 0 || (times_asked && (attributes->attr_set & TIMES) != (found & TIMES)))
        return error_set(error, EPERM, "the flags %s has cannot be taken away in a user namespace", mount->source);
    attributes->attr_clr &= ~(found & ACCESS) & ~(uint64_t)TIMES;
    attributes->attr_set &= ~(uint64_t)TIMES;
    return 0;
}

static int set_flags(const struct mount_tree *tree, const struct oci_mount *mount, int fd, struct error *error)
{
    struct mount_attr attributes = attributes_of(&mount->parsed);
    int status = tree->users->fd < 0 ? mounts_set_attributes(fd, 0, &attributes) : -EPERM;
    if (status != -EPERM)
        return status;
    status = respect_source(mount, fd, &attributes, error);
    return status == 0 ? mounts_set_attributes(fd, 0, &attributes) : status;
}

/* -- propagation --------------------------------------------------------------------------------------------------- */

/* What a bind does not say itself is as with all mounts the container sees (mount_root.c); where those are private its word
 * comes too late. Nothing goes back to the host: shared means among the container's own, below the host's. */
static int set_propagation(const struct mount_tree *tree, const struct oci_mount_options *options, int fd)
{
    const int all = tree->config->linux_config.rootfs_propagation;
    const bool private = all == (MS_PRIVATE | MS_REC) || all == (MS_UNBINDABLE | MS_REC) ||
                         (options->propagation != 0 && (options->propagation & (MS_SLAVE | MS_SHARED)) == 0);
    const struct mount_attr first = {.propagation = private ? MS_PRIVATE : MS_SLAVE};
    const struct mount_attr then = {.propagation = MS_SHARED};
    int status = mounts_set_attributes(fd, AT_RECURSIVE, &first);
    if (status < 0 || (options->propagation & MS_SHARED) == 0)
        return status;
    return mounts_set_attributes(fd, (options->propagation & MS_REC) != 0 ? AT_RECURSIVE : 0, &then);
}

int mount_bind_attributes(const struct mount_tree *tree, const struct oci_mount *mount, int fd, struct error *error)
{
    const struct mount_attr whole = {.attr_set = mount->parsed.recursive_set, .attr_clr = mount->parsed.recursive_clear};
    int status = set_propagation(tree, &mount->parsed, fd);
    if (status == 0)
        status = set_flags(tree, mount, fd, error);
    if (status == 0)
        status = mounts_set_attributes(fd, AT_RECURSIVE, &whole);
    /* What stays the host's gives no rights, whoever made it what it is. */
    const struct mount_attr foreign = {.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
    return status == 0 && tree->keeps_foreign ? mounts_set_attributes(fd, AT_RECURSIVE, &foreign) : status;
}
