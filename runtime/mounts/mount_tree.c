/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mounts/mount_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/mounts/mountinfo.h"
#include "runtime/mounts/rootfs.h"

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

const char *mounts_path_inside(const struct mount_tree *tree, const char *path)
{
    const char *const names[] = {tree->root_path, tree->real_root};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i][0] == '\0' || !rootfs_is_below(path, names[i]))
            continue;
        const char *inside = strcmp(names[i], "/") == 0 ? path : path + strlen(names[i]);
        return inside[0] == '\0' ? "/" : inside;
    }
    return NULL;
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
