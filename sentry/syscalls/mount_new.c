/* SPDX-License-Identifier: Apache-2.0 */
/* mount(2) of a file system: a tmpfs, or once more what the bundle has mounted. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "postern/boot.h"
#include "postern/cleanup.h"
#include "sentry/kernel/cred.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/mount_private.h"
#include "sentry/vfs/storage.h"

/* --- options of a tmpfs --- */

struct tmpfs_options {
    mode_t mode;
    uid_t uid;
    gid_t gid;
    unsigned long long size, inodes; /* 0: not given */
};

static int parse_number(const char *text, int base, unsigned long long max, unsigned long long *ret_number)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, base);
    if (text[0] == '\0' || text[0] == '-' || *end != '\0' || errno != 0 || number > max)
        return -EINVAL;
    *ret_number = number;
    return 0;
}

/* "64m", "50%": the latter of a machine nobody is told of here, so of nothing. */
static int parse_size(const char *text, unsigned long long *ret_size)
{
    static const char units[] = "kmgtpe";
    char *end;
    errno = 0;
    unsigned long long size = strtoull(text, &end, 0);
    if (end == text || text[0] == '-' || errno != 0)
        return -EINVAL;
    if (end[0] == '%' && end[1] == '\0') {
        *ret_size = 0;
        return 0;
    }
    const char *unit = end[0] != '\0' ? strchr(units, end[0] | 0x20) : NULL;
    const unsigned int shift = unit != NULL ? 10 * (unsigned int)(unit - units + 1) : 0;
    if (end[unit != NULL] != '\0' || size > ULLONG_MAX >> shift)
        return -EINVAL;
    *ret_size = size << shift;
    return 0;
}

static int take_option(struct tmpfs_options *options, const char *name, const char *value)
{
    unsigned long long number = 0;
    int error = -EINVAL;
    if (strcmp(name, "size") == 0)
        return parse_size(value, &options->size);
    if (strcmp(name, "nr_inodes") == 0)
        return parse_size(value, &options->inodes);
    if (strcmp(name, "nr_blocks") == 0) {
        error = parse_size(value, &number);
        options->size = number * 4096;
    } else if (strcmp(name, "mode") == 0) {
        error = parse_number(value, 8, ULONG_MAX, &number);
        options->mode = (mode_t)number & 07777;
    } else if (strcmp(name, "uid") == 0) {
        error = parse_number(value, 10, UINT32_MAX - 1, &number);
        options->uid = (uid_t)number;
    } else if (strcmp(name, "gid") == 0) {
        error = parse_number(value, 10, UINT32_MAX - 1, &number);
        options->gid = (gid_t)number;
    } else if (strcmp(name, "huge") == 0 || strcmp(name, "mpol") == 0) {
        error = 0;
    }
    return error;
}

static int parse_options(char *data, struct tmpfs_options *options)
{
    static const char *const words[] = {"inode32", "inode64", "noswap"};
    char *state;
    for (char *word = strtok_r(data, ",", &state); word != NULL; word = strtok_r(NULL, ",", &state)) {
        char *value = strchr(word, '=');
        bool known = false;
        for (size_t i = 0; value == NULL && i < sizeof(words) / sizeof(words[0]); i++)
            known = known || strcmp(word, words[i]) == 0;
        if (value != NULL)
            *value++ = '\0';
        if (!known && (value == NULL || take_option(options, word, value) < 0))
            return -EINVAL;
    }
    return 0;
}

/* As the kernel shows them. */
static void show_options(const struct tmpfs_options *options, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    if (options->size != 0)
        used += (size_t)snprintf(text + used, size - used, ",size=%lluk", (options->size + 4095) / 4096 * 4);
    if (options->inodes != 0)
        used += (size_t)snprintf(text + used, size - used, ",nr_inodes=%llu", options->inodes);
    if (options->mode != 01777)
        used += (size_t)snprintf(text + used, size - used, ",mode=%03o", options->mode);
    if (options->uid != 0)
        used += (size_t)snprintf(text + used, size - used, ",uid=%u", options->uid);
    if (options->gid != 0)
        (void)snprintf(text + used, size - used, ",gid=%u", options->gid);
}

/* --- */

static void describe(const struct mounting *mounting, struct guest_mount *model)
{
    *model = (struct guest_mount){.flags = mount_flags_of(mounting->flags)};
    (void)snprintf(model->type, sizeof(model->type), "%s", mounting->type);
    (void)snprintf(model->source, sizeof(model->source), "%.*s", (int)sizeof(model->source) - 1,
                   mounting->has_source && mounting->source[0] != '\0' ? mounting->source : "none");
    (void)snprintf(model->folder, sizeof(model->folder), "/");
}

static int64_t mount_tmpfs(struct mounting *mounting)
{
    struct vfs *vfs = mounting->who.sentry->vfs;
    const struct cred *cred = mounting->who.cred;
    struct tmpfs_options options = {.mode = 01777, .uid = cred->fsuid, .gid = cred->fsgid};
    struct guest_mount model;
    struct guest_storage *storage;
    int error = parse_options(mounting->data, &options);
    if (error == 0 && (!boot_id_exists(&mounting->who.sentry->boot->uids, options.uid) ||
                       !boot_id_exists(&mounting->who.sentry->boot->gids, options.gid)))
        error = -EINVAL;
    if (error == 0)
        error = guest_storage_make(vfs, options.mode, options.uid, options.gid, &storage);
    if (error < 0)
        return error;
    describe(mounting, &model);
    show_options(&options, model.options, sizeof(model.options));
    model.storage = storage;
    auto_dentry struct dentry *place = NULL;
    error = mount_place(mounting, true, &place);
    if (error == 0)
        error = guest_mount_attach(vfs, &model, guest_storage_top(storage), place, NULL);
    guest_storage_drop(storage);
    return error;
}

/* The last of its type that the bundle has mounted. */
static const struct boot_mount *find_bundle_mount(const struct boot_config *boot, const char *type)
{
    const struct boot_mount *found = NULL;
    for (uint32_t i = 0; i < boot->mount_count && i < BOOT_MOUNTS_MAX; i++)
        if (strcmp(boot->mounts[i].type, type) == 0)
            found = &boot->mounts[i];
    return found;
}

static int64_t mount_again(struct mounting *mounting)
{
    struct vfs *vfs = mounting->who.sentry->vfs;
    const struct boot_mount *boot = find_bundle_mount(mounting->who.sentry->boot, mounting->type);
    struct guest_mount model;
    auto_dentry struct dentry *top = NULL, *place = NULL;
    if (boot == NULL)
        return -EPERM;
    int error = vfs_find(vfs, boot->destination, &top);
    if (error == 0)
        error = mount_place(mounting, true, &place);
    if (error < 0)
        return error;
    const bool one_for_all = strcmp(mounting->type, "proc") != 0 && strcmp(mounting->type, "devpts") != 0;
    if (one_for_all && dentry_real(place) == top)
        return -EBUSY; /* that very file system is there */
    describe(mounting, &model);
    return guest_mount_attach(vfs, &model, top, place, NULL);
}

static const struct {
    const char *type;
    int64_t (*mount)(struct mounting *mounting);
} types[] = {
    {"tmpfs", mount_tmpfs},  {"ramfs", mount_tmpfs},   {"proc", mount_again},   {"sysfs", mount_again},
    {"cgroup", mount_again}, {"cgroup2", mount_again}, {"devpts", mount_again}, {"mqueue", mount_again},
};

int64_t mount_new(struct mounting *mounting)
{
    if (!mounting->has_type)
        return -EINVAL;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(types[i].type, mounting->type) == 0)
            return types[i].mount(mounting);
    return -ENODEV;
}
