/* SPDX-License-Identifier: Apache-2.0 */
/* Guest memory, by process_vm_readv(2) and process_vm_writev(2). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/kernel/process.h"
#include "sentry/platform/call.h"
#include "sentry/platform/platform.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"

CONFINE_ALLOW(process_vm_readv, "arguments of calls");
CONFINE_ALLOW(process_vm_writev, "results of calls");

enum { PAGE = 4096, STRING_STEP = 256 };

/* The pid in a notification may have been given to another process while we read: then what was read is not
 * the caller's. */
static int still_asking(const struct call *call)
{
    return platform_is_asking(call->sentry, call->listener, call->id) ? 0 : -ESRCH;
}

/* A stack grows when its thread comes to where there is none yet; it does not for process_vm_readv(2) and its twin. Looking at that place
 * by way of /proc/PID/mem lets it grow like the thread itself, and changes nothing anywhere else. */
static void grow_stack(const struct call *call, uint64_t address)
{
    char path[32], byte;
    (void)snprintf(path, sizeof(path), "%d/mem", call->task->tid);
    auto_close int memory = openat(call->sentry->proc_outer, path, O_RDONLY | O_CLOEXEC);
    if (memory >= 0)
        (void)!pread(memory, &byte, sizeof(byte), (off_t)address);
}

typedef ssize_t transfer(pid_t pid, const struct iovec *local, unsigned long local_count, const struct iovec *remote,
                         unsigned long remote_count, unsigned long flags);

/* How much was copied: less than all where memory ends; or -errno. The state lock is not held meanwhile. */
static ssize_t transfer_all(const struct call *call, transfer *copy, uint64_t address, char *buffer, size_t size)
{
    size_t done = 0;
    int error = 0;
    bool paused = state_pause();
    for (int attempt = 0; attempt < 2 && done < size && error != ESRCH; attempt++) {
        struct iovec local = {.iov_base = buffer + done, .iov_len = size - done};
        struct iovec remote = {.iov_base = (void *)(address + done), .iov_len = size - done}; /* the guest's address, never ours to follow */
        ssize_t moved = copy(call->task->tid, &local, 1, &remote, 1, 0);
        error = moved < 0 ? errno : 0;
        done += moved < 0 ? 0 : (size_t)moved;
        if (attempt == 0 && done < size && error != ESRCH)
            grow_stack(call, address + done);
    }
    state_resume(paused);
    return done > 0 ? (ssize_t)done : error == ESRCH ? -ESRCH : -EFAULT;
}

static ssize_t transfer_in(const struct call *call, uint64_t address, void *buffer, size_t size)
{
    return transfer_all(call, process_vm_readv, address, buffer, size);
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
    if (got < 0)
        return got;
    int valid = still_asking(call);
    return valid < 0 ? valid : got;
}

static ssize_t transfer_out(const struct call *call, uint64_t address, const void *buffer, size_t size)
{
    return transfer_all(call, process_vm_writev, address, (char *)(uintptr_t)buffer, size);
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
