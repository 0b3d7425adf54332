/* SPDX-License-Identifier: Apache-2.0 */
/* What the host says of an object, as the guest is to see it. */
#include "sentry/ipc/ipc.h"
#include "sentry/kernel/process.h"
#include "sentry/sentry.h"

enum { OVERFLOW_ID = 65534 }; /* whose id is none of the guest's */

static pid_t guest_pid(const struct sentry *sentry, pid_t pid)
{
    return process_guest_pid(sentry->processes, pid);
}

static void show_ids(const struct ipc_record *record, struct ipc_perm *perm)
{
    perm->uid = record != NULL ? record->uid : OVERFLOW_ID;
    perm->gid = record != NULL ? record->gid : OVERFLOW_ID;
    perm->cuid = record != NULL ? record->cuid : OVERFLOW_ID;
    perm->cgid = record != NULL ? record->cgid : OVERFLOW_ID;
    if (record != NULL)
        perm->mode = (perm->mode & ~(unsigned int)IPC_MODE) | record->mode;
}

void ipc_show(struct sentry *sentry, enum ipc_kind kind, int id, union ipc_status *status)
{
    const struct ipc_record *record = ipc_find(sentry->ipc, kind, id);
    show_ids(record, &status->perm);
    if (kind == IPC_KIND_SHM) {
        status->shm.shm_cpid = record != NULL ? record->creator : guest_pid(sentry, status->shm.shm_cpid);
        status->shm.shm_lpid = guest_pid(sentry, status->shm.shm_lpid);
    } else if (kind == IPC_KIND_MSG) {
        status->msg.msg_lspid = guest_pid(sentry, status->msg.msg_lspid);
        status->msg.msg_lrpid = guest_pid(sentry, status->msg.msg_lrpid);
    }
}
