/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a cgroup folder say that config.json has set (linux.resources). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postern/boot.h"
#include "sentry/fs/cgroupfs_private.h"

/* Is `name` one of those before and behind the '|'? */
static bool names_file(const char *names, const char *name)
{
    const size_t length = strlen(name), first = strcspn(names, "|");
    return (first == length && strncmp(names, name, length) == 0) || (names[first] == '|' && strcmp(names + first + 1, name) == 0);
}

/* As the kernel would show it: memory is in whole pages; -1, which is no limit, it says in words of its own, as the entry does. */
static char *shown_setting(const char *name, const char *text)
{
    enum { PAGE = 4096 };
    char *shown = NULL;
    uint64_t bytes;
    char rest;
    if (strncmp(name, "memory.", 7) == 0 && strspn(text, "0123456789") == strlen(text) && strstr(name, "swappiness") == NULL &&
        sscanf(text, "%" SCNu64 "%c", &bytes, &rest) == 1)
        return asprintf(&shown, "%" PRIu64 "\n", bytes / PAGE * PAGE) < 0 ? NULL : shown;
    return asprintf(&shown, "%s\n", text) < 0 ? NULL : shown;
}

static int apply_settings(const struct boot_config *boot, struct synth_entry *entry)
{
    for (uint32_t i = 0; i < boot->cgroup_file_count; i++) {
        const struct boot_cgroup_file *file = &boot->cgroup_files[i];
        if (!names_file(file->name, entry->path) || strcmp(file->text, "-1") == 0)
            continue;
        char *text = shown_setting(entry->path, file->text);
        if (text == NULL)
            return -ENOMEM;
        *entry = (struct synth_entry)SYNTH_TEXT(entry->path, entry->mode, text);
    }
    return 0;
}

struct synth_entry *cgroup_table_with_settings(const struct boot_config *boot, const struct synth_entry *const *tables, size_t count)
{
    size_t used = 0, room = 1;
    for (size_t i = 0; i < count; i++)
        for (const struct synth_entry *entry = tables[i]; entry->path != NULL; entry++)
            room++;
    struct synth_entry *all = calloc(room, sizeof(*all)); /* it lives as long as we do */
    for (size_t i = 0; i < count && all != NULL; i++)
        for (const struct synth_entry *entry = tables[i]; entry->path != NULL; entry++) {
            all[used] = *entry;
            if (apply_settings(boot, &all[used++]) < 0)
                return NULL;
        }
    return all;
}
