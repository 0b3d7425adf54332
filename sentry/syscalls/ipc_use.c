/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Using an object: shmat(2), semop(2), semtimedop(2), msgsnd(2), msgrcv(2). The object is named by a register and what is to be
 * done to it is data, so the host runs the call once it is judged. An id that is removed meanwhile does not come back before some
 * four million others have been made: its sequence number has to come round.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/ipc/ipc.h"
#include "sentry/syscalls/handlers.h"
#include "sentry/syscalls/subject.h"

CONFINE_ALLOW(semop, "waits for a semaphore to be zero, for who may not change it");
CONFINE_ALLOW(semtimedop, "waits for a semaphore to be zero, for who may not change it");

enum { OPERATIONS_MAX = 4096 };

static int64_t judge(struct call *call, enum ipc_kind kind, unsigned int wanted)
{
    int result = ipc_judge(call->sentry->ipc, caller_cred(call), kind, arg_int(call, 0), wanted);
    return result < 0 ? result : CALL_CONTINUE;
}

int64_t sys_shmat(struct call *call)
{
    const int flags = arg_int(call, 2);
    unsigned int wanted = (flags & SHM_RDONLY) != 0 ? IPC_READ : IPC_READ | IPC_WRITE;
    if ((flags & SHM_EXEC) != 0)
        wanted |= IPC_EXECUTE;
    return judge(call, IPC_KIND_SHM, wanted);
}

int64_t sys_msgsnd(struct call *call)
{
    return judge(call, IPC_KIND_MSG, IPC_WRITE);
}

int64_t sys_msgrcv(struct call *call)
{
    return judge(call, IPC_KIND_MSG, IPC_READ);
}

/*
 * --- semaphores ---
 * To change one takes one right, to wait until it is zero the other, and which it is stands in memory. Who has both is let go on
 * whatever stands there in the end. Who may change but not read learns no more by waiting than by trying. Who may only read must
 * not change anything: his waiting is done by us, on what we have copied.
 */

struct zero_wait {
    int id;
    size_t count;
    uint64_t deadline; /* CLOCK_MONOTONIC, ns; 0: none */
    struct sembuf operations[];
};

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int64_t poll_zero(struct call *call, void *state)
{
    (void)call;
    struct zero_wait *wait = state;
    int64_t result = semop(wait->id, wait->operations, wait->count) < 0 ? -errno : 0;
    if (result == -EAGAIN && (wait->deadline == 0 || now_ns() < wait->deadline))
        return CALL_PENDING;
    free(wait);
    return result == -EINVAL ? -EIDRM : result; /* it was there when the waiting began */
}

static void cancel_zero(void *state)
{
    free(state);
}

/* Takes `wait` over. */
static int64_t wait_for_zero(struct call *call, struct zero_wait *wait, bool blocks)
{
    for (size_t i = 0; i < wait->count; i++)
        wait->operations[i].sem_flg = IPC_NOWAIT;
    int64_t result = semop(wait->id, wait->operations, wait->count) < 0 ? -errno : 0;
    if (result != -EAGAIN || !blocks) {
        free(wait);
        return result;
    }
    const struct parked parked = {.poll = poll_zero, .cancel = cancel_zero, .state = wait, .interrupted = -EINTR, .refused = -ENOMEM};
    return call_park(call, &parked);
}

/* *ret_deadline stays 0 without a timeout. */
static int read_deadline(struct call *call, uint64_t address, uint64_t *ret_deadline)
{
    struct timespec timeout;
    if (address == 0)
        return 0;
    int result = guest_read(call, address, &timeout, sizeof(timeout));
    if (result < 0)
        return result;
    if (timeout.tv_sec < 0 || timeout.tv_nsec < 0 || timeout.tv_nsec >= 1000000000)
        return -EINVAL;
    const uint64_t seconds = timeout.tv_sec < INT32_MAX ? (uint64_t)timeout.tv_sec : INT32_MAX;
    *ret_deadline = now_ns() + seconds * 1000000000 + (uint64_t)timeout.tv_nsec;
    return 0;
}

static int check_numbers(const struct zero_wait *wait)
{
    union ipc_status status;
    int result = ipc_host_status(IPC_KIND_SEM, wait->id, &status);
    for (size_t i = 0; result == 0 && i < wait->count; i++)
        if (wait->operations[i].sem_num >= status.sem.sem_nsems)
            result = -EFBIG;
    return result == -EACCES ? 0 : result;
}

static bool any_changes(const struct zero_wait *wait)
{
    bool changes = false;
    for (size_t i = 0; i < wait->count; i++)
        changes = changes || wait->operations[i].sem_op != 0;
    return changes;
}

static bool all_block(const struct zero_wait *wait)
{
    bool block = true;
    for (size_t i = 0; i < wait->count; i++)
        block = block && (wait->operations[i].sem_flg & IPC_NOWAIT) == 0;
    return block;
}

/* For who has not both rights. The order of complaints is Linux's. */
static int64_t judge_operations(struct call *call, uint64_t timeout, bool may_read, bool may_change)
{
    const uint64_t count = call->args[2];
    if ((uint32_t)count == 0 || (uint32_t)count > OPERATIONS_MAX)
        return (uint32_t)count == 0 ? -EINVAL : -E2BIG;
    auto_free struct zero_wait *wait = malloc(sizeof(*wait) + (uint32_t)count * sizeof(wait->operations[0]));
    if (wait == NULL)
        return -ENOMEM;
    *wait = (struct zero_wait){.id = arg_int(call, 0), .count = (uint32_t)count};
    int result = guest_read(call, call->args[1], wait->operations, wait->count * sizeof(wait->operations[0]));
    if (result == 0)
        result = read_deadline(call, timeout, &wait->deadline);
    if (result == 0)
        result = check_numbers(wait);
    if (result < 0)
        return result;
    const bool changes = any_changes(wait), blocks = all_block(wait);
    if (changes ? !may_change : !may_read)
        return -EACCES;
    return changes ? CALL_CONTINUE : wait_for_zero(call, take_ptr(wait), blocks);
}

static int64_t operate(struct call *call, uint64_t timeout)
{
    struct ipc_table *table = call->sentry->ipc;
    const struct cred *cred = caller_cred(call);
    const int id = arg_int(call, 0);
    const int both = ipc_judge(table, cred, IPC_KIND_SEM, id, IPC_READ | IPC_WRITE);
    if (both != -EACCES)
        return both < 0 ? both : CALL_CONTINUE;
    const bool may_change = ipc_judge(table, cred, IPC_KIND_SEM, id, IPC_WRITE) == 0;
    return judge_operations(call, timeout, ipc_judge(table, cred, IPC_KIND_SEM, id, IPC_READ) == 0, may_change);
}

int64_t sys_semop(struct call *call)
{
    return operate(call, 0);
}

int64_t sys_semtimedop(struct call *call)
{
    return operate(call, call->args[3]);
}
