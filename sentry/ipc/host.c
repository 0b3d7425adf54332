/* SPDX-License-Identifier: Apache-2.0 */
/* The host's objects, by kind: what is one call in three forms. */
#include <errno.h>

#include "postern/confine.h"
#include "sentry/ipc/ipc.h"

CONFINE_ALLOW(shmget, "shared memory of a guest, judged");
CONFINE_ALLOW(shmctl, "shared memory of a guest, judged");
CONFINE_ALLOW(semget, "semaphores of a guest, judged");
CONFINE_ALLOW(semctl, "semaphores of a guest, judged");
CONFINE_ALLOW(msgget, "message queues of a guest, judged");
CONFINE_ALLOW(msgctl, "message queues of a guest, judged");

enum {
    GUEST_GROUP = 0,   /* in our user namespace */
    OWNER_BITS = 0700, /* ours: to look at it */
    OTHER_BITS = 0007,
};

union semun {
    int val;
    struct semid_ds *buf;
    struct seminfo *__buf;
};

/* One of the three control calls, with a status as its argument. */
static int control(enum ipc_kind kind, int id, int command, union ipc_status *status)
{
    int result;
    if (kind == IPC_KIND_SHM)
        result = shmctl(id, command, &status->shm);
    else if (kind == IPC_KIND_SEM)
        result = semctl(id, 0, command, (union semun){.buf = &status->sem});
    else
        result = msgctl(id, command, &status->msg);
    return result < 0 ? -errno : result;
}

size_t ipc_status_size(enum ipc_kind kind)
{
    static const size_t sizes[IPC_KINDS] = {
        [IPC_KIND_SHM] = sizeof(struct shmid_ds),
        [IPC_KIND_SEM] = sizeof(struct semid_ds),
        [IPC_KIND_MSG] = sizeof(struct msqid_ds),
    };
    return sizes[kind];
}

int ipc_host_get(enum ipc_kind kind, key_t key, uint64_t size, int flags)
{
    int id;
    if (kind == IPC_KIND_SHM)
        id = shmget(key, size, flags);
    else if (kind == IPC_KIND_SEM)
        id = semget(key, (int)size, flags);
    else
        id = msgget(key, flags);
    return id < 0 ? -errno : id;
}

int ipc_host_status(enum ipc_kind kind, int id, union ipc_status *ret_status)
{
    return control(kind, id, IPC_STAT, ret_status);
}

int ipc_host_status_at(enum ipc_kind kind, int index, union ipc_status *ret_status)
{
    static const int commands[IPC_KINDS] = {
        [IPC_KIND_SHM] = SHM_STAT_ANY, [IPC_KIND_SEM] = SEM_STAT_ANY, [IPC_KIND_MSG] = MSG_STAT_ANY};
    return control(kind, index, commands[kind], ret_status);
}

int ipc_host_remove(enum ipc_kind kind, int id)
{
    union ipc_status unused;
    return control(kind, id, IPC_RMID, &unused);
}

/* To the guest's group: all. To others: what the guest says. */
static mode_t native_mode(mode_t mode)
{
    return OWNER_BITS | (OWNER_BITS >> 3) | (mode & OTHER_BITS);
}

int ipc_host_set(enum ipc_kind kind, int id, union ipc_status *status, mode_t mode)
{
    status->perm.gid = GUEST_GROUP;
    status->perm.mode = native_mode(mode);
    return control(kind, id, IPC_SET, status);
}

int ipc_host_make(enum ipc_kind kind, key_t key, uint64_t size, int flags, mode_t mode)
{
    union ipc_status status;
    const int id = ipc_host_get(kind, key, size, (flags & ~IPC_MODE) | IPC_CREAT | IPC_EXCL | OWNER_BITS);
    if (id < 0)
        return id;
    int result = ipc_host_status(kind, id, &status);
    if (result == 0)
        result = ipc_host_set(kind, id, &status, mode);
    if (result < 0) {
        (void)ipc_host_remove(kind, id);
        return result;
    }
    return id;
}

int ipc_host_most(enum ipc_kind kind)
{
    struct shminfo shm;
    struct seminfo sem;
    struct msginfo msg;
    if (kind == IPC_KIND_SHM)
        return shmctl(0, IPC_INFO, (struct shmid_ds *)(void *)&shm) < 0 ? -errno : (int)shm.shmmni;
    if (kind == IPC_KIND_SEM)
        return semctl(0, 0, IPC_INFO, (union semun){.__buf = &sem}) < 0 ? -errno : sem.semmni;
    return msgctl(0, IPC_INFO, (struct msqid_ds *)(void *)&msg) < 0 ? -errno : msg.msgmni;
}
