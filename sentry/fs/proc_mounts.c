/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/PID/mounts, mountinfo and mountstats (proc_pid_mountinfo(5)): from what the runtime said it mounted, as seen
 * from the process's root. Host paths are not in it: a mount's source is what the runtime chose to show.
 */
#include <errno.h>
#include <inttypes.h>
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

void mount_options_split(const char *options, bool mount_part, struct text *text)
{
    bool read_only = options[0] == 'r' && options[1] == 'o' && (options[2] == ',' || options[2] == '\0');
    text_string(text, read_only ? "ro" : "rw");
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

/* The mount that holds this one's mount point: the last of the earlier ones with the longest destination above it. */
size_t mount_parent(const struct boot_config *boot, size_t index)
{
    size_t best = 0, best_length = 0;
    for (size_t i = 0; i < index; i++) {
        size_t length = strlen(boot->mounts[i].destination);
        if (length >= best_length &&
            mount_path_below(boot->mounts[index].destination, boot->mounts[i].destination) != NULL) {
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

/* Calls write for each mount that is seen from the process's root, with its path from there. */
typedef void (*write_mount)(struct sentry *sentry, size_t index, const char *path, struct text *text);

static int each_mount(const struct synth_source *source, struct text *text, write_mount write)
{
    struct sentry *sentry = source->sentry;
    const struct task *task = proc_subject_task(source);
    if (task == NULL)
        return -ESRCH;
    char root[VFS_PATH_MAX + 2] = "/";
    if (dentry_relative_path(task_fs(task).root, root + 1, sizeof(root) - 1) < 0)
        return -ENAMETOOLONG;
    for (size_t i = 0; i < sentry->boot->mount_count; i++) {
        const char *path = mount_path_below(sentry->boot->mounts[i].destination, root);
        if (path != NULL && !is_covered(sentry->boot, i))
            write(sentry, i, path, text);
    }
    return 0;
}

static void write_mounts_line(struct sentry *sentry, size_t index, const char *path, struct text *text)
{
    const struct boot_mount *mount = &sentry->boot->mounts[index];
    text_escaped(text, mount->source[0] != '\0' ? mount->source : "none");
    text_string(text, " ");
    text_escaped(text, path);
    text_printf(text, " %s ", mount->type);
    text_escaped(text, mount->options[0] != '\0' ? mount->options : "rw");
    text_string(text, " 0 0\n");
}

static void write_mountinfo_line(struct sentry *sentry, size_t index, const char *path, struct text *text)
{
    const struct boot_mount *mount = &sentry->boot->mounts[index];
    size_t parent = mount_parent(sentry->boot, index);
    struct statx attributes;
    mount_device(sentry, mount, &attributes);
    /* The root's parent is outside the namespace: an id nobody has. */
    uint64_t parent_id = index == 0 ? SYNTHETIC_MOUNT_ID - 1 : mount_id(&sentry->boot->mounts[parent], parent);
    text_printf(text, "%" PRIu64 " %" PRIu64 " %u:%u ", mount_id(mount, index), parent_id, attributes.stx_dev_major,
                attributes.stx_dev_minor);
    text_escaped(text, mount->root[0] != '\0' ? mount->root : "/");
    text_string(text, " ");
    text_escaped(text, path);
    text_string(text, " ");
    mount_options_split(mount->options, true, text);
    text_printf(text, "%s%s - %s ", mount->propagation[0] != '\0' ? " " : "", mount->propagation, mount->type);
    text_escaped(text, mount->source[0] != '\0' ? mount->source : "none");
    text_string(text, " ");
    mount_options_split(mount->options, false, text);
    text_string(text, "\n");
}

static void write_mountstats_line(struct sentry *sentry, size_t index, const char *path, struct text *text)
{
    const struct boot_mount *mount = &sentry->boot->mounts[index];
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
