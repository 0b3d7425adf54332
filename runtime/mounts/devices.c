/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mounts/devices.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "oci-spec/oci.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/ids/user_namespace.h"
#include "runtime/mounts/mount_calls.h"
#include "runtime/mounts/mount_tree.h"
#include "runtime/mounts/rootfs.h"

struct node {
    const char *path;
    mode_t mode; /* with its type */
    dev_t device;
    uid_t uid;
    gid_t gid;
};

/* makedev() is no constant expression. */
#define NODE(name, device_major, device_minor)                                                                         \
    {                                                                                                                  \
        "/dev/" name, S_IFCHR | 0666, ((device_major) << 8) | (device_minor), 0, 0                                     \
    }

static const struct node standard_nodes[] = {
    NODE("null", 1, 3),   NODE("zero", 1, 5),    NODE("full", 1, 7),
    NODE("random", 1, 8), NODE("urandom", 1, 9), NODE("tty", 5, 0),
};

static const struct {
    const char *path, *target;
} standard_links[] = {
    {"/dev/fd", "/proc/self/fd"},       {"/dev/stdin", "/proc/self/fd/0"}, {"/dev/stdout", "/proc/self/fd/1"},
    {"/dev/stderr", "/proc/self/fd/2"}, {"/dev/ptmx", "pts/ptmx"},
};

static int own(const struct user_namespace *users, int folder, const char *name, const struct node *node)
{
    uid_t uid = user_namespace_uid(users, node->uid);
    gid_t gid = user_namespace_gid(users, node->gid);
    auto_close int made = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (uid == (uid_t)-1 || gid == (gid_t)-1)
        return node->uid == 0 && node->gid == 0 ? 0 : -EINVAL; /* without a root it is its maker's */
    return made < 0 || fchownat(made, "", uid, gid, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

/* In a user namespace a device of the host's can only be laid over a file. The host's is what the guest is judged by, too. */
static int bind_node(int root, const struct node *node)
{
    for (size_t i = 0; i < sizeof(standard_nodes) / sizeof(standard_nodes[0]); i++) {
        if (standard_nodes[i].device != node->device || (node->mode & S_IFMT) != S_IFCHR)
            continue;
        auto_close int place = rootfs_make_file(root, node->path);
        return place < 0 ? place : mounts_bind_device(standard_nodes[i].path, place);
    }
    return -EPERM;
}

/* A node that is there already is left alone: the image may bring its own, linux.devices may name a usual one. */
static int make_node(const struct mount_tree *tree, const struct node *node)
{
    const char *name;
    auto_close int folder = rootfs_make_parent(tree->root, node->path, &name);
    if (folder < 0)
        return folder;
    if (mknodat(folder, name, node->mode, node->device) == 0)
        return own(tree->users, folder, name, node);
    return errno == EEXIST ? 0 : errno == EPERM ? bind_node(tree->root, node) : -errno;
}

static int make_link(int root, const char *path, const char *target)
{
    const char *name;
    auto_close int folder = rootfs_make_parent(root, path, &name);
    if (folder < 0)
        return folder;
    return symlinkat(target, folder, name) < 0 && errno != EEXIST ? -errno : 0;
}

static int make_standard(const struct mount_tree *tree, struct error *error)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < sizeof(standard_nodes) / sizeof(standard_nodes[0]); i++) {
        status = make_node(tree, &standard_nodes[i]);
        if (status < 0)
            return error_set(error, status, "cannot make %s", standard_nodes[i].path);
    }
    for (size_t i = 0; status == 0 && i < sizeof(standard_links) / sizeof(standard_links[0]); i++) {
        status = make_link(tree->root, standard_links[i].path, standard_links[i].target);
        if (status < 0)
            return error_set(error, status, "cannot make %s", standard_links[i].path);
    }
    return 0;
}

static int make_configured(const struct mount_tree *tree, const struct oci_device *device)
{
    char clean[PATH_MAX];
    int status = rootfs_clean_path(device->path, clean, sizeof(clean));
    if (status < 0 || mounts_is_synthetic(tree, clean))
        return status;
    struct node node = {
        .path = clean,
        .mode = (mode_t)device->type | (device->file_mode.set ? device->file_mode.value & 07777 : 0666),
        .uid = device->uid.set ? device->uid.value : 0,
        .gid = device->gid.set ? device->gid.value : 0,
    };
    if (device->type != S_IFIFO)
        node.device = makedev((unsigned int)device->major.value, (unsigned int)device->minor.value);
    return make_node(tree, &node);
}

int devices_make(const struct mount_tree *tree, struct error *error)
{
    const struct mount_entry *dev = mounts_find(tree, "/dev");
    if (dev != NULL && strcmp(dev->type, "tmpfs") != 0)
        return 0;

    int status = make_standard(tree, error);
    const struct oci_devices *devices = &tree->config->linux_config.devices;
    for (size_t i = 0; status == 0 && i < devices->count; i++) {
        status = make_configured(tree, &devices->items[i]);
        if (status < 0)
            return error_set(error, status, "linux.devices[%zu]: cannot make %s", i, devices->items[i].path);
    }
    return status;
}

/* -- the console
 * ------------------------------------------------------------------------------------------------------- */

static int open_pair(int devpts, int *ret_master, int *ret_slave, char name[16])
{
    int unlocked = 0;
    unsigned int number;
    auto_close int master = openat(devpts, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0 || ioctl(master, TIOCSPTLCK, &unlocked) < 0 || ioctl(master, TIOCGPTN, &number) < 0)
        return -errno;
    (void)snprintf(name, 16, "%u", number);
    int slave = openat(devpts, name, O_RDWR | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
    if (slave < 0)
        return -errno;
    *ret_slave = slave;
    *ret_master = take_fd(&master);
    return 0;
}

static int bind_console(const struct mount_tree *tree, int devpts, const char *name)
{
    auto_close int mount = open_tree(devpts, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (mount < 0)
        return -errno;
    auto_close int place = rootfs_make_file(tree->root, "/dev/console");
    if (place < 0)
        return place;
    return move_mount(mount, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0 ? -errno : 0;
}

int devices_make_console(const struct mount_tree *tree, const struct winsize *size, int *ret_master, int *ret_slave,
                         struct error *error)
{
    const struct mount_entry *devpts = mounts_find(tree, "/dev/pts");
    if (devpts == NULL || strcmp(devpts->type, "devpts") != 0)
        return error_refuse(error, "process.terminal: there is no mount of type devpts at /dev/pts");

    auto_close int master = -1, slave = -1;
    char name[16];
    int status = open_pair(devpts->fd, &master, &slave, name);
    if (status == 0 && size->ws_col != 0 && ioctl(master, TIOCSWINSZ, size) < 0)
        status = -errno;
    if (status == 0 && fchown(slave, user_namespace_uid(tree->users, tree->config->process.user.uid), (gid_t)-1) < 0)
        status = -errno;
    if (status == 0)
        status = bind_console(tree, devpts->fd, name);
    if (status < 0)
        return error_set(error, status, "cannot make the container's terminal");
    *ret_master = take_fd(&master);
    *ret_slave = take_fd(&slave);
    return 0;
}
