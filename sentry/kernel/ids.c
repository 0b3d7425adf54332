/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a thread is called outside and inside the guest's pid namespace. Linux 6.11 translates in one call on a
 * descriptor of the namespace (ioctl_nsfs(2)); before, procfs is read.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "postern/confine.h"
#include "sentry/kernel/table.h"
#include "sentry/sentry.h"

/* linux/nsfs.h of 6.11; the argument is the id itself */
#define PID_FROM_NAMESPACE _IOR(0xb7, 0x6, int)
#define TGID_FROM_NAMESPACE _IOR(0xb7, 0x7, int)
#define PID_IN_NAMESPACE _IOR(0xb7, 0x8, int)
#define TGID_IN_NAMESPACE _IOR(0xb7, 0x9, int)

CONFINE_ALLOW_IF(ioctl, 1, UINT32_MAX, PID_IN_NAMESPACE, "translates process ids between pid namespaces");
CONFINE_ALLOW_IF(ioctl, 1, UINT32_MAX, TGID_IN_NAMESPACE, "translates process ids between pid namespaces");
CONFINE_ALLOW_IF(ioctl, 1, UINT32_MAX, PID_FROM_NAMESPACE, "translates process ids between pid namespaces");
CONFINE_ALLOW_IF(ioctl, 1, UINT32_MAX, TGID_FROM_NAMESPACE, "translates process ids between pid namespaces");

void ids_open_namespace(struct process_table *table, pid_t pid)
{
    char path[32];
    (void)snprintf(path, sizeof(path), "%d/ns/pid", pid);
    int fd = openat(table->sentry->proc_outer, path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && ioctl(fd, PID_IN_NAMESPACE, pid) > 0) {
        table->pid_namespace = fd;
        return;
    }
    if (fd >= 0)
        (void)close(fd);
}

/* The other two of the ids once tid and vtid are known. */
static int add_groups(const struct process_table *table, struct thread_ids *ids)
{
    ids->tgid = ioctl(table->pid_namespace, TGID_FROM_NAMESPACE, ids->vtid);
    ids->vtgid = ioctl(table->pid_namespace, TGID_IN_NAMESPACE, ids->tid);
    return ids->tid > 0 && ids->vtid > 0 && ids->tgid > 0 && ids->vtgid > 0 ? 0 : -ESRCH;
}

static struct thread_ids from_status(pid_t tid, const struct host_status *status)
{
    return (struct thread_ids){.tid = tid, .vtid = status->vpid, .tgid = status->tgid, .vtgid = status->vtgid};
}

int ids_of_tid(const struct process_table *table, pid_t tid, struct thread_ids *ret_ids)
{
    if (tid <= 0)
        return -ESRCH;
    if (table->pid_namespace >= 0) {
        struct thread_ids ids = {.tid = tid, .vtid = ioctl(table->pid_namespace, PID_IN_NAMESPACE, tid)};
        if (add_groups(table, &ids) < 0)
            return -ESRCH;
        *ret_ids = ids;
        return 0;
    }
    struct host_status status;
    int result = host_status_read(table->sentry, tid, &status);
    if (result < 0)
        return result;
    if (status.pid_levels < 2) /* one of ours: it has no name in the guest's namespace */
        return -ESRCH;
    *ret_ids = from_status(tid, &status);
    return 0;
}

int ids_of_vtid(const struct process_table *table, const struct id_map *known, pid_t vtid, struct thread_ids *ret_ids)
{
    if (vtid <= 0)
        return -ESRCH;
    if (table->pid_namespace >= 0) {
        struct thread_ids ids = {.vtid = vtid, .tid = ioctl(table->pid_namespace, PID_FROM_NAMESPACE, vtid)};
        if (add_groups(table, &ids) < 0)
            return -ESRCH;
        *ret_ids = ids;
        return 0;
    }
    struct host_status status;
    pid_t tid;
    int result = scan_for_vtid(table->sentry, known, vtid, &status, &tid);
    if (result < 0)
        return result;
    *ret_ids = from_status(tid, &status);
    return 0;
}
