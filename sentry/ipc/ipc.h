/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System V IPC: shared memory, semaphores, message queues (sysvipc(7)). The objects are the host kernel's, in the ipc namespace
 * that sentry and guest share. The sentry makes and removes them, so natively they are its own, and open to the guest's one
 * native id by their group; for the rest of the namespace they have the bits the guest gave to "others". Whose an object is within
 * the guest stands in a record here. An id has a sequence number in it, so it does not come back soon to mean another object.
 *
 * What is in the namespace without a record is not ours: the host's or another container's, or left there by an earlier one.
 * The guest is a stranger to it, and has what the object gives to others.
 */
#ifndef SENTRY_IPC_IPC_H
#define SENTRY_IPC_IPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/types.h>

struct cred;
struct ipc_table;
struct process_table;
struct sentry;

enum ipc_kind { IPC_KIND_SHM, IPC_KIND_SEM, IPC_KIND_MSG, IPC_KINDS };

/* Rights as calls ask for them: any of the three bits of each (ipcperms of Linux folds them). */
enum { IPC_READ = 0444, IPC_WRITE = 0222, IPC_EXECUTE = 0111, IPC_MODE = 0777 };

struct ipc_record {
    enum ipc_kind kind;
    int id;
    uid_t uid, cuid; /* owner and creator, as the guest knows them */
    gid_t gid, cgid;
    mode_t mode;       /* IPC_MODE */
    pid_t creator;     /* the guest's pid of who made it */
    uint64_t locked;   /* shared memory: bytes that are locked, */
    uid_t locked_by;   /* and whose limit they count against */
};

/* --- table.c --- */
struct ipc_table *ipc_table_new(void);
/* A record (borrowed until the next change of the table), or NULL. */
struct ipc_record *ipc_find(struct ipc_table *table, enum ipc_kind kind, int id);
/* Takes a copy. 0 or -ENOMEM. */
int ipc_add(struct ipc_table *table, const struct ipc_record *record);
void ipc_remove(struct ipc_table *table, enum ipc_kind kind, int id);
/* Forgets what the host has no more. */
void ipc_sweep(struct ipc_table *table, enum ipc_kind kind);
/* May one more be made by this user? 0, or -ENOSPC: what the namespace has room for is shared. */
int ipc_check_share(struct ipc_table *table, enum ipc_kind kind, const struct cred *cred);
/* Bytes of shared memory that are locked and count against a user's limit. */
uint64_t ipc_locked(struct ipc_table *table, uid_t uid);

/* May somebody use an object so? `wanted`: of IPC_READ and the like, or a mode as IPC_CREAT calls have it. */
bool ipc_permits(const struct cred *cred, const struct ipc_record *record, unsigned int wanted);
/* The same by an id, of whomever. 0; -EACCES; -EINVAL, -EIDRM if there is no such object. What is judged 0 and not ours may still
 * be refused by the host. */
int ipc_judge(struct ipc_table *table, const struct cred *cred, enum ipc_kind kind, int id, unsigned int wanted);
/* May somebody change or remove it? Sets *ret_record. 0; -EPERM; -EINVAL, -EIDRM. */
int ipc_judge_owner(struct ipc_table *table, const struct cred *cred, enum ipc_kind kind, int id,
                    struct ipc_record **ret_record);

/* --- host.c: the host's objects. All return -errno --- */
union ipc_status {
    struct ipc_perm perm;
    struct shmid_ds shm;
    struct semid_ds sem;
    struct msqid_ds msg;
};

size_t ipc_status_size(enum ipc_kind kind);
int ipc_host_get(enum ipc_kind kind, key_t key, uint64_t size, int flags); /* the id */
/* Makes a new object that the guest can use natively; `mode` as the guest gave it. The id. */
int ipc_host_make(enum ipc_kind kind, key_t key, uint64_t size, int flags, mode_t mode);
int ipc_host_status(enum ipc_kind kind, int id, union ipc_status *ret_status);
int ipc_host_status_at(enum ipc_kind kind, int index, union ipc_status *ret_status); /* by place in the namespace: the id */
/* Gives "others" the bits of a mode; `status` is the object's, and may have a new msg_qbytes. */
int ipc_host_set(enum ipc_kind kind, int id, union ipc_status *status, mode_t mode);
int ipc_host_remove(enum ipc_kind kind, int id);
int ipc_host_most(enum ipc_kind kind); /* how many the namespace may have */

/* --- show.c --- */
/* Puts the guest's view into what the host says: ids, mode, pids. */
void ipc_show(struct sentry *sentry, enum ipc_kind kind, int id, union ipc_status *status);

#endif
