/* SPDX-License-Identifier: Apache-2.0 */
/* kcmp(2): are two descriptors, memories, tables one and the same? Judged here, compared by the host; of order it tells no address. */
#include <errno.h>
#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/confine.h"
#include "sentry/syscalls/handlers.h"
#include "sentry/syscalls/subject.h"

CONFINE_ALLOW_IF(kcmp, 2, UINT32_MAX, KCMP_FILE, "compares descriptors, for a guest that may look into their processes");
CONFINE_ALLOW_IF(kcmp, 2, UINT32_MAX, KCMP_VM, "compares memories, likewise");
CONFINE_ALLOW_IF(kcmp, 2, UINT32_MAX, KCMP_FILES, "compares tables of descriptors, likewise");
CONFINE_ALLOW_IF(kcmp, 2, UINT32_MAX, KCMP_FS, "compares working directories, likewise");
CONFINE_ALLOW_IF(kcmp, 2, UINT32_MAX, KCMP_SIGHAND, "compares tables of signal handlers, likewise");
CONFINE_ALLOW_IF(kcmp, 2, UINT32_MAX, KCMP_IO, "compares I/O contexts, likewise");
CONFINE_ALLOW_IF(kcmp, 2, UINT32_MAX, KCMP_SYSVSEM, "compares lists of SysV undos, likewise");

/* A reference: to look for one may be to let go of another that has ended. */
static struct task *find(struct call *call, pid_t vtid)
{
    struct task *task = vtid > 0 ? subject_find(call, vtid) : NULL;
    return task != NULL ? task_get(task) : NULL;
}

static void put_task(struct task **task)
{
    (void)task_put(*task);
}
#define auto_task __attribute__((cleanup(put_task)))

int64_t sys_kcmp(struct call *call)
{
    auto_task struct task *one = find(call, arg_int(call, 0)), *other = find(call, arg_int(call, 1));
    if (one == NULL || other == NULL)
        return -ESRCH;
    if (!caller_may_attach(call, one) || !caller_may_attach(call, other))
        return -EPERM;
    const int kind = arg_int(call, 2);
    if (kind < KCMP_FILE || kind > KCMP_SYSVSEM)
        return -EINVAL; /* KCMP_EPOLL_TFD reads memory, and nobody asks */
    long result = syscall(SYS_kcmp, one->tid, other->tid, kind, call->args[3], call->args[4]);
    return result < 0 ? -errno : result;
}
