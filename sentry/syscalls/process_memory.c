/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_vm_readv(2) and process_vm_writev(2), judged as ptrace(2) would be.
 *
 * Of another process they are carried out here: were the host to do it after our word, the caller could hold it up
 * (by a page that is long in coming) until the other had executed a set-id program. For the same reason the other executes
 * nothing as long as somebody is in its memory (process_intrude).
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/platform/worker.h"
#include "sentry/syscalls/handlers.h"
#include "sentry/syscalls/subject.h"

CONFINE_ALLOW(process_vm_readv, "memory of another guest process, judged");
CONFINE_ALLOW(process_vm_writev, "memory of another guest process, judged");

enum {
    STEP_MAX = 64 * 1024,
    TRANSFER_MAX = 16 * 1024 * 1024, /* others wait meanwhile; to move less than asked is allowed */
};

/* A list of pieces of somebody's memory, and how far it has been gone through. */
struct vector {
    struct iovec pieces[IOV_MAX];
    size_t count, at, offset;
};

struct transfer {
    struct call *call;
    struct task *target; /* a reference */
    struct vector own, other;
    unsigned char buffer[STEP_MAX];
};

static int vector_read(struct call *call, uint64_t address, uint64_t count, struct vector *vector)
{
    vector->at = vector->offset = vector->count = 0;
    if (count > IOV_MAX)
        return -EINVAL;
    int error = guest_read(call, address, vector->pieces, (size_t)count * sizeof(struct iovec));
    if (error < 0)
        return error;
    for (size_t i = 0; i < count; i++)
        if (vector->pieces[i].iov_len > SSIZE_MAX)
            return -EINVAL;
    vector->count = (size_t)count;
    return 0;
}

/* What is left of the piece the vector stands at; 0 at its end. */
static size_t vector_left(struct vector *vector)
{
    while (vector->at < vector->count && vector->offset == vector->pieces[vector->at].iov_len) {
        vector->at++;
        vector->offset = 0;
    }
    return vector->at < vector->count ? vector->pieces[vector->at].iov_len - vector->offset : 0;
}

static uint64_t vector_address(const struct vector *vector)
{
    return (uint64_t)vector->pieces[vector->at].iov_base + vector->offset;
}

/* One piece of the other process, to or from our buffer: how much of it there was, or -errno. */
static ssize_t reach(struct transfer *transfer, size_t size, bool write)
{
    struct iovec local = {.iov_base = transfer->buffer, .iov_len = size};
    struct iovec remote = {.iov_base = (void *)vector_address(&transfer->other), .iov_len = size};
    pid_t tid = transfer->target->tid;
    if (!task_alive(transfer->target))
        return -ESRCH;
    bool paused = state_pause();
    ssize_t done = write ? process_vm_writev(tid, &local, 1, &remote, 1, 0) : process_vm_readv(tid, &local, 1, &remote, 1, 0);
    ssize_t result = done >= 0 ? done : -errno;
    state_resume(paused);
    return result;
}

static ssize_t step(struct transfer *transfer, size_t size, bool write)
{
    int error = write ? guest_read(transfer->call, vector_address(&transfer->own), transfer->buffer, size) : 0;
    if (error < 0)
        return error;
    ssize_t done = reach(transfer, size, write);
    if (done > 0 && !write)
        error = guest_write(transfer->call, vector_address(&transfer->own), transfer->buffer, (size_t)done);
    return error < 0 ? error : done;
}

static int64_t run(struct transfer *transfer, bool write)
{
    size_t total = 0, own, other;
    while (total < TRANSFER_MAX && (own = vector_left(&transfer->own)) > 0 &&
           (other = vector_left(&transfer->other)) > 0) {
        size_t size = own < other ? own : other;
        size = size < STEP_MAX ? size : STEP_MAX;
        ssize_t done = step(transfer, size, write);
        if (done <= 0)
            return total > 0 ? (int64_t)total : done == 0 ? -EFAULT : done;
        total += (size_t)done;
        transfer->own.offset += (size_t)done;
        transfer->other.offset += (size_t)done;
        if ((size_t)done < size)
            break;
    }
    return (int64_t)total;
}

static int64_t move_memory(struct call *call, bool write)
{
    pid_t vtid = arg_int(call, 0);
    if (call->args[5] != 0)
        return -EINVAL;
    if (vtid == call->task->vtid || vtid == call->task->process->vpid)
        return CALL_CONTINUE;
    auto_free struct transfer *transfer = malloc(sizeof(*transfer));
    if (transfer == NULL)
        return -ENOMEM;
    int error = vector_read(call, call->args[1], call->args[2], &transfer->own);
    if (error == 0 && vector_left(&transfer->own) == 0)
        return 0;
    if (error == 0)
        error = vector_read(call, call->args[3], call->args[4], &transfer->other);
    if (error == 0 && vector_left(&transfer->other) == 0)
        return 0;
    if (error < 0)
        return error;
    struct task *target = vtid > 0 ? subject_find(call, vtid) : NULL;
    if (target == NULL)
        return -ESRCH;
    transfer->call = call;
    transfer->target = task_get(target);
    process_intrude(target->process);
    int64_t result = caller_may_attach(call, target) ? run(transfer, write) : -EPERM;
    process_intrude_end(target->process);
    (void)task_put(target);
    return result;
}

int64_t sys_process_vm_readv(struct call *call)
{
    return move_memory(call, false);
}

int64_t sys_process_vm_writev(struct call *call)
{
    return move_memory(call, true);
}
