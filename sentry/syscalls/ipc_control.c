/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shmctl(2), semctl(2), msgctl(2). What describes, changes or removes an object the sentry does itself: the host knows neither
 * owner nor rights. Values of semaphores are the host's, once it is clear that the caller may see or set them: nothing in memory
 * says which.
 */
#include <errno.h>
#include <sys/resource.h>

#include "postern/confine.h"
#include "sentry/ipc/ipc.h"
#include "sentry/syscalls/handlers.h"
#include "sentry/syscalls/subject.h"

CONFINE_ALLOW(prlimit64, "how much shared memory a guest may lock");

enum { SEMAPHORE_MOST = 32767 };

union information {
    struct shminfo shm_limits;
    struct shm_info shm_use;
    struct seminfo sem;
    struct msginfo msg;
};

/* IPC_INFO and its like: limits and figures of the namespace. Returns the highest place in it. */
static int64_t inform(struct call *call, enum ipc_kind kind, int command, uint64_t address)
{
    union information information = {0};
    size_t size = sizeof(information.msg);
    int highest;
    if (kind == IPC_KIND_SHM) {
        size = command == IPC_INFO ? sizeof(information.shm_limits) : sizeof(information.shm_use);
        highest = shmctl(0, command, (struct shmid_ds *)(void *)&information);
    } else if (kind == IPC_KIND_SEM) {
        size = sizeof(information.sem);
        highest = semctl(0, 0, command, &information);
    } else {
        highest = msgctl(0, command, (struct msqid_ds *)(void *)&information);
    }
    if (highest < 0)
        return -errno;
    int result = guest_write(call, address, &information, size);
    return result < 0 ? result : highest;
}

static int64_t give_status(struct call *call, enum ipc_kind kind, int id, union ipc_status *status, uint64_t address)
{
    ipc_show(call->sentry, kind, id, status);
    return guest_write(call, address, status, ipc_status_size(kind));
}

static int64_t status_of(struct call *call, enum ipc_kind kind, int id, uint64_t address)
{
    union ipc_status status;
    int result = ipc_judge(call->sentry->ipc, caller_cred(call), kind, id, IPC_READ);
    if (result == 0)
        result = ipc_host_status(kind, id, &status);
    return result < 0 ? result : give_status(call, kind, id, &status, address);
}

/* By its place in the namespace, as ipcs(1) goes through all of them. Returns the id. */
static int64_t status_at(struct call *call, enum ipc_kind kind, int place, bool judged, uint64_t address)
{
    union ipc_status status;
    if (place < 0)
        return -EINVAL;
    const int id = ipc_host_status_at(kind, place, &status);
    if (id < 0)
        return id;
    int64_t result = judged ? ipc_judge(call->sentry->ipc, caller_cred(call), kind, id, IPC_READ) : 0;
    if (result == 0)
        result = give_status(call, kind, id, &status, address);
    return result < 0 ? result : id;
}

static int64_t remove_object(struct call *call, enum ipc_kind kind, int id)
{
    struct ipc_record *record;
    union ipc_status status;
    int result = ipc_judge_owner(call->sentry->ipc, caller_cred(call), kind, id, &record);
    if (result == 0)
        result = ipc_host_remove(kind, id);
    if (result == 0 && ipc_host_status(kind, id, &status) < 0) /* shared memory stays for those who have it */
        ipc_remove(call->sentry->ipc, kind, id);
    return result;
}

static int change(struct call *call, enum ipc_kind kind, int id, const union ipc_status *wanted)
{
    const struct boot_config *boot = call->sentry->boot;
    struct ipc_record *record;
    union ipc_status status;
    int result = ipc_judge_owner(call->sentry->ipc, caller_cred(call), kind, id, &record);
    if (result < 0)
        return result;
    if (!boot_id_exists(&boot->uids, wanted->perm.uid) || !boot_id_exists(&boot->gids, wanted->perm.gid))
        return -EINVAL;
    result = ipc_host_status(kind, id, &status);
    if (result < 0)
        return result;
    if (kind == IPC_KIND_MSG)
        status.msg.msg_qbytes = wanted->msg.msg_qbytes;
    result = ipc_host_set(kind, id, &status, wanted->perm.mode);
    if (result < 0)
        return result;
    record->uid = wanted->perm.uid;
    record->gid = wanted->perm.gid;
    record->mode = wanted->perm.mode & IPC_MODE;
    return 0;
}

static int64_t set_object(struct call *call, enum ipc_kind kind, int id, uint64_t address)
{
    union ipc_status wanted;
    int result = guest_read(call, address, &wanted, ipc_status_size(kind));
    return result < 0 ? result : change(call, kind, id, &wanted);
}

/* --- shared memory that stays in memory --- */

/* user_shm_lock of Linux, with the limit of the guest's user. */
static int check_lock_limit(struct call *call, uint64_t size)
{
    struct rlimit limit;
    struct ipc_table *table = call->sentry->ipc;
    if (caller_capable(call, CAP_IPC_LOCK))
        return 0;
    if (prlimit(call->task->process->pid, RLIMIT_MEMLOCK, NULL, &limit) < 0)
        return -errno;
    if (limit.rlim_cur == 0)
        return -EPERM;
    if (limit.rlim_cur == RLIM_INFINITY || ipc_locked(table, caller_cred(call)->ruid) + size <= limit.rlim_cur)
        return 0;
    ipc_sweep(table, IPC_KIND_SHM);
    return ipc_locked(table, caller_cred(call)->ruid) + size <= limit.rlim_cur ? 0 : -ENOMEM;
}

static int64_t lock_memory(struct call *call, int id, bool lock)
{
    struct ipc_record *record = id < 0 ? NULL : ipc_find(call->sentry->ipc, IPC_KIND_SHM, id);
    const struct cred *cred = caller_cred(call);
    union ipc_status status;
    int result = id < 0 ? -EINVAL : ipc_host_status(IPC_KIND_SHM, id, &status);
    if (result < 0)
        return result == -EACCES ? -EPERM : result;
    if (record == NULL || (cred->euid != record->uid && cred->euid != record->cuid && !caller_capable(call, CAP_IPC_LOCK)))
        return -EPERM;
    if (lock && record->locked == 0) {
        result = check_lock_limit(call, status.shm.shm_segsz);
        record = result < 0 ? NULL : ipc_find(call->sentry->ipc, IPC_KIND_SHM, id);
        if (record == NULL)
            return result < 0 ? result : -EIDRM;
    }
    if (shmctl(id, lock ? SHM_LOCK : SHM_UNLOCK, NULL) < 0)
        return -errno;
    if (lock && record->locked == 0)
        record->locked_by = cred->ruid;
    record->locked = lock ? status.shm.shm_segsz : 0;
    return 0;
}

/* --- the calls --- */

/* What the three have alike. */
static int64_t common(struct call *call, enum ipc_kind kind, int id, int command, uint64_t address)
{
    switch (command) {
    case IPC_INFO:
        return inform(call, kind, command, address);
    case IPC_STAT:
        return status_of(call, kind, id, address);
    case IPC_SET:
        return set_object(call, kind, id, address);
    case IPC_RMID:
        return remove_object(call, kind, id);
    default:
        return -EINVAL;
    }
}

int64_t sys_shmctl(struct call *call)
{
    const int id = arg_int(call, 0), command = arg_int(call, 1);
    const uint64_t address = call->args[2];
    if (id < 0 || command < 0)
        return -EINVAL;
    switch (command) {
    case SHM_INFO:
        return inform(call, IPC_KIND_SHM, command, address);
    case SHM_STAT:
    case SHM_STAT_ANY:
        return status_at(call, IPC_KIND_SHM, id, command == SHM_STAT, address);
    case SHM_LOCK:
    case SHM_UNLOCK:
        return lock_memory(call, id, command == SHM_LOCK);
    default:
        return common(call, IPC_KIND_SHM, id, command, address);
    }
}

int64_t sys_msgctl(struct call *call)
{
    const int id = arg_int(call, 0), command = arg_int(call, 1);
    const uint64_t address = call->args[2];
    if (id < 0 || command < 0)
        return -EINVAL;
    if (command == MSG_INFO)
        return inform(call, IPC_KIND_MSG, command, address);
    if (command == MSG_STAT || command == MSG_STAT_ANY)
        return status_at(call, IPC_KIND_MSG, id, command == MSG_STAT, address);
    return common(call, IPC_KIND_MSG, id, command, address);
}

/* Values, and who set or waits for them: one object by a register, numbers to and from the caller's memory. */
static int64_t judge_values(struct call *call, int id, unsigned int wanted)
{
    int result = ipc_judge(call->sentry->ipc, caller_cred(call), IPC_KIND_SEM, id, wanted);
    return result < 0 ? result : CALL_CONTINUE;
}

int64_t sys_semctl(struct call *call)
{
    const int id = arg_int(call, 0), command = arg_int(call, 2);
    const uint64_t address = call->args[3];
    if (id < 0)
        return -EINVAL;
    switch (command) {
    case SEM_INFO:
        return inform(call, IPC_KIND_SEM, command, address);
    case SEM_STAT:
    case SEM_STAT_ANY:
        return status_at(call, IPC_KIND_SEM, id, command == SEM_STAT, address);
    case GETALL:
    case GETVAL:
    case GETPID:
    case GETNCNT:
    case GETZCNT:
        return judge_values(call, id, IPC_READ);
    case SETVAL:
        if ((int)address < 0 || (int)address > SEMAPHORE_MOST)
            return -ERANGE;
        return judge_values(call, id, IPC_WRITE);
    case SETALL:
        return judge_values(call, id, IPC_WRITE);
    default:
        return common(call, IPC_KIND_SEM, id, command, address);
    }
}
