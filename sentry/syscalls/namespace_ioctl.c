/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ioctl(2) on a namespace of /proc/PID/ns (ioctl_ns(2)). A container's namespaces are its user namespace's, whose parent, like that of
 * its pid namespace, it is not shown: so there is one other namespace to be had, which it has already.
 */
#include "sentry/syscalls/namespace_ioctl.h"

#include <errno.h>
#include <linux/nsfs.h>
#include <sched.h>

#include "postern/boot.h"
#include "postern/cleanup.h"
#include "sentry/fs/procfs.h"
#include "sentry/kernel/process.h"
#include "sentry/platform/call.h"
#include "sentry/platform/unlocked.h"
#include "sentry/sentry.h"
#include "sentry/vfs/vfs_internal.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

enum { OVERFLOW_UID = 65534 };

static int64_t type_of(int kind)
{
    static const int flags[BOOT_NAMESPACES] = {
        [BOOT_NAMESPACE_CGROUP] = CLONE_NEWCGROUP, [BOOT_NAMESPACE_IPC] = CLONE_NEWIPC, [BOOT_NAMESPACE_MOUNT] = CLONE_NEWNS,
        [BOOT_NAMESPACE_NETWORK] = CLONE_NEWNET,   [BOOT_NAMESPACE_PID] = CLONE_NEWPID, [BOOT_NAMESPACE_TIME] = CLONE_NEWTIME,
        [BOOT_NAMESPACE_USER] = CLONE_NEWUSER,     [BOOT_NAMESPACE_UTS] = CLONE_NEWUTS,
    };
    return flags[kind];
}

static int64_t give_user_namespace(struct call *call)
{
    const struct synth_source source = {.sentry = call->sentry, .subject = {.vpid = call->task->process->vpid}};
    auto_close int fd = proc_subject_follow(&source, "ns/user");
    return fd < 0 ? fd : call_give_fd(call, &fd, true);
}

/* Who made it: the machine's root, as the container numbers him. */
static int64_t say_owner(struct call *call)
{
    const struct boot_id_table *table = &call->sentry->boot->uids;
    uint32_t owner = OVERFLOW_UID;
    for (uint32_t i = 0; i < table->count; i++)
        owner = table->lines[i].outside == 0 ? table->lines[i].inside : owner;
    return guest_write(call, call->args[2], &owner, sizeof(owner));
}

bool namespace_ioctl(struct call *call, int fd, unsigned int command, int64_t *ret_answer)
{
    struct statx attributes;
    const int kind = unlocked_statx(fd, STATX_BASIC_STATS, &attributes) < 0 ? -1 : nsfs_kind(call->sentry->boot, &attributes);
    if (kind < 0)
        return false;
    const bool user = kind == BOOT_NAMESPACE_USER;
    switch (command) {
    case NS_GET_NSTYPE:
        *ret_answer = type_of(kind);
        return true;
    case NS_GET_USERNS:
        *ret_answer = user ? -EPERM : give_user_namespace(call);
        return true;
    case NS_GET_PARENT:
        *ret_answer = user || kind == BOOT_NAMESPACE_PID ? -EPERM : -EINVAL;
        return true;
    case NS_GET_OWNER_UID:
        *ret_answer = user ? say_owner(call) : -EINVAL;
        return true;
    default:
        *ret_answer = -ENOTTY;
        return true;
    }
}
