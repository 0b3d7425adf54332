/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/PID/fd and fdinfo: the descriptors of a process are the host's, so what they are is asked there. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/fs/procfs.h"
#include "sentry/kernel/process.h"
#include "sentry/platform/call.h"
#include "sentry/platform/unlocked.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"
#include "sentry/vfs/vfs_internal.h"

CONFINE_ALLOW(newfstatat, "how a guest's descriptor is open");
CONFINE_ALLOW(pidfd_getfd, "the object behind it");

static void descriptor_folder(const struct synth_subject *subject, char *buffer, size_t size)
{
    if (subject->vtid != 0)
        snprintf(buffer, size, "%d/task/%d/fd", subject->vpid, subject->vtid);
    else
        snprintf(buffer, size, "%d/fd", subject->vpid);
}

/* The host's link: its mode says how the descriptor is open. */
static int stat_descriptor(const struct synth_source *folder, int number, struct stat *ret_stat)
{
    char path[96];
    descriptor_folder(&folder->subject, path, sizeof(path) - 16);
    size_t length = 0;
    while (path[length] != '\0')
        length++;
    snprintf(path + length, sizeof(path) - length, "/%d", number);
    return fstatat(folder->sentry->proc_inner, path, ret_stat, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : -errno;
}

static int list_descriptors(const struct synth_source *folder, int **ret_numbers, size_t *ret_count)
{
    char path[64];
    descriptor_folder(&folder->subject, path, sizeof(path));
    int result = proc_list_numbers(folder->sentry, path, ret_numbers, ret_count);
    if (result != -EACCES)
        return result;
    /* The folder of a process that has ended is the host root's: it has no descriptors. */
    *ret_numbers = NULL;
    *ret_count = 0;
    return 0;
}

static bool descriptor_exists(const struct synth_source *folder, int number)
{
    struct stat attributes;
    return stat_descriptor(folder, number, &attributes) == 0;
}

static struct synth_subject descriptor_subject(const struct synth_subject *folder, int number)
{
    return (struct synth_subject){.vpid = folder->vpid, .vtid = folder->vtid, .number = number};
}

static int descriptor_attributes(const struct synth_source *source, struct statx *attributes)
{
    struct stat real;
    if (stat_descriptor(source, source->subject.number, &real) < 0)
        return -ENOENT;
    attributes->stx_mode = (uint16_t)(S_IFLNK | (real.st_mode & 0700));
    attributes->stx_size = 64;
    return 0;
}

/* A copy of the descriptor. Threads with tables of their own are asked through the process: guests cannot unshare
 * theirs without leaving the thread group's. */
static int fetch_descriptor(const struct synth_source *source)
{
    const struct process *process = proc_subject_process(source);
    if (process == NULL)
        return -ENOENT;
    int fd = (int)syscall(SYS_pidfd_getfd, process->pidfd, source->subject.number, 0);
    return fd >= 0 ? fd : -ENOENT;
}

static int descriptor_text(const struct synth_source *source, struct text *text)
{
    auto_close_unlocked int fd = fetch_descriptor(source);
    if (fd < 0)
        return fd;
    char target[VFS_PATH_MAX + 32];
    const struct dentry *root = source->who != NULL ? source->who->root : NULL;
    ssize_t length = object_describe(source->sentry, fd, root, target, sizeof(target));
    if (length < 0)
        return (int)length;
    text_append(text, target, (size_t)length);
    return 0;
}

/* Folders have a dentry, and so has what is ours: that is looked at, or opened, anew. Everything else is the object. */
static int descriptor_follow(const struct synth_source *source, struct dentry **ret_dentry, int *ret_fd)
{
    auto_close_unlocked int fd = fetch_descriptor(source);
    if (fd < 0)
        return fd;
    struct statx attributes;
    if (source->who == NULL || unlocked_statx(fd, STATX_TYPE, &attributes) < 0)
        return -ENOENT;
    if (!S_ISDIR(attributes.stx_mode) && !S_ISREG(attributes.stx_mode)) {
        *ret_fd = take_fd(&fd);
        return 0;
    }
    /* Not a call of its own: what this one has learnt stays valid. */
    struct cred *cred = (struct cred *)source->who->cred;
    struct call call = {.sentry = source->sentry, .task = source->who->task, .context = source->who->task->process->context, .cred = cred, .now = vfs_now(), .stamp = vfs_began()};
    struct object object;
    int result = object_from_own_fd(&call, take_fd(&fd), &object);
    if (result < 0)
        return result;
    bool named = S_ISDIR(attributes.stx_mode) || (object.kind == OBJECT_SYNTHETIC && object_dentry(&call, &object) == 0);
    if (named)
        *ret_dentry = dentry_get(object.dentry);
    else
        *ret_fd = take_fd(&object.fd);
    object_release(&object);
    return 0;
}

static const struct synth_entry link_table[] = {
    SYNTH_FILE("", 0700, SYNTH_MAGIC, .flags = SYNTH_CHECKED, .generate = descriptor_text, .follow = descriptor_follow,
               .attributes = descriptor_attributes),
    {0},
};
static struct synth_tree link_tree = {.tables = {link_table}};

const struct synth_numbered proc_descriptors = {
    .tree = &link_tree, .list = list_descriptors, .exists = descriptor_exists, .subject = descriptor_subject};

/* Position, flags, mount id: numbers only; for epoll, inotify and the like what the process itself asked for. */
static const struct synth_entry info_table[] = {
    SYNTH_FILE("", 0444, SYNTH_REAL, .flags = SYNTH_CHECKED, .argument = "fdinfo"),
    {0},
};
static struct synth_tree info_tree = {.tables = {info_table}};

const struct synth_numbered proc_descriptor_infos = {
    .tree = &info_tree, .list = list_descriptors, .exists = descriptor_exists, .subject = descriptor_subject};
