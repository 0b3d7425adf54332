/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/PID/ns. What is opened is the namespace itself, which a guest can compare and ask about (sentry/syscalls/namespace_ioctl.c), and no
 * more: setns(2) is refused. All of a container's processes are in the same ones. The numbers are those the container would have without
 * us (sentry/vfs/nsfs.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "sentry/fs/procfs.h"
#include "sentry/sentry.h"
#include "sentry/vfs/vfs_internal.h"

static int namespace_text(const struct synth_source *source, struct text *text)
{
    const enum boot_namespace kind = (enum boot_namespace)(uintptr_t)source->entry->argument;
    const struct boot_namespace_number *number = &source->sentry->boot->namespaces[kind];
    char name[NSFS_NAME_MAX];
    if (number->real == 0)
        return -ENOENT;
    nsfs_name(kind, number->shown, name);
    text_string(text, name);
    return text->error;
}

static int namespace_follow(const struct synth_source *source, struct dentry **ret_dentry, int *ret_fd)
{
    (void)ret_dentry;
    int fd = proc_subject_follow(source, source->entry->path);
    if (fd < 0)
        return fd;
    *ret_fd = fd;
    return 0;
}

#define NAMESPACE(path_, kind)                                                                                         \
    SYNTH_FILE(path_, 0777, SYNTH_MAGIC, .flags = SYNTH_CHECKED, .generate = namespace_text,                           \
               .follow = namespace_follow, .argument = (const void *)(uintptr_t)(kind))

const struct synth_entry proc_namespace_table[] = {
    NAMESPACE("ns/cgroup", BOOT_NAMESPACE_CGROUP),
    NAMESPACE("ns/ipc", BOOT_NAMESPACE_IPC),
    NAMESPACE("ns/mnt", BOOT_NAMESPACE_MOUNT),
    NAMESPACE("ns/net", BOOT_NAMESPACE_NETWORK),
    NAMESPACE("ns/pid", BOOT_NAMESPACE_PID),
    NAMESPACE("ns/pid_for_children", BOOT_NAMESPACE_PID),
    NAMESPACE("ns/time", BOOT_NAMESPACE_TIME),
    NAMESPACE("ns/time_for_children", BOOT_NAMESPACE_TIME),
    NAMESPACE("ns/user", BOOT_NAMESPACE_USER),
    NAMESPACE("ns/uts", BOOT_NAMESPACE_UTS),
    {0},
};
