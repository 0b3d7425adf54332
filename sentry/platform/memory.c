/* SPDX-License-Identifier: Apache-2.0 */
/* Guest memory, by process_vm_readv(2) and process_vm_writev(2). */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "postern/confine.h"
#include "sentry/kernel/process.h"
#include "sentry/platform/call.h"
#include "sentry/platform/platform.h"
#include "sentry/platform/worker.h"

CONFINE_ALLOW(process_vm_readv, "arguments of calls");
CONFINE_ALLOW(process_vm_writev, "results of calls");

enum { PAGE = 4096, STRING_STEP = 256 };

/* The pid in a notification may have been given to another process while we read: then what was read is not
 * the caller's. */
static int still_asking(const struct call *call)
{
    return platform_is_asking(call->sentry, call->listener, call->id) ? 0 : -ESRCH;
}

static ssize_t transfer_in(const struct call *call, uint64_t address, void *buffer, size_t size)
{
    struct iovec local = {.iov_base = buffer, .iov_len = size};
    struct iovec remote = {.iov_base = (void *)address, .iov_len = size}; /* the guest's address, never ours to follow */
    bool paused = state_pause();
    ssize_t got = process_vm_readv(call->task->tid, &local, 1, &remote, 1, 0);
    if (got < 0)
        got = errno == ESRCH ? -ESRCH : -EFAULT;
    state_resume(paused);
    return got;
}

int guest_read(struct call *call, uint64_t address, void *buffer, size_t size)
{
    if (size == 0)
        return 0;
    ssize_t got = transfer_in(call, address, buffer, size);
    if (got < 0)
        return (int)got;
    if ((size_t)got != size)
        return -EFAULT;
    return still_asking(call);
}

ssize_t guest_read_some(struct call *call, uint64_t address, void *buffer, size_t size)
{
    if (size == 0)
        return 0;
    ssize_t got = transfer_in(call, address, buffer, size);
    if (got <= 0)
        return got == 0 ? -EFAULT : got;
    int valid = still_asking(call);
    return valid < 0 ? valid : got;
}

static ssize_t transfer_out(const struct call *call, uint64_t address, const void *buffer, size_t size)
{
    struct iovec local = {.iov_base = (void *)(uintptr_t)buffer, .iov_len = size};
    struct iovec remote = {.iov_base = (void *)address, .iov_len = size};
    bool paused = state_pause();
    ssize_t put = process_vm_writev(call->task->tid, &local, 1, &remote, 1, 0);
    if (put < 0)
        put = errno == ESRCH ? -ESRCH : -EFAULT;
    state_resume(paused);
    return put;
}

/* Not while another thread of the caller's executes: the caller's id may be the new program's before we know that the caller is no
 * more, and it is not the caller's to write to. */
int guest_write(struct call *call, uint64_t address, const void *buffer, size_t size)
{
    if (size == 0)
        return 0;
    struct process *process = call->task->process;
    bool executes = process->executing == call->task; /* it is who the others wait for */
    if (!executes)
        process_intrude(process);
    int valid = still_asking(call);
    ssize_t put = valid < 0 ? valid : transfer_out(call, address, buffer, size);
    if (!executes)
        process_intrude_end(process);
    return put < 0 ? (int)put : (size_t)put == size ? 0 : -EFAULT;
}

ssize_t guest_read_string(struct call *call, uint64_t address, char *buffer, size_t size)
{
    size_t used = 0;
    size_t step = STRING_STEP;
    while (used < size) {
        /* Never across a page: the next one may not be mapped though the string ends in this one. */
        size_t want = PAGE - (size_t)((address + used) % PAGE);
        if (want > step)
            want = step;
        if (want > size - used)
            want = size - used;
        ssize_t got = transfer_in(call, address + used, buffer + used, want);
        if (got < 0)
            return got;
        if (got == 0)
            return -EFAULT;
        const char *end = memchr(buffer + used, '\0', (size_t)got);
        if (end != NULL) {
            int valid = still_asking(call);
            return valid < 0 ? valid : end - buffer;
        }
        used += (size_t)got;
        step = PAGE;
    }
    return -ENAMETOOLONG;
}
