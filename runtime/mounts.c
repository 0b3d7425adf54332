/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mounts_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "oci-spec/oci.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/copy_up.h"
#include "runtime/mount_idmap.h"
#include "runtime/mount_ids.h"
#include "runtime/mountinfo.h"
#include "runtime/namespaces.h"
#include "runtime/rootfs.h"
#include "runtime/user_namespace.h"

/* -- the parts of mount(2), by descriptor ------------------------------------------------------------------------- */

/* A file system's option the kernel did not take, without its value: whoever wrote the configuration looks for it. */
enum { REFUSED_MAX = 64 };

static int configure(int context, char *options, char refused[REFUSED_MAX])
{
    char *rest = options;
    for (char *option; (option = strsep(&rest, ",")) != NULL;) {
        char *value = strchr(option, '=');
        if (option[0] == '\0')
            continue;
        if (value != NULL)
            *value++ = '\0';
        if (fsconfig(context, value != NULL ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, option, value, 0) < 0) {
            int error = -errno;
            (void)snprintf(refused, REFUSED_MAX, "%.63s", option);
            return error;
        }
    }
    return fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ? -errno : 0;
}

static int make(const char *type, const char *options, uint64_t attributes, char refused[REFUSED_MAX])
{
    auto_free char *text = strdup(options != NULL ? options : "");
    auto_close int context = fsopen(type, FSOPEN_CLOEXEC);
    if (text == NULL)
        return -ENOMEM;
    if (context < 0)
        return -errno;
    int status = configure(context, text, refused);
    if (status < 0)
        return status;
    int mount = fsmount(context, FSMOUNT_CLOEXEC, (unsigned int)attributes);
    return mount < 0 ? -errno : mount;
}

int mounts_make(const char *type, const char *options, uint64_t attributes)
{
    char refused[REFUSED_MAX];
    return make(type, options, attributes, refused);
}

int mounts_attach(int mount, int place)
{
    return move_mount(mount, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0 ? -errno : 0;
}

int mounts_clone(int at, const char *path, unsigned int flags)
{
    int mount = open_tree(at, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags);
    return mount < 0 ? -errno : mount;
}

int mounts_set_attributes(int mount, unsigned int flags, const struct mount_attr *attributes)
{
    struct mount_attr copy = *attributes;
    if (copy.attr_set == 0 && copy.attr_clr == 0 && copy.propagation == 0)
        return 0;
    return mount_setattr(mount, "", AT_EMPTY_PATH | flags, &copy, sizeof(copy)) < 0 ? -errno : 0;
}

/* MS_* as MOUNT_ATTR_*; only what belongs to a mount, not to its file system. */
static uint64_t to_attributes(unsigned long flags)
{
    static const struct {
        unsigned long flag;
        uint64_t attribute;
    } table[] = {
        {MS_RDONLY, MOUNT_ATTR_RDONLY},
        {MS_NOSUID, MOUNT_ATTR_NOSUID},
        {MS_NODEV, MOUNT_ATTR_NODEV},
        {MS_NOEXEC, MOUNT_ATTR_NOEXEC},
        {MS_NODIRATIME, MOUNT_ATTR_NODIRATIME},
        {MS_NOATIME, MOUNT_ATTR_NOATIME},
        {MS_STRICTATIME, MOUNT_ATTR_STRICTATIME},
        {256 /* MS_NOSYMFOLLOW */, MOUNT_ATTR_NOSYMFOLLOW},
    };
    uint64_t attributes = 0;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        attributes |= (flags & table[i].flag) != 0 ? table[i].attribute : 0;
    if ((attributes & MOUNT_ATTR_NOATIME) != 0)
        attributes &= ~(uint64_t)MOUNT_ATTR_STRICTATIME; /* one value of a field, the kernel refuses both */
    return attributes;
}

/* -- what is kept of each ------------------------------------------------------------------------------------------ */

struct mount_entry *mounts_new_entry(struct mount_tree *tree, const char *destination, struct error *error)
{
    if (tree->count == BOOT_MOUNTS_MAX) {
        (void)error_refuse(error, "mounts: more than %d", BOOT_MOUNTS_MAX - 1);
        return NULL;
    }
    struct mount_entry *entry = &tree->entries[tree->count++];
    *entry = (struct mount_entry){.fd = -1};
    (void)snprintf(entry->destination, sizeof(entry->destination), "%s", destination);
    return entry;
}

int mounts_note_tiles(struct mount_tree *tree, int mount)
{
    struct statx whole;
    auto_fclose FILE *file = fopen("/proc/self/mountinfo", "re");
    auto_free char *text = NULL;
    size_t room = 0;
    if (file == NULL || statx(mount, "", AT_EMPTY_PATH, STATX_MNT_ID, &whole) < 0)
        return -errno;
    for (ssize_t length; (length = getline(&text, &room, file)) > 0;) {
        struct mountinfo line;
        text[length - 1] = '\0';
        if (!mountinfo_parse(text, &line) || line.parent != whole.stx_mnt_id)
            continue;
        if (tree->tile_count == MOUNT_TILES_MAX)
            return -E2BIG;
        tree->tiles[tree->tile_count++] = line.id;
    }
    return feof(file) ? 0 : -EIO;
}

int mounts_bind_device(const char *device, int place)
{
    auto_close int mount = mounts_clone(AT_FDCWD, device, 0);
    struct stat status;
    if (mount < 0)
        return mount;
    if (fstat(mount, &status) < 0)
        return -errno;
    return S_ISCHR(status.st_mode) ? mounts_attach(mount, place) : -ENODEV;
}

/* -- the mounts of config.json ---------------------------------------------------------------------------------------
 */

struct job {
    struct mount_tree *tree;
    const struct oci_mount *mount;
    struct mount_entry *entry;
    bool covered; /* by a tree of the sentry's */
    char refused[REFUSED_MAX];
    struct error *error; /* for what its errno does not say; without the line's number */
};

static int place_for(const struct job *job, bool folder)
{
    return folder ? rootfs_make_folder(job->tree->root, job->entry->destination)
                  : rootfs_make_file(job->tree->root, job->entry->destination);
}

/* Puts a mount at its destination, and keeps it. */
static int put(const struct job *job, int *mount)
{
    struct stat status;
    if (fstat(*mount, &status) < 0)
        return -errno;
    auto_close int place = place_for(job, S_ISDIR(status.st_mode));
    int result = place < 0 ? place : mounts_attach(*mount, place);
    if (result == 0)
        job->entry->fd = take_fd(mount);
    return result;
}

/* What a bind does not say itself is as with all mounts the container sees (mount_root.c); where those are private its word
 * comes too late. */
static uint64_t bind_propagation(const struct mount_tree *tree, const struct oci_mount_options *options)
{
    const int all = tree->config->linux_config.rootfs_propagation;
    if (all == (MS_PRIVATE | MS_REC) || all == (MS_UNBINDABLE | MS_REC))
        return MS_PRIVATE;
    return options->propagation == 0 || (options->propagation & (MS_SLAVE | MS_SHARED)) != 0 ? MS_SLAVE : MS_PRIVATE;
}

static int bind_attributes(const struct job *job, int mount)
{
    const struct oci_mount_options *options = &job->mount->parsed;
    struct mount_attr whole = {.attr_set = options->recursive_set, .attr_clr = options->recursive_clear};
    struct mount_attr top = {.attr_set = to_attributes(options->flags), .attr_clr = to_attributes(options->cleared)};
    const struct mount_attr propagation = {.propagation = bind_propagation(job->tree, options)};
    if ((top.attr_set & MOUNT_ATTR__ATIME) != 0 || (top.attr_clr & MOUNT_ATTR__ATIME) != 0)
        top.attr_clr |= MOUNT_ATTR__ATIME;

    /* What stays the host's gives no rights, whoever made it what it is. */
    const struct mount_attr foreign = {.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
    int status = mounts_set_attributes(mount, AT_RECURSIVE, &propagation);
    if (status == 0)
        status = mounts_set_attributes(mount, 0, &top);
    if (status == 0)
        status = mounts_set_attributes(mount, AT_RECURSIVE, &whole);
    return status == 0 && job->tree->keeps_foreign ? mounts_set_attributes(mount, AT_RECURSIVE, &foreign) : status;
}

static int clone_source(const struct job *job, unsigned int flags)
{
    if (job->tree->layer.fd < 0)
        return mounts_clone(job->tree->bundle, job->mount->source, flags);
    auto_close int source = layer_open_source(job->tree->bundle, job->mount->source, 0);
    return source < 0 ? source : mounts_clone(source, "", AT_EMPTY_PATH | flags);
}

static int add_bind(struct job *job)
{
    const struct oci_mount_options *options = &job->mount->parsed;
    if (job->mount->source == NULL)
        return -EINVAL;
    auto_close int mount = clone_source(job, (options->flags & MS_REC) != 0 ? AT_RECURSIVE : 0);
    if (mount < 0)
        return mount;
    int status = mount_idmap_wanted(job->mount) ? mount_idmap(job->mount, job->tree->users, job->tree->procfs, mount, job->error) : 0;
    if (status == 0)
        status = bind_attributes(job, mount);
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

static int put_new(struct job *job, const char *options)
{
    uint64_t attributes = to_attributes(job->mount->parsed.flags);
    char translated[MOUNT_DATA_MAX + 64];
    int status = mount_ids_translate(job->tree->users, options, translated, sizeof(translated));
    if (status < 0)
        return status;
    auto_close int mount =
        make(job->mount->type, translated, attributes & ~(uint64_t)MOUNT_ATTR_RDONLY, job->refused);
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

/* The queues of the ipc namespace we are in, if it is the container's own: in another's, what is there is not the container's to
 * own by what stands on it. The kernel may have none. */
static int add_mqueue(struct job *job)
{
    const bool own = namespaces_ipc_own(&job->tree->config->linux_config);
    auto_close int mount = own ? mounts_make("mqueue", NULL, to_attributes(job->mount->parsed.flags)) : -ENODEV;
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

/* The sentry's own trees need no mount; the folder they cover should be there, so that `ls` of what is around shows it.
 */
static int add_synthetic(struct job *job)
{
    show_source(job);
    if (strcmp(job->mount->type, "proc") == 0)
        job->entry->kind = BOOT_MOUNT_PROC;
    else
        job->entry->kind = strcmp(job->mount->type, "sysfs") == 0 ? BOOT_MOUNT_SYSFS : BOOT_MOUNT_CGROUP;
    if (!job->covered) {
        int folder = rootfs_make_folder(job->tree->root, job->entry->destination);
        job->entry->fd = folder < 0 ? -1 : folder;
    }
    return 0;
}

static const struct {
    const char *type;
    int (*add)(struct job *job);
} types[] = {
    {"bind", add_bind},      {"tmpfs", add_tmpfs},     {"devpts", add_devpts},    {"mqueue", add_mqueue},
    {"proc", add_synthetic}, {"sysfs", add_synthetic}, {"cgroup", add_synthetic}, {"cgroup2", add_synthetic},
    {"layer", add_layer},
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

static int add(struct mount_tree *tree, const struct oci_mount *mount, size_t index, struct error *error)
{
    char clean[BOOT_PATH_MAX];
    int status = rootfs_clean_path(mount->destination, clean, sizeof(clean));
    if (status < 0)
        return error_set(error, status, "mounts[%zu].destination (%s)", index, mount->destination);
    const char *type = mount_options_bind(&mount->parsed) || mount->type == NULL ? "bind" : mount->type;
    size_t at = 0;
    while (at < sizeof(types) / sizeof(types[0]) && strcmp(types[at].type, type) != 0)
        at++;
    if (at == sizeof(types) / sizeof(types[0]))
        return error_refuse(error, "mounts[%zu].type (%s): not supported", index, type);
    if (strcmp(clean, "/") == 0)
        return error_refuse(error, "mounts[%zu].destination: nothing can be mounted over the root", index);
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
    int status = 0;
    for (size_t i = 0; status == 0 && i < mounts->count; i++)
        status = add(tree, &mounts->items[i], i, error);
    return status;
}

const struct mount_entry *mounts_find(const struct mount_tree *tree, const char *destination)
{
    for (size_t i = tree->count; i > 0; i--) {
        if (strcmp(tree->entries[i - 1].destination, destination) == 0)
            return &tree->entries[i - 1];
    }
    return NULL;
}

bool mounts_is_synthetic(const struct mount_tree *tree, const char *path)
{
    for (size_t i = 0; i < tree->count; i++) {
        if (tree->entries[i].kind != BOOT_MOUNT_REAL && rootfs_is_below(path, tree->entries[i].destination))
            return true;
    }
    return false;
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
