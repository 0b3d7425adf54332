/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/PID/mounts, mountinfo and mountstats (proc_pid_mountinfo(5)): from what the runtime said it mounted, as seen
 * from the process's root. Host paths are not in it: a mount's source is what the runtime chose to show.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "sentry/fs/proc_mounts.h"
#include "sentry/fs/procfs.h"
#include "sentry/kernel/process.h"
#include "sentry/sentry.h"
#include "sentry/vfs/guest_mounts.h"

enum { SYNTHETIC_MOUNT_ID = 900000, GUEST_GROUPS = 1000 };

/* Options that belong to the mount; all others are the filesystem's. */
static bool is_mount_option(const char *option, size_t length)
{
    static const char *const names[] = {"ro",      "rw",         "nosuid",   "nodev",       "noexec",
                                        "noatime", "nodiratime", "relatime", "strictatime", "nosymfollow"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (strlen(names[i]) == length && memcmp(names[i], option, length) == 0)
            return true;
    }
    return false;
}

/* With a comma in front of each; without what says whether it can be written to. */
static void append_options(const char *options, bool mount_part, struct text *text)
{
    for (const char *rest = options; *rest != '\0';) {
        size_t length = strcspn(rest, ",");
        bool access = length == 2 && rest[0] == 'r' && (rest[1] == 'o' || rest[1] == 'w');
        if (!access && length > 0 && is_mount_option(rest, length) == mount_part) {
            text_string(text, ",");
            text_append(text, rest, length);
        }
        rest += length;
        rest += *rest == ',';
    }
}

void mount_options_split(const char *options, bool mount_part, struct text *text)
{
    bool read_only = options[0] == 'r' && options[1] == 'o' && (options[2] == ',' || options[2] == '\0');
    text_string(text, read_only ? "ro" : "rw");
    append_options(options, mount_part, text);
}

/* Where `path` is for somebody whose root is `root`; NULL if it is not below. */
const char *mount_path_below(const char *path, const char *root)
{
    size_t length = strlen(root);
    if (length <= 1)
        return path;
    if (strncmp(path, root, length) != 0 || (path[length] != '/' && path[length] != '\0'))
        return NULL;
    return path[length] == '\0' ? "/" : path + length;
}

static uint64_t mount_id(const struct boot_mount *mount, size_t index)
{
    return mount->mount_id != 0 ? mount->mount_id : SYNTHETIC_MOUNT_ID + index;
}

size_t mount_holder(const struct boot_config *boot, const char *path, size_t count)
{
    size_t best = 0, best_length = 0;
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(boot->mounts[i].destination);
        if (length >= best_length && mount_path_below(path, boot->mounts[i].destination) != NULL) {
            best = i;
            best_length = length;
        }
    }
    return best;
}

/* Of two mounts at one place only the later is seen. */
static bool is_covered(const struct boot_config *boot, size_t index)
{
    for (size_t i = index + 1; i < boot->mount_count; i++) {
        if (strcmp(boot->mounts[i].destination, boot->mounts[index].destination) == 0)
            return true;
    }
    return false;
}

static void mount_device(struct sentry *sentry, const struct boot_mount *mount, struct statx *ret_attributes)
{
    struct dentry *dentry = NULL;
    *ret_attributes = (struct statx){0};
    if (sentry->vfs == NULL || vfs_find(sentry->vfs, mount->destination, &dentry) < 0)
        return;
    if (dentry->inode != NULL)
        *ret_attributes = dentry->inode->attributes;
    (void)dentry_put(dentry);
}

/* A mount as it is shown; masks are some too, and no entries of the boot configuration. */
struct shown {
    const struct boot_mount *mount;
    uint64_t id, parent;
    const struct dentry *top; /* of the guest's own */
};

/* From where the mounts are seen: a root, within the bundle's tree ("" is all of it), or above it, as pivot_root(2) may leave one. */
struct viewpoint {
    const struct dentry *root;
    bool sees_bundle;
    char inside[VFS_PATH_MAX + 2], above[VFS_PATH_MAX];
};

/* Calls write for each mount that is seen from the process's root, with its path from there. */
typedef void (*write_mount)(struct sentry *sentry, const struct shown *shown, const char *path, struct text *text);

/* A mount of part of another, or what another mount looks like at this place: "ro" or not, and the folder of it that is there. */
static struct boot_mount part_of(const struct boot_mount *whole, const char *destination, const char *folder, bool readonly)
{
    struct boot_mount part = *whole;
    (void)snprintf(part.destination, sizeof(part.destination), "%s", destination);
    int length = snprintf(part.root, sizeof(part.root), "%s%s", strcmp(whole->root, "/") == 0 ? "" : whole->root, folder);
    if (length < 0 || (size_t)length >= sizeof(part.root))
        part.root[0] = '\0';
    const char *rest = strchr(whole->options, ',');
    if (readonly)
        (void)snprintf(part.options, sizeof(part.options), "ro%s", rest != NULL ? rest : "");
    return part;
}

/* What runc would have mounted there: an empty folder, or the container's null device. */
static struct boot_mount mask_of(const struct boot_config *boot, const char *path, bool directory)
{
    struct boot_mount folder = {.type = "tmpfs", .source = "tmpfs", .options = "ro,relatime", .root = "/", .whole_readonly = 1};
    if (!directory) {
        const struct boot_mount *devices = &boot->mounts[mount_holder(boot, "/dev/null", boot->mount_count)];
        return part_of(devices, path, mount_path_below("/dev/null", devices->destination), false);
    }
    (void)snprintf(folder.destination, sizeof(folder.destination), "%s", path);
    return folder;
}

static int take_viewpoint(struct sentry *sentry, const struct dentry *root, struct viewpoint *ret_viewpoint)
{
    struct viewpoint *from = ret_viewpoint;
    *from = (struct viewpoint){.root = root, .sees_bundle = root->guest == NULL, .inside = "/"};
    if (from->sees_bundle)
        return dentry_relative_path(root, from->inside + 1, sizeof(from->inside) - 1) < 0 ? -ENAMETOOLONG : 0;
    from->sees_bundle = dentry_path(vfs_bundle_root(sentry->vfs), root, from->above, sizeof(from->above)) > 0 && from->above[0] == '/';
    return 0;
}

/* Where a place of the bundle's is seen; NULL: not at all. */
static const char *seen_at(const struct viewpoint *from, const char *path, char *buffer, size_t size)
{
    if (!from->sees_bundle)
        return NULL;
    if (from->above[0] == '\0')
        return mount_path_below(path, from->inside);
    int length = snprintf(buffer, size, "%s%s", from->above, strcmp(path, "/") == 0 ? "" : path);
    return length < 0 || (size_t)length >= size ? NULL : buffer;
}

/* Of maskedPaths and readonlyPaths those that lie in a tree of our own: others are mounts like any. */
static void write_mask(struct sentry *sentry, const char *path, bool is_mask, uint64_t id, const struct viewpoint *from, struct text *text,
                       write_mount write)
{
    char place[BOOT_PATH_MAX + VFS_PATH_MAX];
    const struct boot_config *boot = sentry->boot;
    const size_t holder = mount_holder(boot, path, boot->mount_count);
    const char *below = seen_at(from, path, place, sizeof(place));
    struct dentry *dentry = NULL;
    if (boot->mounts[holder].kind == BOOT_MOUNT_REAL || below == NULL || sentry->vfs == NULL ||
        vfs_find(sentry->vfs, path, &dentry) < 0)
        return;
    const bool directory = dentry->inode != NULL && S_ISDIR(dentry->inode->attributes.stx_mode);
    (void)dentry_put(dentry);
    const struct boot_mount mount =
        is_mask ? mask_of(boot, path, directory)
                : part_of(&boot->mounts[holder], path, mount_path_below(path, boot->mounts[holder].destination), true);
    const struct shown shown = {.mount = &mount, .id = id, .parent = mount_id(&boot->mounts[holder], holder)};
    write(sentry, &shown, below, text);
}

static void each_mask(struct sentry *sentry, const struct viewpoint *from, struct text *text, write_mount write)
{
    const struct boot_config *boot = sentry->boot;
    uint64_t id = SYNTHETIC_MOUNT_ID + BOOT_MOUNTS_MAX;
    for (uint32_t i = 0; i < boot->readonly_count && i < BOOT_MASKED_MAX; i++)
        write_mask(sentry, boot->readonly[i], false, id++, from, text, write);
    for (uint32_t i = 0; i < boot->masked_count && i < BOOT_MASKED_MAX; i++)
        write_mask(sentry, boot->masked[i], true, id++, from, text, write);
}

/* --- the guest's own --- */

static void print_options(unsigned int flags, const char *others, char *options, size_t size)
{
    static const struct {
        unsigned int flag;
        const char *name;
    } names[] = {{MS_NOSUID, "nosuid"},   {MS_NODEV, "nodev"},           {MS_NOEXEC, "noexec"},
                 {MS_NOATIME, "noatime"}, {MS_NODIRATIME, "nodiratime"}, {MS_RELATIME, "relatime"},
                 {BOOT_MOUNT_NOSYMFOLLOW, "nosymfollow"}};
    size_t used = (size_t)snprintf(options, size, "%s", (flags & MS_RDONLY) != 0 ? "ro" : "rw");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if ((flags & names[i].flag) != 0 && used < size)
            used += (size_t)snprintf(options + used, size - used, ",%s", names[i].name);
    if (used < size)
        (void)snprintf(options + used, size - used, "%s", others);
}

static void print_propagation(enum guest_propagation propagation, unsigned int group, char *text, size_t size)
{
    if (propagation == GUEST_SHARED)
        (void)snprintf(text, size, "shared:%u", GUEST_GROUPS + group);
    else if (propagation == GUEST_UNBINDABLE)
        (void)snprintf(text, size, "unbindable");
}

/* The id of the mount that a place is on. */
static uint64_t id_of_holder(struct sentry *sentry, const struct dentry *place)
{
    const struct boot_config *boot = sentry->boot;
    char path[VFS_PATH_MAX];
    if (place == NULL)
        return SYNTHETIC_MOUNT_ID - 1;
    if (place->guest != NULL)
        return place->guest->id;
    size_t holder = dentry_path(place, vfs_bundle_root(sentry->vfs), path, sizeof(path)) > 0 ? mount_holder(boot, path, boot->mount_count) : 0;
    return mount_id(&boot->mounts[holder], holder);
}

static void each_of_guest(struct sentry *sentry, const struct viewpoint *from, struct text *text, write_mount write)
{
    uint64_t id = 0;
    for (const struct guest_mount *guest; (guest = guest_mounts_after(sentry->vfs, id)) != NULL;) {
        char path[VFS_PATH_MAX];
        struct boot_mount mount = {.kind = BOOT_MOUNT_REAL};
        id = guest->id;
        if (dentry_path(guest->root, from->root, path, sizeof(path)) < 0 || path[0] != '/')
            continue;
        memcpy(mount.type, guest->type, sizeof(mount.type));
        memcpy(mount.source, guest->source, sizeof(mount.source));
        memcpy(mount.root, guest->folder, sizeof(mount.root));
        struct dentry *root = dentry_get(guest->root); /* keeps it, too */
        print_options(vfs_mount_flags(sentry->vfs, root) | guest->flags, guest->options, mount.options, sizeof(mount.options));
        print_propagation(guest->propagation, guest->peer_group, mount.propagation, sizeof(mount.propagation));
        const struct shown shown = {.mount = &mount, .id = guest->id, .parent = id_of_holder(sentry, guest->covered), .top = guest->top};
        write(sentry, &shown, path, text);
        (void)dentry_put(root);
    }
}

/* With the restrictions the guest has added. */
static const struct boot_mount *as_restricted(struct sentry *sentry, size_t index, struct boot_mount *copy)
{
    const struct boot_mount *mount = &sentry->boot->mounts[index];
    struct dentry *dentry;
    unsigned int flags = mount->flags;
    if (vfs_find(sentry->vfs, mount->destination, &dentry) == 0) {
        flags |= vfs_mount_flags(sentry->vfs, dentry);
        (void)dentry_put(dentry);
    }
    const unsigned int added = flags & ~mount->flags & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | BOOT_MOUNT_NOSYMFOLLOW);
    if (added == 0)
        return mount;
    char more[64];
    *copy = *mount;
    print_options(added & ~(unsigned int)MS_RDONLY, "", more, sizeof(more));
    const char *rest = strchr(mount->options, ',');
    (void)snprintf(copy->options, sizeof(copy->options), "%s%s%s", (flags & MS_RDONLY) != 0 ? "ro" : "rw", more + 2, rest != NULL ? rest : "");
    return copy;
}

static int each_mount(const struct synth_source *source, struct text *text, write_mount write)
{
    struct sentry *sentry = source->sentry;
    const struct task *task = proc_subject_task(source);
    if (task == NULL)
        return -ESRCH;
    struct viewpoint from;
    int error = take_viewpoint(sentry, task_fs(task).root, &from);
    if (error < 0)
        return error;
    const struct boot_config *boot = sentry->boot;
    for (size_t i = 0; i < boot->mount_count; i++) {
        char place[BOOT_PATH_MAX + VFS_PATH_MAX];
        const struct boot_mount *mount = &boot->mounts[i];
        const char *path = seen_at(&from, mount->destination, place, sizeof(place));
        if (path == NULL || is_covered(boot, i))
            continue;
        const size_t holder = mount_holder(boot, mount->destination, i);
        /* The root's parent is outside the namespace: an id nobody has. */
        struct boot_mount copy;
        const struct shown shown = {.mount = as_restricted(sentry, i, &copy),
                                    .id = mount_id(mount, i),
                                    .parent = i == 0 ? id_of_holder(sentry, vfs_bundle_covers(sentry->vfs)) : mount_id(&boot->mounts[holder], holder)};
        write(sentry, &shown, path, text);
    }
    each_mask(sentry, &from, text, write);
    each_of_guest(sentry, &from, text, write);
    return 0;
}

static void write_mounts_line(struct sentry *sentry, const struct shown *shown, const char *path, struct text *text)
{
    const struct boot_mount *mount = shown->mount;
    (void)sentry;
    text_escaped(text, mount->source[0] != '\0' ? mount->source : "none");
    text_string(text, " ");
    text_escaped(text, path);
    text_printf(text, " %s ", mount->type);
    text_escaped(text, mount->options[0] != '\0' ? mount->options : "rw");
    text_string(text, " 0 0\n");
}

static void write_mountinfo_line(struct sentry *sentry, const struct shown *shown, const char *path, struct text *text)
{
    const struct boot_mount *mount = shown->mount;
    struct statx attributes;
    if (shown->top != NULL && shown->top->inode != NULL)
        attributes = shown->top->inode->attributes;
    else
        mount_device(sentry, mount, &attributes);
    text_printf(text, "%" PRIu64 " %" PRIu64 " %u:%u ", shown->id, shown->parent, attributes.stx_dev_major,
                attributes.stx_dev_minor);
    text_escaped(text, mount->root[0] != '\0' ? mount->root : "/");
    text_string(text, " ");
    text_escaped(text, path);
    text_string(text, " ");
    mount_options_split(mount->options, true, text);
    text_printf(text, "%s%s - %s ", mount->propagation[0] != '\0' ? " " : "", mount->propagation, mount->type);
    text_escaped(text, mount->source[0] != '\0' ? mount->source : "none");
    text_string(text, " ");
    text_string(text, mount->whole_readonly != 0 ? "ro" : "rw");
    append_options(mount->options, false, text);
    text_string(text, "\n");
}

static void write_mountstats_line(struct sentry *sentry, const struct shown *shown, const char *path, struct text *text)
{
    const struct boot_mount *mount = shown->mount;
    (void)sentry;
    text_string(text, "device ");
    text_escaped(text, mount->source[0] != '\0' ? mount->source : "none");
    text_string(text, " mounted on ");
    text_escaped(text, path);
    text_printf(text, " with fstype %s\n", mount->type);
}

int proc_mounts_text(const struct synth_source *source, struct text *text)
{
    return each_mount(source, text, write_mounts_line);
}

int proc_mountinfo_text(const struct synth_source *source, struct text *text)
{
    return each_mount(source, text, write_mountinfo_line);
}

int proc_mountstats_text(const struct synth_source *source, struct text *text)
{
    return each_mount(source, text, write_mountstats_line);
}
