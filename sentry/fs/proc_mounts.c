/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/PID/mounts, mountinfo and mountstats (proc_pid_mountinfo(5)): from what the runtime said it mounted, as seen
 * from the process's root. Host paths are not in it: a mount's source is what the runtime chose to show.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "sentry/fs/proc_mounts.h"
#include "sentry/fs/procfs.h"
#include "sentry/kernel/process.h"
#include "sentry/sentry.h"

enum { SYNTHETIC_MOUNT_ID = 900000 };

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

/* Of maskedPaths and readonlyPaths those that lie in a tree of our own: others are mounts like any. */
static void write_mask(struct sentry *sentry, const char *path, bool is_mask, uint64_t id, const char *root, struct text *text,
                       write_mount write)
{
    const struct boot_config *boot = sentry->boot;
    const size_t holder = mount_holder(boot, path, boot->mount_count);
    const char *below = mount_path_below(path, root);
    struct dentry *dentry = NULL;
    if (boot->mounts[holder].kind == BOOT_MOUNT_REAL || below == NULL || sentry->vfs == NULL ||
        vfs_find(sentry->vfs, path, &dentry) < 0)
        return;
    const bool directory = dentry->inode != NULL && S_ISDIR(dentry->inode->attributes.stx_mode);
    (void)dentry_put(dentry);
    const struct boot_mount mount =
        is_mask ? mask_of(boot, path, directory)
                : part_of(&boot->mounts[holder], path, mount_path_below(path, boot->mounts[holder].destination), true);
    const struct shown shown = {&mount, id, mount_id(&boot->mounts[holder], holder)};
    write(sentry, &shown, below, text);
}

static void each_mask(struct sentry *sentry, const char *root, struct text *text, write_mount write)
{
    const struct boot_config *boot = sentry->boot;
    uint64_t id = SYNTHETIC_MOUNT_ID + BOOT_MOUNTS_MAX;
    for (uint32_t i = 0; i < boot->readonly_count && i < BOOT_MASKED_MAX; i++)
        write_mask(sentry, boot->readonly[i], false, id++, root, text, write);
    for (uint32_t i = 0; i < boot->masked_count && i < BOOT_MASKED_MAX; i++)
        write_mask(sentry, boot->masked[i], true, id++, root, text, write);
}

static int each_mount(const struct synth_source *source, struct text *text, write_mount write)
{
    struct sentry *sentry = source->sentry;
    const struct task *task = proc_subject_task(source);
    if (task == NULL)
        return -ESRCH;
    char root[VFS_PATH_MAX + 2] = "/";
    if (dentry_relative_path(task_fs(task).root, root + 1, sizeof(root) - 1) < 0)
        return -ENAMETOOLONG;
    const struct boot_config *boot = sentry->boot;
    for (size_t i = 0; i < boot->mount_count; i++) {
        const struct boot_mount *mount = &boot->mounts[i];
        const char *path = mount_path_below(mount->destination, root);
        if (path == NULL || is_covered(boot, i))
            continue;
        const size_t holder = mount_holder(boot, mount->destination, i);
        /* The root's parent is outside the namespace: an id nobody has. */
        const struct shown shown = {mount, mount_id(mount, i), i == 0 ? SYNTHETIC_MOUNT_ID - 1 : mount_id(&boot->mounts[holder], holder)};
        write(sentry, &shown, path, text);
    }
    each_mask(sentry, root, text, write);
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
