/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shmget(2), semget(2), msgget(2). The sentry finds and makes the objects itself: arguments are registers, the answer is known
 * at once, and nobody but the sentry can make one, so its records are whole.
 */
#include <errno.h>
#include <sys/shm.h>

#include "sentry/ipc/ipc.h"
#include "sentry/syscalls/handlers.h"
#include "sentry/syscalls/subject.h"

enum { TRIES = 8 };

static int64_t make(struct call *call, enum ipc_kind kind, key_t key, uint64_t size, int flags)
{
    struct ipc_table *table = call->sentry->ipc;
    const struct cred *cred = caller_cred(call);
    if (kind == IPC_KIND_SHM && (flags & SHM_HUGETLB) != 0 && call->sentry->boot->hugepages == 0)
        return -ENOMEM; /* as where the machine has none */
    int result = ipc_check_share(table, kind, cred);
    if (result < 0)
        return result;
    const int id = ipc_host_make(kind, key, size, flags, (mode_t)flags & IPC_MODE);
    if (id < 0)
        return id;
    const struct ipc_record record = {
        .kind = kind,
        .id = id,
        .uid = cred->euid,
        .cuid = cred->euid,
        .gid = cred->egid,
        .cgid = cred->egid,
        .mode = (mode_t)flags & IPC_MODE,
        .creator = call->task->process->vpid,
    };
    result = ipc_add(table, &record);
    if (result < 0)
        (void)ipc_host_remove(kind, id);
    return result < 0 ? result : id;
}

/* May it be found so? To what is not ours we are natively the stranger that the guest is to it. */
static int64_t judge(struct call *call, enum ipc_kind kind, key_t key, uint64_t size, int flags, int found)
{
    struct ipc_table *table = call->sentry->ipc;
    int result = ipc_judge(table, caller_cred(call), kind, found, (unsigned int)flags & IPC_MODE);
    if (result < 0)
        return result;
    return ipc_find(table, kind, found) != NULL ? found : ipc_host_get(kind, key, size, flags & IPC_MODE);
}

/* ipcget of Linux. Others in the namespace may make and remove objects between our two looks. */
static int64_t get(struct call *call, enum ipc_kind kind, key_t key, uint64_t size, int flags)
{
    const bool exclusive = (flags & IPC_CREAT) != 0 && (flags & IPC_EXCL) != 0;
    if (key == IPC_PRIVATE)
        return make(call, kind, key, size, flags);
    for (int i = 0; i < TRIES; i++) {
        int64_t found = ipc_host_get(kind, key, exclusive ? 0 : size, 0);
        if (found >= 0 && exclusive)
            return -EEXIST;
        if (found >= 0) {
            found = judge(call, kind, key, size, flags, (int)found);
            if (found != -EINVAL && found != -EIDRM)
                return found;
        } else if (found != -ENOENT || (flags & IPC_CREAT) == 0) {
            return found;
        } else {
            found = make(call, kind, key, size, flags);
            if (found != -EEXIST)
                return found;
        }
    }
    return -EEXIST;
}

int64_t sys_shmget(struct call *call)
{
    return get(call, IPC_KIND_SHM, arg_int(call, 0), call->args[1], arg_int(call, 2));
}

int64_t sys_semget(struct call *call)
{
    const int count = arg_int(call, 1);
    return count < 0 ? -EINVAL : get(call, IPC_KIND_SEM, arg_int(call, 0), (uint64_t)count, arg_int(call, 2));
}

int64_t sys_msgget(struct call *call)
{
    return get(call, IPC_KIND_MSG, arg_int(call, 0), 0, arg_int(call, 1));
}
