/* SPDX-License-Identifier: Apache-2.0 */
/* The procfs as a filesystem: its root, whose an entry is, and the host files behind it. */
#include "sentry/fs/procfs.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postern/boot.h"
#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/fs/synth_private.h"
#include "sentry/kernel/cred.h"
#include "sentry/kernel/newcomers.h"
#include "sentry/kernel/process.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"

CONFINE_ALLOW_IF(openat, 0, UINT32_MAX, SENTRY_FD_PROC_INNER, "files of the guest's procfs");
CONFINE_ALLOW(readlinkat, "has a process a program still");
CONFINE_ALLOW(getdents64, "processes, threads and descriptors, in the guest's procfs");
CONFINE_ALLOW(fcntl, "libc's fdopendir");
CONFINE_ALLOW(newfstatat, "libc's fdopendir");

/* --- the process behind an entry --- */

/* What the entry is named after: the thread where there is one. */
static pid_t subject_id(const struct synth_source *source)
{
    return source->subject.vtid != 0 ? source->subject.vtid : source->subject.vpid;
}

struct task *proc_subject_task(const struct synth_source *source)
{
    return task_find_vtid(source->sentry->processes, subject_id(source));
}

struct process *proc_subject_process(const struct synth_source *source)
{
    const struct task *task = proc_subject_task(source);
    return task != NULL ? task->process : NULL;
}

int proc_subject_snapshot(const struct synth_source *source, struct process_snapshot *ret_snapshot)
{
    return process_snapshot(source->sentry->processes, subject_id(source), ret_snapshot);
}

/* --- files of the guest's own procfs --- */

enum { SUBJECT_PATH_MAX = 256 };

static int subject_path(const struct synth_subject *subject, const char *name, char path[SUBJECT_PATH_MAX])
{
    int length = subject->vtid != 0
                     ? snprintf(path, SUBJECT_PATH_MAX, "%d/task/%d/%s", subject->vpid, subject->vtid, name)
                     : snprintf(path, SUBJECT_PATH_MAX, "%d/%s", subject->vpid, name);
    return length < 0 || length >= SUBJECT_PATH_MAX ? -ENAMETOOLONG : 0;
}

/* Asked after the host has been: what it was about is then known to be no newcomer's, whoever had the id before. */
static bool is_hidden(const struct synth_source *source)
{
    return source->subject.vpid != 0 && newcomer_has_id(source->sentry->processes, subject_id(source));
}

ssize_t proc_subject_readlink(const struct synth_source *source, const char *name, char *buffer, size_t size)
{
    char path[SUBJECT_PATH_MAX];
    int result = subject_path(&source->subject, name, path);
    if (result < 0)
        return result;
    ssize_t length = readlinkat(source->sentry->proc_inner, path, buffer, size);
    if (length < 0)
        return -errno;
    return is_hidden(source) ? -ENOENT : length;
}

int proc_subject_open(const struct synth_source *source, const char *name, int flags)
{
    char path[SUBJECT_PATH_MAX];
    int result = subject_path(&source->subject, name, path);
    if (result < 0)
        return result;
    auto_close int fd = openat(source->sentry->proc_inner, path, flags | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    return is_hidden(source) ? -ENOENT : take_fd(&fd);
}

int proc_subject_follow(const struct synth_source *source, const char *name)
{
    char path[SUBJECT_PATH_MAX];
    int result = subject_path(&source->subject, name, path);
    if (result < 0)
        return result;
    auto_close int fd = openat(source->sentry->proc_inner, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    return is_hidden(source) ? -ENOENT : take_fd(&fd);
}

int proc_subject_read(const struct synth_source *source, const char *name, struct text *text)
{
    auto_close int fd = proc_subject_open(source, name, O_RDONLY);
    if (fd < 0)
        return fd;
    text_read_fd(text, fd, PROC_FILE_MAX);
    return text->error;
}

static int compare_numbers(const void *one, const void *other)
{
    int a = *(const int *)one, b = *(const int *)other;
    return (a > b) - (a < b);
}

/* Appends to an array that grows by doubling. */
static int push_number(int **numbers, size_t *count, size_t *capacity, int number)
{
    if (*count == *capacity) {
        size_t wanted = *capacity == 0 ? 64 : *capacity * 2;
        int *larger = realloc(*numbers, wanted * sizeof(int));
        if (larger == NULL)
            return -ENOMEM;
        *numbers = larger;
        *capacity = wanted;
    }
    (*numbers)[(*count)++] = number;
    return 0;
}

int proc_list_numbers(const struct sentry *sentry, const char *folder, int **ret_numbers, size_t *ret_count)
{
    auto_close int fd = openat(sentry->proc_inner, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    auto_closedir DIR *directory = fdopendir(fd);
    if (directory == NULL)
        return -errno;
    (void)take_fd(&fd);

    auto_free int *numbers = NULL;
    size_t count = 0, capacity = 0;
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        int number = synth_name_number(entry->d_name);
        int result = number >= 0 ? push_number(&numbers, &count, &capacity, number) : 0;
        if (result < 0)
            return result;
    }
    if (count > 0)
        qsort(numbers, count, sizeof(int), compare_numbers);
    *ret_numbers = take_ptr(numbers);
    *ret_count = count;
    return 0;
}

int proc_list_processes(const struct sentry *sentry, int **ret_numbers, size_t *ret_count)
{
    int *numbers;
    size_t count, kept = 0;
    bool paused = state_pause();
    int result = proc_list_numbers(sentry, ".", &numbers, &count);
    state_resume(paused);
    if (result < 0)
        return result;
    const bool some_hidden = newcomers_present(sentry->processes);
    for (size_t i = 0; i < count; i++)
        if (!some_hidden || !newcomer_has_id(sentry->processes, numbers[i]))
            numbers[kept++] = numbers[i];
    *ret_numbers = numbers;
    *ret_count = kept;
    return 0;
}

/* --- what synthfs asks --- */

/* An entry with an argument is in a numbered folder of that name. */
static int open_real(const struct synth_source *source, int flags, int *ret_fd)
{
    char name[64];
    if (source->entry->argument != NULL)
        snprintf(name, sizeof(name), "%s/%d", (const char *)source->entry->argument, source->subject.number);
    else
        snprintf(name, sizeof(name), "%s", source->entry->path);
    int fd = proc_subject_open(source, name, flags);
    if (fd < 0)
        return fd;
    *ret_fd = fd;
    return 0;
}

static bool is_present(const struct synth_source *source)
{
    auto_close int fd = proc_subject_open(source, source->entry->path, O_PATH);
    return fd >= 0;
}

/* ptrace(2), "Ptrace access mode checking"; a process may always look at itself. While a program is being started its memory is the new
 * one's already, its credentials are still the old ones. */
static int check_access(const struct synth_source *source)
{
    const struct task *task = proc_subject_task(source);
    if (task == NULL)
        return -ENOENT;
    if (source->who == NULL)
        return -EACCES;
    if (source->who->task != NULL && source->who->task->process == task->process)
        return 0;
    if (task->process->executing) {
        process_wait_for_exec(task->process);
        task = proc_subject_task(source);
        if (task == NULL)
            return -ENOENT;
    }
    bool dumpable = task->process->context->dumpable;
    return cred_may_ptrace(source->who->cred, task_cred(task), dumpable, true) ? 0 : -EACCES;
}

/* As ptrace would have it; without waiting for an exec, which only makes it stricter. */
static bool may_trace(const struct synth_source *source)
{
    const struct task *task = proc_subject_task(source);
    if (task == NULL || source->who->task == NULL)
        return task != NULL;
    return source->who->task->process == task->process ||
           cred_may_ptrace(source->who->cred, task_cred(task), task->process->context->dumpable, true);
}

bool proc_is_kept(const struct synth_source *source, enum boot_hide least)
{
    const struct sentry *sentry = source->sentry;
    if (sentry->proc_hide < least || source->who == NULL)
        return false;
    if (sentry->proc_hide != BOOT_HIDE_UNTRACEABLE && cred_in_group(source->who->cred, sentry->proc_hide_gid))
        return false;
    return !may_trace(source);
}

static int hides(const struct synth_source *source, bool looks)
{
    if (!proc_is_kept(source, looks ? BOOT_HIDE_ALL : BOOT_HIDE_CONTENT))
        return 0;
    return looks || source->sentry->proc_hide == BOOT_HIDE_ALL ? -ENOENT : -EPERM;
}

/* proc(5): the effective ids, or root where the process may not be looked into; open folders always the ids. */
static int owner_of(const struct synth_source *source, uid_t *ret_uid, gid_t *ret_gid)
{
    const struct task *task = proc_subject_task(source);
    if (task == NULL)
        return -ESRCH;
    const struct cred *cred = task_cred(task);
    bool open_folder = source->entry->means == SYNTH_DIRECTORY && source->entry->mode == 0555;
    bool shown = open_folder || task->process->context->dumpable;
    *ret_uid = shown ? cred->euid : 0;
    *ret_gid = shown ? cred->egid : 0;
    return 0;
}

static void prepare(struct synth_source *source)
{
    const struct task *task = source->subject.vpid != 0 ? proc_subject_task(source) : NULL;
    if (task == NULL)
        return;
    const struct cred *cred = task_cred(task);
    const uint32_t ids[] = {cred->ruid, cred->euid, cred->suid, cred->fsuid,
                            cred->rgid, cred->egid, cred->sgid, cred->fsgid};
    memcpy(source->ids, ids, sizeof(source->ids));
}

/* In /proc root may open for writing what cannot be written; not so the values of sysctl. */
static int write_error(const struct synth_source *source)
{
    if (strncmp(source->entry->path, "sys/", 4) == 0)
        return 0;
    return source->subject.vpid != 0 ? -EINVAL : -EIO;
}

static struct synth_tree proc_tree = {.tables = {proc_system_table, proc_sys_table, proc_sysvipc_table, proc_root_table}};

static const struct synth_filesystem proc_filesystem = {
    .name = "proc",
    .tree = &proc_tree,
    .magic = PROC_SUPER_MAGIC,
    .device_minor = SYNTH_DEVICE_PROC,
    .open_real = open_real,
    .present = is_present,
    .check = check_access,
    .hides = hides,
    .owner = owner_of,
    .write_error = write_error,
    .prepare = prepare,
};

pid_t proc_folder_process(const struct dentry *dentry)
{
    if (dentry->inode == NULL || strcmp(dentry->filesystem->name, proc_filesystem.name) != 0)
        return 0;
    const struct synth_object *object = synth_object_of(dentry);
    bool folder = object->node->parent == NULL && object->node->entry->means == SYNTH_DIRECTORY;
    return folder && object->subject.vtid == 0 ? object->subject.vpid : 0;
}

/* Several mounts of it are one here; the strictest counts. */
static void take_options(struct sentry *sentry)
{
    for (uint32_t i = 0; i < sentry->boot->mount_count; i++) {
        const struct boot_mount *mount = &sentry->boot->mounts[i];
        if (mount->kind != BOOT_MOUNT_PROC || mount->hide <= sentry->proc_hide)
            continue;
        sentry->proc_hide = mount->hide;
        sentry->proc_hide_gid = mount->hide_gid;
    }
}

int procfs_mount(struct sentry *sentry, const char *path)
{
    take_options(sentry);
    return synthfs_mount(sentry, &proc_filesystem, path);
}
