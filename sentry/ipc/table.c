/* SPDX-License-Identifier: Apache-2.0 */
/* The records of objects the guest made, and what they say of who may do what (ipcperms, ipcctl_obtain_check of Linux). */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "postern/confine.h"
#include "sentry/ipc/ipc.h"
#include "sentry/kernel/cred.h"
#include "sentry/kernel/id_map.h"
#include "sentry/kernel/share.h"

CONFINE_ALLOW(clock_gettime, "how often objects of System V are looked for; the vDSO may have no such clock");

enum { SWEEP_MINIMUM = 64, SWEEP_PAUSE_MS = 200, NS_PER_MS = 1000000 };

struct ipc_table {
    struct id_map records[IPC_KINDS];
    size_t sweep_at[IPC_KINDS]; /* a shared memory object may end with its last user: how many records make us look */
    int64_t no_sweep_before;    /* CLOCK_MONOTONIC ms: of those for want of room */
};

struct ipc_table *ipc_table_new(void)
{
    struct ipc_table *table = calloc(1, sizeof(*table));
    for (size_t i = 0; table != NULL && i < IPC_KINDS; i++)
        table->sweep_at[i] = SWEEP_MINIMUM;
    return table;
}

static uint64_t key_of(int id)
{
    return (uint64_t)(uint32_t)id + 1; /* 0 is no key */
}

struct ipc_record *ipc_find(struct ipc_table *table, enum ipc_kind kind, int id)
{
    return id < 0 ? NULL : id_map_get(&table->records[kind], key_of(id));
}

void ipc_remove(struct ipc_table *table, enum ipc_kind kind, int id)
{
    struct ipc_record *record = ipc_find(table, kind, id);
    if (record == NULL)
        return;
    id_map_remove(&table->records[kind], key_of(id), record);
    free(record);
}

/* Forgets what the host has no more. Removing may move another record to the same slot. */
void ipc_sweep(struct ipc_table *table, enum ipc_kind kind)
{
    const struct id_map *records = &table->records[kind];
    for (size_t slot = 0; slot < records->capacity;) {
        const struct ipc_record *record = records->slots[slot].value;
        union ipc_status status;
        if (record != NULL && ipc_host_status(kind, record->id, &status) < 0)
            ipc_remove(table, kind, record->id);
        else
            slot++;
    }
    table->sweep_at[kind] = records->count * 2 > SWEEP_MINIMUM ? records->count * 2 : SWEEP_MINIMUM;
}

int ipc_add(struct ipc_table *table, const struct ipc_record *record)
{
    struct id_map *records = &table->records[record->kind];
    if (records->count >= table->sweep_at[record->kind])
        ipc_sweep(table, record->kind);
    ipc_remove(table, record->kind, record->id);
    struct ipc_record *copy = malloc(sizeof(*copy));
    if (copy == NULL)
        return -ENOMEM;
    *copy = *record;
    if (id_map_set(records, key_of(record->id), copy) < 0) {
        free(copy);
        return -ENOMEM;
    }
    return 0;
}

/* --- shares --- */

static size_t count_of(const struct id_map *records, uid_t uid)
{
    size_t count = 0;
    for (size_t slot = 0; slot < records->capacity; slot++) {
        const struct ipc_record *record = records->slots[slot].value;
        count += record != NULL && record->cuid == uid;
    }
    return count;
}

static bool has_share(const struct ipc_table *table, enum ipc_kind kind, const struct cred *cred, size_t most)
{
    const struct id_map *records = &table->records[kind];
    const uid_t user = cred_capable(cred, CAP_SYS_RESOURCE) ? 0 : cred->euid;
    return records->count < most / 2 || share_allows(most, records->count, count_of(records, cred->euid), user, 1);
}

/* To ask the host for each is long; whoever is refused over and over shall not keep us busy with it. */
static bool may_sweep(struct ipc_table *table)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    const int64_t ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / NS_PER_MS;
    if (ms < table->no_sweep_before)
        return false;
    table->no_sweep_before = ms + SWEEP_PAUSE_MS;
    return true;
}

int ipc_check_share(struct ipc_table *table, enum ipc_kind kind, const struct cred *cred)
{
    const int most = ipc_host_most(kind);
    if (most <= 0 || has_share(table, kind, cred, (size_t)most))
        return 0;
    if (!may_sweep(table))
        return -ENOSPC;
    ipc_sweep(table, kind);
    return has_share(table, kind, cred, (size_t)most) ? 0 : -ENOSPC;
}

uint64_t ipc_locked(struct ipc_table *table, uid_t uid)
{
    const struct id_map *records = &table->records[IPC_KIND_SHM];
    uint64_t bytes = 0;
    for (size_t slot = 0; slot < records->capacity; slot++) {
        const struct ipc_record *record = records->slots[slot].value;
        if (record != NULL && record->locked_by == uid)
            bytes += record->locked;
    }
    return bytes;
}

/* --- judging --- */

/* Of owner, group and others, whichever it was asked for. */
static unsigned int fold(unsigned int wanted)
{
    return (wanted >> 6 | wanted >> 3 | wanted) & 7;
}

bool ipc_permits(const struct cred *cred, const struct ipc_record *record, unsigned int wanted)
{
    unsigned int granted = record->mode;
    if (cred->euid == record->cuid || cred->euid == record->uid)
        granted >>= 6;
    else if (cred_in_group(cred, record->cgid) || cred_in_group(cred, record->gid))
        granted >>= 3;
    return (fold(wanted) & ~granted) == 0 || cred_capable(cred, CAP_IPC_OWNER);
}

/* The host's, another container's, or left by one that had our ids: as one of the "others". What we may not even look at is no
 * such leaving: others may not read it, and for the rest the host judges the guest itself. */
static int judge_stranger(enum ipc_kind kind, int id, unsigned int wanted)
{
    union ipc_status status;
    int result = ipc_host_status(kind, id, &status);
    if (result == -EACCES)
        return (fold(wanted) & fold(S_IRUSR)) != 0 ? -EACCES : 0;
    if (result < 0)
        return result;
    return (fold(wanted) & ~status.perm.mode) == 0 ? 0 : -EACCES;
}

int ipc_judge(struct ipc_table *table, const struct cred *cred, enum ipc_kind kind, int id, unsigned int wanted)
{
    if (id < 0)
        return -EINVAL;
    const struct ipc_record *record = ipc_find(table, kind, id);
    if (record == NULL)
        return judge_stranger(kind, id, wanted);
    return ipc_permits(cred, record, wanted) ? 0 : -EACCES;
}

int ipc_judge_owner(struct ipc_table *table, const struct cred *cred, enum ipc_kind kind, int id,
                    struct ipc_record **ret_record)
{
    if (id < 0)
        return -EINVAL;
    struct ipc_record *record = ipc_find(table, kind, id);
    if (record == NULL) {
        int result = judge_stranger(kind, id, 0);
        return result < 0 ? result : -EPERM;
    }
    if (cred->euid != record->cuid && cred->euid != record->uid && !cred_capable(cred, CAP_SYS_ADMIN))
        return -EPERM;
    *ret_record = record;
    return 0;
}
