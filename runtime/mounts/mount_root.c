/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mounts/mount_root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "oci-spec/oci.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/base/annotations.h"
#include "runtime/mounts/layer.h"
#include "runtime/mounts/layer_tiles.h"
#include "runtime/mounts/mount_calls.h"
#include "runtime/mounts/mount_tree.h"
#include "runtime/mounts/rootfs.h"

/* -- the beginning -------------------------------------------------------------------------------------------------- */

static int scratch_folder(const struct mount_tree *tree, const char *name)
{
    int fd = mkdirat(tree->scratch, name, 0700) < 0 ? -1 : openat(tree->scratch, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* The gofer needs names for its own descriptors, and nothing else of procfs: it gets a mount of that one folder. */
static int take_self(struct mount_tree *tree)
{
    auto_close int proc = mounts_make("proc", "subset=pid", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    if (proc < 0)
        return proc;
    auto_close int place = scratch_folder(tree, "proc");
    int status = place < 0 ? place : mounts_attach(proc, place);
    if (status < 0)
        return status;
    tree->self = mounts_clone(proc, "self/fd", 0);
    return tree->self < 0 ? tree->self : 0;
}

/* In a user namespace nobody can make a device that works; the host's own serves there. */
static int make_null(int scratch)
{
    if (mknodat(scratch, "null", S_IFCHR | 0666, makedev(1, 3)) == 0)
        return 0;
    if (errno != EPERM)
        return -errno;
    auto_close int place = openat(scratch, "null", O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return place < 0 ? -errno : mounts_bind_device("/dev/null", place);
}

/* Is it what "/" names? A mount on it would lie above the old root where mounts_finish takes that away, and be taken in its
 * place. */
static bool is_process_root(int folder)
{
    struct statx ours, root;
    return statx(folder, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &ours) < 0 ||
           statx(AT_FDCWD, "/", 0, STATX_INO | STATX_MNT_ID, &root) < 0 ||
           (ours.stx_mnt_id == root.stx_mnt_id && ours.stx_ino == root.stx_ino);
}

/* The layer, and the root below it. It is made in the scratch mount: an overlay's folders must be in a mount namespace. */
static int begin_layer(struct mount_tree *tree, const char *size, int folder, struct error *error)
{
    auto_close int place = scratch_folder(tree, "layer");
    int status = place < 0 ? error_set(error, place, "cannot make the private layer") : layer_make(&tree->layer, size, place, error);
    if (status < 0)
        return status;
    tree->root = layer_show(&tree->layer, folder, "/", &tree->config->mounts);
    return tree->root < 0 ? error_set(error, tree->root, "root.path (%s): cannot put a layer over it", tree->config->root.path)
                          : 0;
}

/* A tmpfs of ours laid over the root folder (or over the bundle, if that is the host's root): a place for what we need below a
 * mount, which is gone once the root is changed. */
static int begin_scratch(struct mount_tree *tree, int folder, struct error *error)
{
    const int covered = is_process_root(folder) ? tree->bundle : folder;
    if (is_process_root(covered))
        return error_refuse(error, "root.path (%s): is the host's root, and so is the bundle, which must be another folder",
                            tree->config->root.path);
    tree->scratch = mounts_make("tmpfs", "mode=700", 0);
    int status = tree->scratch < 0 ? tree->scratch : mounts_attach(tree->scratch, covered);
    if (status == 0)
        status = make_null(tree->scratch);
    return status == 0 ? take_self(tree) : status;
}

/*
 * What is mounted on the host later may come into the container (slave) or not (private); nothing ever goes back (shared is
 * slave here). linux.rootfsPropagation means what it does to runc: not given it is rslave; without the r it is about the mount of the
 * host's root alone: one the container's root lies on itself, or leaves alone, which is private then.
 */
static uint64_t root_propagation(const struct mount_tree *tree)
{
    const int wanted = tree->config->linux_config.rootfs_propagation;
    const bool slave = wanted == 0 || wanted == (MS_SLAVE | MS_REC) || (wanted == MS_SLAVE && tree->on_first_mount);
    return slave ? MS_SLAVE : MS_PRIVATE;
}

/* The root is mounted at "root" of the scratch mount. */
static int attach_root(struct mount_tree *tree, struct error *error)
{
    const struct mount_attr propagation = {.propagation = root_propagation(tree)};
    const struct oci_root *root = &tree->config->root;
    auto_close int place = scratch_folder(tree, "root");
    int status = place < 0 ? place : mounts_attach(tree->root, place);
    if (status == 0)
        status = mounts_set_attributes(tree->root, AT_RECURSIVE, &propagation);
    struct mount_entry *entry = status == 0 ? mounts_new_entry(tree, "/", error) : NULL;
    if (entry == NULL)
        return error_set(error, status, "root.path (%s): cannot mount it", root->path);

    entry->fd = tree->root;
    entry->late = root->readonly ? MOUNT_ATTR_RDONLY : 0;
    (void)snprintf(entry->source, sizeof(entry->source), "root"); /* "rootfs" is what `df` of busybox leaves out */
    return 0;
}

/* By which names others know it, and on which mount it is; a name that is too long is nobody's. */
static void place_root(struct mount_tree *tree, int folder)
{
    const char *path = tree->config->root.path;
    char whole[2 * PATH_MAX], link[40];
    (void)snprintf(whole, sizeof(whole), "%s%s%s", path[0] == '/' ? "" : tree->bundle_path, path[0] == '/' ? "" : "/", path);
    if (rootfs_clean_path(whole, tree->root_path, sizeof(tree->root_path)) < 0)
        tree->root_path[0] = '\0';
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", folder);
    struct statx own, first;
    tree->on_first_mount = statx(folder, "", AT_EMPTY_PATH, STATX_MNT_ID, &own) == 0 && statx(AT_FDCWD, "/", 0, STATX_MNT_ID, &first) == 0 &&
                           own.stx_mnt_id == first.stx_mnt_id;
    ssize_t length = readlink(link, tree->real_root, sizeof(tree->real_root) - 1);
    tree->real_root[length > 0 ? length : 0] = '\0';
}

int mounts_begin(struct mount_tree *tree, struct error *error)
{
    static const struct mount_attr slave = {.propagation = MS_SLAVE};
    const char *path = tree->config->root.path;
    int host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int status = host < 0 ? -errno : mounts_set_attributes(host, AT_RECURSIVE, &slave);
    cleanup_close(&host);
    if (status < 0)
        return error_set(error, status, "cannot separate the container's mounts from the host's");

    auto_close int folder = openat(tree->bundle, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    place_root(tree, folder);
    const char *layer = oci_annotation(tree->config, LAYER_ANNOTATION), *binds = oci_annotation(tree->config, BINDS_ANNOTATION);
    /* A word nobody knows must not pass for the careless one. */
    if (binds != NULL && strcmp(binds, "foreign") != 0)
        return error_refuse(error, "annotations[\"" BINDS_ANNOTATION "\"]: \"foreign\", not \"%.40s\"", binds);
    tree->keeps_foreign = layer != NULL || binds != NULL;
    /* Searched now, or it is the first mount in it that fails, and is named. */
    status = folder < 0 || faccessat(folder, ".", X_OK, AT_EACCESS) < 0 ? -errno : 0;
    if (status == 0 && layer == NULL) /* before anything of ours is in it */
        status = tree->root = mounts_clone(folder, "", AT_EMPTY_PATH | AT_RECURSIVE);
    if (status < 0)
        return error_set(error, status, "root.path (%s): cannot open it", path);
    status = begin_scratch(tree, folder, error);
    if (status < 0)
        return error_set(error, status, "root.path (%s): cannot mount it", path);
    status = layer != NULL ? begin_layer(tree, layer, folder, error) : 0;
    if (status == 0)
        status = attach_root(tree, error);
    if (status == 0 && layer != NULL && (status = mounts_note_tiles(tree, tree->root)) < 0)
        return error_set(error, status, "root.path (%s): cannot show it", path);
    return status;
}

/* -- the end ------------------------------------------------------------------------------------------------------- */

int mounts_show(struct mount_tree *tree, struct error *error)
{
    static const struct mount_attr shared = {.propagation = MS_SHARED};
    const char *path = tree->config->root.path;
    auto_close int folder = openat(tree->bundle, path, O_PATH | O_DIRECTORY | O_CLOEXEC); /* the scratch mount on it */
    int status = folder < 0 ? -errno : 0;
    if (status == 0 && is_process_root(folder))
        return error_refuse(error, "root.path (%s): hooks cannot be shown a container there", path);
    if (status == 0)
        status = mounts_set_attributes(tree->root, 0, &shared);
    tree->shown = status < 0 ? -1 : mounts_clone(tree->root, "", AT_EMPTY_PATH | AT_RECURSIVE);
    if (status == 0)
        status = tree->shown < 0 ? tree->shown : mounts_attach(tree->shown, folder);
    return status < 0 ? error_set(error, status, "cannot show the root at %s", path) : 0;
}

int mounts_hide(struct mount_tree *tree, struct error *error)
{
    /* The copy goes with the host's tree, and must not take with it what it shares, or what follows it. */
    static const struct mount_attr private = {.propagation = MS_PRIVATE};
    const struct mount_attr propagation = {.propagation = root_propagation(tree)};
    auto_close int shown = take_fd(&tree->shown);
    int status = mounts_set_attributes(tree->root, 0, &propagation);
    if (status == 0)
        status = mounts_set_attributes(shown, AT_RECURSIVE, &private);
    return status < 0 ? error_set(error, status, "cannot hide the root") : 0;
}

/* As asked for, among the container's own mounts; at the very end, because a shared root cannot be changed. */
static int share_root(const struct mount_tree *tree, struct error *error)
{
    static const struct mount_attr shared = {.propagation = MS_SHARED};
    const int wanted = tree->config->linux_config.rootfs_propagation;
    if ((wanted & MS_SHARED) == 0)
        return 0;
    int status = mounts_set_attributes(tree->root, (wanted & MS_REC) != 0 ? AT_RECURSIVE : 0, &shared);
    return status < 0 ? error_set(error, status, "linux.rootfsPropagation: cannot share the root") : 0;
}

int mounts_finish(struct mount_tree *tree, struct error *error)
{
    for (size_t i = tree->count; i > 0; i--) {
        struct mount_attr late = {.attr_set = tree->entries[i - 1].late};
        int status =
            tree->entries[i - 1].kind == BOOT_MOUNT_REAL ? mounts_set_attributes(tree->entries[i - 1].fd, 0, &late) : 0;
        if (status < 0)
            return error_set(error, status, "cannot make %s read-only", tree->entries[i - 1].destination);
    }
    /* The old root ends up on top of the new one, and goes with everything below it. */
    if (fchdir(tree->root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ||
        chdir("/") < 0)
        return error_set(error, errno, "cannot change the root");
    return share_root(tree, error);
}
