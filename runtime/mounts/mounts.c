/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mounts/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci-spec/oci.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/cell/namespaces.h"
#include "runtime/ids/user_namespace.h"
#include "runtime/mounts/copy_up.h"
#include "runtime/mounts/layer.h"
#include "runtime/mounts/layer_tiles.h"
#include "runtime/mounts/mount_bind.h"
#include "runtime/mounts/mount_calls.h"
#include "runtime/mounts/mount_idmap.h"
#include "runtime/mounts/mount_ids.h"
#include "runtime/mounts/mount_tree.h"
#include "runtime/mounts/rootfs.h"

/* -- the mounts of config.json ---------------------------------------------------------------------------------------
 */

struct job {
    struct mount_tree *tree;
    const struct oci_mount *mount;
    struct mount_entry *entry;
    bool covered; /* by a tree of the sentry's */
    char refused[MOUNT_REFUSED_MAX];
    struct error *error; /* for what its errno does not say; without the line's number */
};

/* The last name itself, whatever it leads to. */
static int place_of_name(const struct job *job, bool folder)
{
    const char *name;
    auto_close int parent = rootfs_make_parent(job->tree->root, job->entry->destination, &name);
    if (parent < 0)
        return parent;
    auto_close int place = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (place < 0 && errno == ENOENT)
        return folder ? rootfs_make_folder(job->tree->root, job->entry->destination)
                      : rootfs_make_file(job->tree->root, job->entry->destination);
    return place < 0 ? -errno : take_fd(&place);
}

static int place_for(const struct job *job, bool folder)
{
    if (job->mount->parsed.destination_nofollow)
        return place_of_name(job, folder);
    return folder ? rootfs_make_folder(job->tree->root, job->entry->destination)
                  : rootfs_make_file(job->tree->root, job->entry->destination);
}

/* What is mounted over the root is the root from then on; nothing that was mounted before can be reached any more. */
static int put_over_root(struct job *job, int *mount)
{
    struct mount_tree *tree = job->tree;
    int root = fcntl(*mount, F_DUPFD_CLOEXEC, 0);
    int status = root < 0 ? -errno : mounts_attach(*mount, tree->root);
    if (status < 0) {
        cleanup_close(&root);
        return status;
    }
    const uint64_t late = tree->entries[0].late;
    for (struct mount_entry *entry = tree->entries; entry != job->entry; entry++)
        cleanup_close(&entry->fd);
    tree->root = root;
    tree->entries[0] = *job->entry;
    tree->entries[0].fd = take_fd(mount);
    tree->entries[0].late |= late;
    tree->count = 1;
    job->entry = tree->entries;
    return 0;
}

/* Puts a mount at its destination, and keeps it. */
static int put(struct job *job, int *mount)
{
    struct stat status, there;
    if (fstat(*mount, &status) < 0)
        return -errno;
    if (strcmp(job->entry->destination, "/") == 0)
        return S_ISDIR(status.st_mode) ? put_over_root(job, mount) : -ENOTDIR;
    auto_close int place = place_for(job, S_ISDIR(status.st_mode));
    if (place >= 0 && fstat(place, &there) == 0 && S_ISDIR(there.st_mode) != S_ISDIR(status.st_mode))
        return -ENOTDIR;
    int result = place < 0 ? place : mounts_attach(*mount, place);
    if (result == 0)
        job->entry->fd = take_fd(mount);
    return result;
}

static int add_bind(struct job *job)
{
    if (job->mount->source == NULL)
        return -EINVAL;
    const bool as_link = job->mount->parsed.copy_symlink && strcmp(job->entry->destination, "/") != 0;
    int made = as_link ? mount_bind_link(job->tree, job->mount, job->entry->destination, job->error) : 0;
    if (made != 0) {
        job->tree->count--; /* a link is no mount */
        return made < 0 ? made : 0;
    }
    auto_close int mount = mount_bind_source(job->tree, job->mount, job->error);
    if (mount < 0)
        return mount;
    int status = mount_idmap_wanted(job->mount) ? mount_idmap(job->mount, job->tree->users, job->tree->procfs, mount, job->error) : 0;
    if (status == 0)
        status = mount_bind_attributes(job->tree, job->mount, mount, job->error);
    if (status < 0)
        return status;
    job->entry->shared = job->entry->foreign = true;
    (void)snprintf(job->entry->source, sizeof(job->entry->source), "none");
    return put(job, &mount);
}

/* A folder of the host below the container's layer, or without a source an empty one of the layer's own. */
static int add_layer(struct job *job)
{
    const char *source = job->mount->source;
    if (job->tree->layer.fd < 0)
        return -ENOTSUP;
    auto_close int folder = source == NULL ? -1 : layer_open_source(job->tree->bundle, source, O_DIRECTORY);
    if (source != NULL && folder < 0)
        return folder;
    auto_close int covered = rootfs_open(job->tree->root, job->entry->destination, O_PATH);
    struct mount_tree *tree = job->tree;
    auto_close int mount = source != NULL ? layer_show(&tree->layer, folder, job->entry->destination, &tree->config->mounts)
                                          : layer_empty(&tree->layer, covered, job->mount->parsed.data);
    if (mount < 0)
        return mount;
    (void)snprintf(job->entry->source, sizeof(job->entry->source), "layer");
    int status = put(job, &mount);
    return status == 0 && source != NULL ? mounts_note_tiles(tree, job->entry->fd) : status;
}

/* A made-up source is shown, a path of the host's is not. */
static void show_source(struct job *job)
{
    const char *source = job->mount->source;
    bool shown = source != NULL && source[0] != '\0' && strpbrk(source, "/ \t\n\\") == NULL;
    (void)snprintf(job->entry->type, sizeof(job->entry->type), "%s", job->mount->type);
    (void)snprintf(job->entry->source, sizeof(job->entry->source), "%s", shown ? source : job->mount->type);
}

/* Flags of mount(2) that are a file system's and not a mount's, as options of its own. */
static int add_own_flags(unsigned long flags, char *options, size_t size)
{
    static const struct {
        unsigned long flag;
        const char *option;
    } table[] = {{MS_SYNCHRONOUS, "sync"}, {MS_DIRSYNC, "dirsync"}, {MS_MANDLOCK, "mand"}, {MS_LAZYTIME, "lazytime"}};
    size_t used = strlen(options);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if ((flags & table[i].flag) != 0)
            used += (size_t)snprintf(options + used, size - used, "%s%s", used > 0 ? "," : "", table[i].option);
    return used < size ? 0 : -ENAMETOOLONG;
}

static int put_new(struct job *job, const char *options)
{
    uint64_t attributes = mounts_attributes(job->mount->parsed.flags);
    char translated[MOUNT_DATA_MAX + 128];
    int status = mount_ids_translate(job->tree->users, options, translated, sizeof(translated) - 32);
    if (status == 0)
        status = add_own_flags(job->mount->parsed.flags, translated, sizeof(translated));
    if (status < 0)
        return status;
    auto_close int mount =
        mounts_make_telling(job->mount->type, translated, attributes & ~(uint64_t)MOUNT_ATTR_RDONLY, job->refused);
    if (mount < 0)
        return mount;
    show_source(job);
    job->entry->late = attributes & MOUNT_ATTR_RDONLY; /* mount points below it are still to be made */
    return put(job, &mount);
}

/* Like runc: a tmpfs over a folder that is there has that folder's mode unless told otherwise. */
static int add_tmpfs(struct job *job)
{
    const char *data = job->mount->parsed.data != NULL ? job->mount->parsed.data : "";
    auto_close int covered = rootfs_open(job->tree->root, job->entry->destination, O_PATH | O_DIRECTORY);
    char options[MOUNT_DATA_MAX + 16];
    struct stat status;
    if (covered >= 0 && fstat(covered, &status) == 0)
        (void)snprintf(options, sizeof(options), "mode=%o,%s", status.st_mode & 07777, data);
    else
        (void)snprintf(options, sizeof(options), "%s", data);

    int result = put_new(job, options);
    if (result < 0 || !job->mount->parsed.copy_up || covered < 0)
        return result;
    return copy_up(covered, job->entry->fd);
}

/* What a new file system has in it from the start is the machine's root's; in a user namespace the container's has it. */
static int give_to_root(const struct mount_tree *tree, int folder, const char *name)
{
    uid_t uid = user_namespace_uid(tree->users, 0);
    gid_t gid = user_namespace_gid(tree->users, 0);
    if (tree->users->fd < 0 || uid == (uid_t)-1 || gid == (gid_t)-1)
        return 0;
    return fchownat(folder, name, uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/* Every devpts is an instance of its own nowadays; its ptmx must be usable by all. The machine has one number of terminals for all
 * instances, so each gets a share unless its option says otherwise. */
static int add_devpts(struct job *job)
{
    const char *data = job->mount->parsed.data != NULL ? job->mount->parsed.data : "";
    const bool bounded = strncmp(data, "max=", 4) == 0 || strstr(data, ",max=") != NULL;
    char options[512];
    int used = snprintf(options, sizeof(options), "%s%s%s", data, strstr(data, "ptmxmode=") == NULL ? ",ptmxmode=0666" : "",
                        bounded ? "" : "," MOUNT_DEVPTS_SHARE);
    if (used < 0 || (size_t)used >= sizeof(options))
        return -ENAMETOOLONG;
    job->entry->shared = true;
    int status = put_new(job, options);
    if (status == 0)
        status = give_to_root(job->tree, job->entry->fd, "");
    return status == 0 ? give_to_root(job->tree, job->entry->fd, "ptmx") : status;
}

/* Its folders are the host's, as with a bind; where they are is not shown. */
static int add_overlay(struct job *job)
{
    char data[MOUNT_DATA_MAX + 64];
    (void)snprintf(data, sizeof(data) - 32, "%s", job->mount->parsed.data != NULL ? job->mount->parsed.data : "");
    int status = add_own_flags(job->mount->parsed.flags, data, sizeof(data));
    if (status < 0)
        return status;
    const uint64_t attributes = mounts_attributes(job->mount->parsed.flags);
    auto_close int mount = mounts_make_telling("overlay", data, attributes & ~(uint64_t)MOUNT_ATTR_RDONLY, job->refused);
    if (mount < 0)
        return mount;
    job->entry->shared = job->entry->foreign = true;
    job->entry->late = attributes & MOUNT_ATTR_RDONLY;
    (void)snprintf(job->entry->source, sizeof(job->entry->source), "overlay");
    return put(job, &mount);
}

/* The queues of the ipc namespace we are in, if it is the container's own: in another's, what is there is not the container's to
 * own by what stands on it. The kernel may have none. */
static int add_mqueue(struct job *job)
{
    const bool own = namespaces_ipc_own(&job->tree->config->linux_config);
    auto_close int mount = own ? mounts_make("mqueue", NULL, mounts_attributes(job->mount->parsed.flags)) : -ENODEV;
    if (mount == -ENODEV) {
        job->tree->count--; /* nothing came of this line */
        return 0;
    }
    if (mount < 0)
        return mount;
    show_source(job);
    job->entry->shared = true;
    return put(job, &mount);
}

/* Not a link that leads elsewhere; what is not there yet will be. */
static bool is_ordinary(const struct job *job)
{
    struct stat status;
    auto_close int place = rootfs_open(job->tree->root, job->entry->destination, O_PATH | O_NOFOLLOW);
    return place < 0 || (fstat(place, &status) == 0 && S_ISDIR(status.st_mode));
}

/* A guest that may mount gets its tmpfs mounts' files from here: a place no name of its own leads to, as the sentry's tree covers it. */
static int add_storage(struct job *job)
{
    char options[128];
    for (const struct mount_entry *entry = job->tree->entries; entry != job->entry; entry++)
        if (entry->storage)
            return 0;
    if ((job->tree->config->process.capabilities.bounding & (UINT64_C(1) << CAP_SYS_ADMIN)) == 0)
        return 0;
    int status = mount_ids_translate(job->tree->users, "mode=755", options, sizeof(options));
    if (status < 0)
        return status;
    auto_close int mount = mounts_make("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    if (mount < 0)
        return mount;
    status = mounts_attach(mount, job->entry->fd);
    if (status < 0)
        return status;
    cleanup_close(&job->entry->fd);
    job->entry->fd = take_fd(&mount);
    job->entry->storage = true;
    return 0;
}

/* The sentry's own trees need no mount; the folder they cover should be there, so that `ls` of what is around shows it.
 */
static int add_synthetic(struct job *job)
{
    const bool proc = strcmp(job->mount->type, "proc") == 0;
    show_source(job);
    int status = proc && job->mount->parsed.data != NULL ? mount_proc_parse(job->mount->parsed.data, &job->entry->proc, job->error) : 0;
    if (status < 0)
        return status;
    if (proc)
        job->entry->kind = BOOT_MOUNT_PROC;
    else
        job->entry->kind = strcmp(job->mount->type, "sysfs") == 0 ? BOOT_MOUNT_SYSFS : BOOT_MOUNT_CGROUP;
    if (job->entry->kind != BOOT_MOUNT_CGROUP && !job->covered && !is_ordinary(job))
        return error_refuse(job->error, "filesystem \"%s\" must be mounted on ordinary directory (%s)", job->mount->type,
                            job->entry->destination);
    if (!job->covered) {
        int folder = rootfs_make_folder(job->tree->root, job->entry->destination);
        job->entry->fd = folder < 0 ? -1 : folder;
    }
    return proc && job->entry->fd >= 0 ? add_storage(job) : 0;
}

static const struct {
    const char *type;
    int (*add)(struct job *job);
} types[] = {
    {"bind", add_bind},      {"tmpfs", add_tmpfs},     {"devpts", add_devpts},    {"mqueue", add_mqueue},
    {"proc", add_synthetic}, {"sysfs", add_synthetic}, {"cgroup", add_synthetic}, {"cgroup2", add_synthetic},
    {"layer", add_layer},    {"overlay", add_overlay},
};

/* The option a file system refused, by its place in the configuration; or the mount as a whole, if it is none of those. */
static int add_failed(const struct job *job, size_t index, const char *type, int status, struct error *error)
{
    const struct oci_mount *mount = job->mount;
    size_t length = strlen(job->refused);
    for (size_t i = 0; length > 0 && i < mount->options.count; i++) {
        const char *option = mount->options.items[i];
        if (strncmp(option, job->refused, length) == 0 && (option[length] == '=' || option[length] == '\0'))
            return error_set(error, status, "mounts[%zu].options[%zu]: %s does not take \"%.100s\"", index, i, type, option);
    }
    return error_set(error, status, "mounts[%zu]: cannot mount %s (%s) at %s", index,
                     mount->source != NULL ? mount->source : type, type, job->entry->destination);
}

static void strip_root(const struct mount_tree *tree, char clean[BOOT_PATH_MAX])
{
    const char *inside = mounts_path_inside(tree, clean);
    memmove(clean, inside, strlen(inside) + 1);
}

static int add(struct mount_tree *tree, const struct oci_mount *mount, size_t index, struct error *error)
{
    char clean[BOOT_PATH_MAX];
    int status = rootfs_clean_path(mount->destination, clean, sizeof(clean));
    if (status < 0)
        return error_set(error, status, "mounts[%zu].destination (%s)", index, mount->destination);
    if (mounts_path_inside(tree, clean) != NULL) /* the place as the host knows it; runc has always taken that too */
        strip_root(tree, clean);
    const char *type = mount_options_bind(&mount->parsed) || mount->type == NULL ? "bind" : mount->type;
    size_t at = 0;
    while (at < sizeof(types) / sizeof(types[0]) && strcmp(types[at].type, type) != 0)
        at++;
    if (at == sizeof(types) / sizeof(types[0]))
        return error_refuse(error, "mounts[%zu].type (%s): not supported", index, type);
    if (mount_idmap_wanted(mount) && types[at].add != add_bind)
        return error_refuse(error, "mounts[%zu]: only binds can have id mappings", index);

    bool covered = mounts_is_synthetic(tree, clean);
    if (covered && types[at].add != add_synthetic)
        return error_refuse(
            error, "mounts[%zu].destination (%s): lies in a tree of Postern's own, where nothing can be mounted", index,
            clean);
    struct mount_entry *entry = mounts_new_entry(tree, clean, error);
    if (entry == NULL)
        return -EINVAL;
    entry->flags = mount->parsed.flags;
    struct job job = {.tree = tree, .mount = mount, .entry = entry, .covered = covered, .error = error};
    status = types[at].add(&job);
    if (status < 0 && error->code != 0) {
        error_prefix(error, "mounts[%zu]", index);
        return status;
    }
    if (status == -EOVERFLOW)
        return error_refuse(error, "mounts[%zu].options (%s): an id in it is none of the container's user namespace", index,
                            mount->parsed.data);
    return status < 0 ? add_failed(&job, index, type, status, error) : 0;
}

int mounts_add_all(struct mount_tree *tree, struct error *error)
{
    const struct oci_mounts *mounts = &tree->config->mounts;
    /* Meanwhile no bind of what is above the root takes our own mount there along. */
    const struct mount_attr hidden = {.propagation = MS_UNBINDABLE}, again = {.propagation = MS_PRIVATE};
    int status = mounts_set_attributes(tree->scratch, 0, &hidden);
    if (status < 0)
        return error_set(error, status, "cannot mount below root.path");
    for (size_t i = 0; status == 0 && i < mounts->count; i++)
        status = add(tree, &mounts->items[i], i, error);
    return status < 0 ? status : mounts_set_attributes(tree->scratch, 0, &again);
}

/* -- masks -----------------------------------------------------------------------------------------------------------
 */

static int mask_one(struct mount_tree *tree, int place)
{
    struct stat status;
    if (fstat(place, &status) < 0)
        return -errno;
    auto_close int mount = S_ISDIR(status.st_mode)
                               ? mounts_make("tmpfs", "mode=555,nr_inodes=2,size=4k", MOUNT_ATTR_RDONLY)
                               : mounts_clone(tree->scratch, "null", 0);
    return mount < 0 ? mount : mounts_attach(mount, place);
}

static int readonly_one(struct mount_tree *tree, int place)
{
    (void)tree;
    static const struct mount_attr readonly = {.attr_set = MOUNT_ATTR_RDONLY};
    auto_close int mount = mounts_clone(place, "", AT_EMPTY_PATH | AT_RECURSIVE);
    int status = mount < 0 ? mount : mounts_set_attributes(mount, 0, &readonly);
    return status < 0 ? status : mounts_attach(mount, place);
}

static int cover(struct mount_tree *tree, const struct oci_strings *paths, const char *field,
                 int (*cover_one)(struct mount_tree *tree, int place), struct error *error)
{
    for (size_t i = 0; i < paths->count; i++) {
        char clean[BOOT_PATH_MAX];
        int status = rootfs_clean_path(paths->items[i], clean, sizeof(clean));
        if (status == 0 && mounts_is_synthetic(tree, clean))
            continue;
        auto_close int place = status < 0 ? status : rootfs_open(tree->root, clean, O_PATH);
        if (place == -ENOENT || place == -ENOTDIR)
            continue; /* what is not there needs no cover */
        status = place < 0 ? place : cover_one(tree, place);
        if (status < 0)
            return error_set(error, status, "linux.%s[%zu] (%s): cannot cover it", field, i, paths->items[i]);
    }
    return 0;
}

int mounts_mask(struct mount_tree *tree, struct error *error)
{
    const struct oci_linux *linux_config = &tree->config->linux_config;
    int status = cover(tree, &linux_config->readonly_paths, "readonlyPaths", readonly_one, error);
    return status < 0 ? status : cover(tree, &linux_config->masked_paths, "maskedPaths", mask_one, error);
}
