/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mounts/mount_report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/mounts/mount_tree.h"
#include "runtime/mounts/mountinfo.h"
#include "runtime/mounts/rootfs.h"

enum { LINES_MAX = 2 * MOUNT_TILES_MAX };

struct line {
    struct mountinfo info;
    bool reported;
};

struct report {
    const struct mount_tree *tree;
    struct line lines[LINES_MAX];
    size_t line_count;
    struct boot_mount *mounts;
    size_t count, max;
    unsigned int groups[LINES_MAX]; /* peer groups, by the numbers they are shown under */
    size_t group_count;
};

static int read_lines(struct report *report, int procfs, char **ret_text)
{
    int fd = openat(procfs, "self/mountinfo", O_RDONLY | O_CLOEXEC);
    auto_fclose FILE *file = fd < 0 ? NULL : fdopen(fd, "re");
    if (file == NULL)
        return -errno;
    auto_free char *text = NULL;
    size_t room = 0;
    if (getdelim(&text, &room, '\0', file) < 0)
        return -EIO;
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) != NULL && *line != '\0';) {
        if (report->line_count == LINES_MAX)
            return -E2BIG;
        if (!mountinfo_parse(line, &report->lines[report->line_count].info))
            return -EIO;
        report->line_count++;
    }
    *ret_text = take_ptr(text);
    return 0;
}

static bool has_option(const char *options, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = options; *at != '\0'; at += strcspn(at, ","), at += *at == ',') {
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return false;
}

static uint32_t to_flags(const struct line *line)
{
    static const struct {
        const char *name;
        uint32_t flag;
    } table[] = {{"ro", MS_RDONLY}, {"nosuid", MS_NOSUID}, {"nodev", MS_NODEV}, {"noexec", MS_NOEXEC},
                 {"nosymfollow", BOOT_MOUNT_NOSYMFOLLOW}};
    uint32_t flags = has_option(line->info.super_options, "ro") ? MS_RDONLY : 0;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        flags |= has_option(line->info.options, table[i].name) ? table[i].flag : 0;
    return flags;
}

/* How long the beginning of ",sync,size=5k" is that any file system has, with the commas in front. */
static size_t common_length(const char *super)
{
    static const char *const words[] = {",sync", ",dirsync", ",mand", ",lazytime"};
    size_t length = 0;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strncmp(super + length, words[i], strlen(words[i])) == 0 && strchr(",", super[length + strlen(words[i])]) != NULL)
            length += strlen(words[i]);
    return length;
}

/* As /proc/mounts has it: what any file system has, what is the mount's, what is this file system's own. What one of the host's adds
 * (its folders, its ids) is nobody's business in here. */
static int show_options(struct boot_mount *mount, const struct line *line, bool ours)
{
    static const char share[] = "," MOUNT_DEVPTS_SHARE;
    const char *options = strchrnul(line->info.options, ','); /* behind "ro" or "rw" */
    const char *super = ours ? strchrnul(line->info.super_options, ',') : "";
    const char *hidden = strcmp(line->info.type, "devpts") == 0 && has_option(super, MOUNT_DEVPTS_SHARE) ? strstr(super, share) : NULL;
    const size_t common = common_length(super), shown = hidden != NULL ? (size_t)(hidden - super) : strlen(super);
    int used = snprintf(mount->options, sizeof(mount->options), "%s%.*s%s%.*s%s", (mount->flags & MS_RDONLY) != 0 ? "ro" : "rw",
                        (int)common, super, options, (int)(shown - common), super + common,
                        hidden != NULL ? hidden + strlen(share) : "");
    return used < 0 || (size_t)used >= sizeof(mount->options) ? -ENAMETOOLONG : 0;
}

/* The machine's own numbers of peer groups are nobody's business either: they count from 1. */
static size_t group_number(struct report *report, unsigned int group)
{
    size_t at = 0;
    while (at < report->group_count && report->groups[at] != group)
        at++;
    if (at == report->group_count)
        report->groups[report->group_count++] = group;
    return at + 1;
}

/* One that is shared follows the host's besides, where with another runtime it would be a peer of it: that much is kept to us. */
static void show_propagation(struct report *report, const struct mountinfo *line, struct boot_mount *mount)
{
    const unsigned int group = line->shared != 0 ? line->shared : line->master;
    if (group != 0)
        (void)snprintf(mount->propagation, sizeof(mount->propagation), "%s:%zu", line->shared != 0 ? "shared" : "master",
                       group_number(report, group));
    else if (line->unbindable)
        (void)snprintf(mount->propagation, sizeof(mount->propagation), "unbindable");
}

/* The folder of its file system that is mounted, as far as the container has that file system under an earlier mount: then it is a
 * path from there. Any other would be the host's. */
static void show_root(const struct report *report, const struct mountinfo *line, struct boot_mount *mount)
{
    (void)snprintf(mount->root, sizeof(mount->root), "/");
    for (size_t i = 0; i < report->line_count; i++) {
        const struct line *other = &report->lines[i];
        const size_t length = strcmp(other->info.root, "/") == 0 ? 0 : strlen(other->info.root);
        if (!other->reported || other->info.id == line->id || strcmp(other->info.device, line->device) != 0 ||
            !rootfs_is_below(line->root, other->info.root) || line->root[length] == '\0')
            continue;
        if (strlen(line->root + length) < sizeof(mount->root))
            (void)strcpy(mount->root, line->root + length);
        return;
    }
}

static struct boot_mount *next_mount(struct report *report)
{
    return report->count < report->max ? &report->mounts[report->count++] : NULL;
}

static int report_line(struct report *report, struct line *line, const struct mount_entry *entry)
{
    struct boot_mount *mount = next_mount(report);
    if (mount == NULL)
        return -E2BIG;
    bool ours = (entry != NULL && entry->type[0] != '\0');
    const char *source = entry != NULL ? entry->source : strcmp(line->info.type, "tmpfs") == 0 ? "tmpfs" : "none";
    *mount = (struct boot_mount){.kind = BOOT_MOUNT_REAL,
                                 .flags = to_flags(line),
                                 .mount_id = line->info.id,
                                 .shared = entry == NULL || entry->shared,
                                 .whole_readonly = has_option(line->info.super_options, "ro")};
    if (strlen(line->info.destination) >= sizeof(mount->destination) || strlen(line->info.type) >= sizeof(mount->type))
        return -ENAMETOOLONG;
    (void)snprintf(mount->destination, sizeof(mount->destination), "%s", line->info.destination);
    (void)snprintf(mount->type, sizeof(mount->type), "%s", line->info.type);
    (void)snprintf(mount->source, sizeof(mount->source), "%s", source);
    show_root(report, &line->info, mount);
    show_propagation(report, &line->info, mount);
    line->reported = true;
    return show_options(mount, line, ours);
}

static bool is_configured(const struct report *report, uint64_t id)
{
    for (size_t i = 0; i < report->tree->count; i++) {
        struct statx attributes;
        const struct mount_entry *entry = &report->tree->entries[i];
        if ((entry->kind == BOOT_MOUNT_REAL || entry->storage) && statx(entry->fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &attributes) == 0 &&
            attributes.stx_mnt_id == id)
            return true;
    }
    return false;
}

static bool is_tile(const struct report *report, uint64_t id)
{
    size_t at = 0;
    while (at < report->tree->tile_count && report->tree->tiles[at] != id)
        at++;
    return at < report->tree->tile_count;
}

/* What hangs below a mount and is in no line of the configuration: it came along, or it is a mask or the console. */
static int report_below(struct report *report, uint64_t parent)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < report->line_count; i++) {
        struct line *line = &report->lines[i];
        if (line->reported || line->info.parent != parent || is_configured(report, line->info.id))
            continue;
        if (is_tile(report, line->info.id)) {
            status = report_below(report, line->info.id);
            continue;
        }
        status = report_line(report, line, NULL);
        if (status == 0)
            status = report_below(report, line->info.id);
    }
    return status;
}

static int report_real(struct report *report, const struct mount_entry *entry)
{
    struct statx attributes;
    if (statx(entry->fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &attributes) < 0)
        return -errno;
    for (size_t i = 0; i < report->line_count; i++) {
        if (report->lines[i].info.id != attributes.stx_mnt_id)
            continue;
        int status = report_line(report, &report->lines[i], entry);
        return status < 0 ? status : report_below(report, attributes.stx_mnt_id);
    }
    return 0; /* covered by a later one at the same place, or by its parent's: it cannot be reached */
}

/* The sentry's own: the place is the folder that was opened, wherever links in the image led. */
static int report_synthetic(struct report *report, const struct mount_entry *entry, int procfs)
{
    struct boot_mount *mount = next_mount(report);
    if (mount == NULL)
        return -E2BIG;
    *mount = (struct boot_mount){.kind = (uint32_t)entry->kind};
    (void)snprintf(mount->destination, sizeof(mount->destination), "%s", entry->destination);
    (void)snprintf(mount->type, sizeof(mount->type), "%s", entry->type);
    (void)snprintf(mount->source, sizeof(mount->source), "%s", entry->source);
    mount->flags = (uint32_t)entry->flags & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC);
    (void)snprintf(mount->options, sizeof(mount->options), "%s%s%s%s,relatime",
                   (mount->flags & MS_RDONLY) != 0 ? "ro" : "rw", (mount->flags & MS_NOSUID) != 0 ? ",nosuid" : "",
                   (mount->flags & MS_NODEV) != 0 ? ",nodev" : "", (mount->flags & MS_NOEXEC) != 0 ? ",noexec" : "");
    mount->hide = entry->proc.hide;
    mount->hide_gid = entry->proc.gid;
    const size_t used = strlen(mount->options);
    mount_proc_show(&entry->proc, mount->options + used, sizeof(mount->options) - used);
    struct statx attributes;
    if (entry->storage && statx(entry->fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &attributes) == 0) {
        mount->storage = 1;
        mount->mount_id = attributes.stx_mnt_id;
    }
    if (entry->fd < 0)
        return 0;

    char link[32];
    (void)snprintf(link, sizeof(link), "self/fd/%d", entry->fd);
    char place[BOOT_PATH_MAX];
    ssize_t length = readlinkat(procfs, link, place, sizeof(place));
    if (length < 0 || (size_t)length >= sizeof(place))
        return length < 0 ? -errno : -ENAMETOOLONG;
    place[length] = '\0';
    if (place[0] == '/')
        memcpy(mount->destination, place, (size_t)length + 1);
    return 0;
}

int mount_report(const struct mount_tree *tree, int procfs, struct boot_mount *ret_mounts, size_t max,
                 size_t *ret_count, struct error *error)
{
    auto_free char *text = NULL;
    auto_free struct report *report = calloc(1, sizeof(*report));
    if (report == NULL)
        return error_set(error, ENOMEM, "cannot list the container's mounts");
    *report = (struct report){.tree = tree, .mounts = ret_mounts, .max = max};

    int status = read_lines(report, procfs, &text);
    for (size_t i = 0; status == 0 && i < tree->count; i++) {
        const struct mount_entry *entry = &tree->entries[i];
        status = entry->kind == BOOT_MOUNT_REAL ? report_real(report, entry) : report_synthetic(report, entry, procfs);
    }
    if (status < 0)
        return error_set(error, status, "cannot list the container's mounts");
    *ret_count = report->count;
    return 0;
}
