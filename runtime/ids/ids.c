/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/ids/ids.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postern/boot.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "postern/mark.h"
#include "runtime/base/settings.h"

enum { LABELS_WORTH = 8 * LABELS /* ids, of which these few are not missed */ };

/* Digits only: strtoul alone would take blanks and signs. */
static bool read_number(const char **text, uint32_t *ret_number)
{
    size_t digits = strspn(*text, "0123456789");
    if (digits == 0 || digits > 10)
        return false;

    unsigned long long number = strtoull(*text, NULL, 10);
    *text += digits;
    *ret_number = (uint32_t)number;
    return number <= UINT32_MAX;
}

int id_range_parse(const char *text, struct id_range *ret_range, struct error *error)
{
    struct id_range range;
    const char *rest = text;
    if (!read_number(&rest, &range.base) || *rest++ != ':' || !read_number(&rest, &range.count) || *rest != '\0')
        return error_refuse(error, "id range \"%.40s\" is not of the form BASE:COUNT", text);
    if (range.base < ID_LOWEST)
        return error_refuse(error, "id range \"%.40s\" begins below %d, among ids of users", text, ID_LOWEST);
    if (range.count < 2 * IDS_PER_SLOT - 1)
        return error_refuse(error, "id range \"%.40s\" is too small: at least %d ids", text, 2 * IDS_PER_SLOT - 1);
    if ((uint64_t)range.base + range.count > UINT32_MAX) /* the last id means "none" */
        return error_refuse(error, "id range \"%.40s\" ends beyond the last id", text);
    *ret_range = range;
    return 0;
}

static int range_from_file(const char *path, struct id_range *ret_range, struct error *error)
{
    char value[64];
    int line = settings_find(path, "id_range", value, sizeof(value), error);
    if (line <= 0)
        return line;
    int result = id_range_parse(value, ret_range, error);
    if (result < 0)
        error_prefix(error, "%s:%d", path, line);
    return result;
}

int id_range_find(const char *option, const char *environment, const char *config_path, struct id_range *ret_range,
                  struct error *error)
{
    if (option != NULL || environment != NULL)
        return id_range_parse(option != NULL ? option : environment, ret_range, error);

    struct id_range range = {ID_RANGE_DEFAULT_BASE, ID_RANGE_DEFAULT_COUNT};
    int result = range_from_file(config_path, &range, error);
    if (result == 0)
        *ret_range = range;
    return result;
}

/* -- locks ------------------------------------------------------------------------------------------------------ */

/* Somebody else who could write in the folder could hand our ids out twice. */
static int open_folder(const char *folder, struct error *error)
{
    if (mkdir(folder, 0700) < 0 && errno != EEXIST)
        return error_set(error, errno, "cannot create %s", folder);

    auto_close int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0)
        return error_set(error, errno, "cannot open %s", folder);
    if (status.st_uid != geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return error_refuse(error, "%s must belong to us and be writable by nobody else", folder);
    return take_fd(&fd);
}

/* Returns the lock, -EWOULDBLOCK if it is held, or another -errno. */
static int lock_slot(int folder, uint32_t first)
{
    char name[16];
    (void)snprintf(name, sizeof(name), "%u", first);
    auto_close int fd = openat(folder, name, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
        return -errno;
    return take_fd(&fd);
}

/* A runtime that was killed leaves its lock, but perhaps not its sandbox. The question costs one call: the kernel looks
 * the user up, and only if there is one does it look for his processes. */
static bool slot_in_use(uint32_t first)
{
    for (uint32_t i = 0; i < IDS_PER_SLOT; i++) {
        errno = 0;
        (void)getpriority(PRIO_USER, first + i);
        if (errno != ESRCH)
            return true;
    }
    return false;
}

int ids_take(const char *folder, const struct id_range *range, struct ids *ret_ids, struct error *error)
{
    auto_close int directory = open_folder(folder, error);
    if (directory < 0)
        return directory;

    const bool labelled = range->count >= LABELS_WORTH;
    uint64_t end = (uint64_t)range->base + range->count - (labelled ? LABELS : 0);
    uint64_t first = ((uint64_t)range->base + IDS_PER_SLOT - 1) / IDS_PER_SLOT * IDS_PER_SLOT;
    for (; first + IDS_PER_SLOT <= end; first += IDS_PER_SLOT) {
        int lock = lock_slot(directory, (uint32_t)first);
        if (lock == -EWOULDBLOCK)
            continue;
        if (lock < 0)
            return error_set(error, lock, "cannot lock %s/%u", folder, (uint32_t)first);
        if (slot_in_use((uint32_t)first)) {
            (void)close(lock);
            continue;
        }
        const uint32_t id = (uint32_t)first;
        const uint32_t label = labelled ? (uint32_t)end : 0;
        *ret_ids = (struct ids){id, id + 1, id + 2, id, id + 1, id + 2, label, label, lock};
        return 0;
    }
    (void)error_refuse(error, "all ids from %u to %u are taken by other containers", range->base, (uint32_t)(end - 1));
    return -EAGAIN;
}

/* The end of the longest line, if it is long enough that nobody misses two ids there; and whether there is room for labels
 * below them. They are not missed: files may have these ids. */
static bool last_ids(const struct boot_id_table *table, uint32_t *ret_last, bool *ret_labelled)
{
    enum { ENOUGH = 1000 };
    const struct boot_id_line *longest = NULL;
    for (uint32_t i = 0; i < table->count; i++)
        if (longest == NULL || table->lines[i].size > longest->size)
            longest = &table->lines[i];
    if (longest == NULL || longest->size < ENOUGH)
        return false;
    *ret_last = longest->inside + (longest->size - 1);
    *ret_labelled = longest->size >= LABELS_WORTH;
    return true;
}

void ids_of_namespace(const struct boot_id_table *uids, const struct boot_id_table *gids, struct ids *ret_ids)
{
    uint32_t uid, gid;
    bool label_uids = false, label_gids = false;
    struct ids ids = {geteuid(), geteuid(), geteuid(), getegid(), getegid(), getegid(), 0, 0, -1};
    if (last_ids(uids, &uid, &label_uids) && last_ids(gids, &gid, &label_gids)) {
        ids.sentry = uid;
        ids.guest = uid - 1;
        ids.sentry_gid = gid;
        ids.guest_gid = gid - 1;
        ids.label = label_uids && label_gids ? uid - 1 - LABELS : 0;
        ids.label_gid = label_uids && label_gids ? gid - 1 - LABELS : 0;
    }
    *ret_ids = ids;
}

void ids_release(struct ids *ids)
{
    if (ids->lock >= 0)
        (void)close(take_fd(&ids->lock));
}
