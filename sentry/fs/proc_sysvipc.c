/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/sysvipc: what the host lists of the ipc namespace, with the guest's ids and pids, in the host's own columns. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "postern/boot.h"
#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/fs/procfs.h"
#include "sentry/ipc/ipc.h"
#include "sentry/kernel/process.h"
#include "sentry/sentry.h"

CONFINE_ALLOW_IF(openat, 0, UINT32_MAX, SENTRY_FD_PROC_OUTER, "System V objects of the ipc namespace");

enum { KEY, ID, MODE, COLUMNS_MAX = 16, OVERFLOW_ID = 65534, PID_COLUMNS = 2, ID_COLUMNS = 4 };

struct list {
    enum ipc_kind kind;
    const char *path;
    size_t count;
    size_t pids; /* first of PID_COLUMNS, or 0 */
    size_t ids;  /* first of ID_COLUMNS: uid, gid, cuid, cgid */
    struct {
        unsigned char gap, width;
    } columns[COLUMNS_MAX];
};

static const struct list memory_list = {
    IPC_KIND_SHM, "sysvipc/shm", 16, 4, 7,
    {{0, 10}, {1, 10}, {2, 4}, {1, 21}, {1, 5}, {1, 5}, {2, 5}, {1, 5}, {1, 5}, {1, 5}, {1, 5}, {1, 10}, {1, 10}, {1, 10}, {1, 21}, {1, 21}}};
static const struct list semaphore_list = {
    IPC_KIND_SEM, "sysvipc/sem", 10, 0, 4,
    {{0, 10}, {1, 10}, {2, 4}, {1, 10}, {1, 5}, {1, 5}, {1, 5}, {1, 5}, {1, 10}, {1, 10}}};
static const struct list queue_list = {
    IPC_KIND_MSG, "sysvipc/msg", 14, 5, 7,
    {{0, 10}, {1, 10}, {2, 4}, {2, 10}, {1, 10}, {1, 5}, {1, 5}, {1, 5}, {1, 5}, {1, 5}, {1, 5}, {1, 10}, {1, 10}, {1, 10}}};

static bool read_columns(const struct list *list, const char *line, long long values[COLUMNS_MAX])
{
    for (size_t i = 0; i < list->count; i++) {
        char *end;
        errno = 0;
        values[i] = strtoll(line, &end, i == MODE ? 8 : 10);
        if (end == line || errno != 0)
            return false;
        line = end;
    }
    return true;
}

static void show_guests_view(struct sentry *sentry, const struct list *list, long long values[COLUMNS_MAX])
{
    const struct ipc_record *record = ipc_find(sentry->ipc, list->kind, (int)values[ID]);
    for (size_t i = 0; i < PID_COLUMNS && list->pids != 0; i++)
        values[list->pids + i] = process_guest_pid(sentry->processes, (pid_t)values[list->pids + i]);
    for (size_t i = 0; i < ID_COLUMNS; i++)
        values[list->ids + i] = OVERFLOW_ID;
    if (record == NULL)
        return;
    values[MODE] = (values[MODE] & ~(long long)IPC_MODE) | record->mode;
    const uint32_t ids[ID_COLUMNS] = {record->uid, record->gid, record->cuid, record->cgid};
    for (size_t i = 0; i < ID_COLUMNS; i++)
        values[list->ids + i] = ids[i];
    if (list->kind == IPC_KIND_SHM)
        values[list->pids] = record->creator;
}

static void put_columns(const struct list *list, const long long values[COLUMNS_MAX], struct text *text)
{
    for (size_t i = 0; i < list->count; i++) {
        text_printf(text, "%*s", list->columns[i].gap, "");
        text_printf(text, i == MODE ? "%*llo" : "%*lld", list->columns[i].width, values[i]);
    }
    text_string(text, "\n");
}

static int list_text(const struct synth_source *source, struct text *text)
{
    const struct list *list = source->entry->argument;
    auto_text struct text host = {0};
    int result = text_read_file(&host, source->sentry->proc_outer, list->path, TEXT_MAX);
    if (result < 0)
        return result == -ENOENT ? 0 : result;
    text_append(&host, "", 1);
    if (host.error < 0)
        return host.error;
    char *cursor = host.data;
    const char *line = text_line(&cursor);
    if (line == NULL)
        return 0;
    text_printf(text, "%s\n", line);
    while ((line = text_line(&cursor)) != NULL) {
        long long values[COLUMNS_MAX];
        if (!read_columns(list, line, values))
            continue;
        show_guests_view(source->sentry, list, values);
        put_columns(list, values, text);
    }
    return text->error;
}

#define LIST(path_, list_) SYNTH_FILE(path_, 0444, SYNTH_SNAPSHOT, .generate = list_text, .argument = &(list_))

const struct synth_entry proc_sysvipc_table[] = {
    LIST("sysvipc/msg", queue_list),
    LIST("sysvipc/sem", semaphore_list),
    LIST("sysvipc/shm", memory_list),
    {0},
};
