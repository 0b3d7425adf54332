/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a mount of the guest's is used by open files: each says by its mark through which it was opened (vfs/guest_place.c). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/fs/procfs.h"
#include "sentry/kernel/process.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/mount_private.h"

CONFINE_ALLOW_IF(readlinkat, 0, UINT32_MAX, SENTRY_FD_PROC_INNER, "has somebody a file open on a mount of the guest's");
CONFINE_ALLOW(pidfd_getfd, "has somebody a file open on a mount of the guest's");

enum { MARK_OF_OTHERS = 64 }; /* of those that came when none was left */

struct search {
    const struct sentry *sentry;
    int mark;
    bool writers; /* only those that may write */
    char top[VFS_PATH_MAX]; /* the host's path of what is mounted */
    size_t length;
};

/* By its path it may be; that is cheap to ask of all there are. */
static bool may_be(const struct search *search, const struct process *process, int number)
{
    char name[64], path[VFS_PATH_MAX];
    (void)snprintf(name, sizeof(name), "%d/fd/%d", process->vpid, number);
    ssize_t length = readlinkat(search->sentry->proc_inner, name, path, sizeof(path));
    return length >= (ssize_t)search->length && memcmp(path, search->top, search->length) == 0;
}

static int is_open(const struct search *search, const struct process *process, int number)
{
    auto_close_unlocked int fd = (int)syscall(SYS_pidfd_getfd, process->pidfd, number, 0);
    return fd >= 0 && fcntl(fd, F_GETSIG) == search->mark &&
           (!search->writers || (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY);
}

static int has_open(struct process *process, void *data)
{
    const struct search *search = data;
    char folder[32];
    auto_free int *numbers = NULL;
    size_t count = 0;
    (void)snprintf(folder, sizeof(folder), "%d/fd", process->vpid);
    if (proc_list_numbers(search->sentry, folder, &numbers, &count) < 0)
        return 0;
    int found = 0;
    (void)process_get(process); /* the lock is let go of for each close */
    for (size_t i = 0; i < count && found == 0; i++)
        if (may_be(search, process, numbers[i]))
            found = is_open(search, process, numbers[i]);
    process_put(process);
    return found;
}

bool mount_has_open_files(struct call *call, const struct guest_mount *mount, bool writers)
{
    struct search search = {.sentry = call->sentry, .mark = mount->mark != 0 ? mount->mark : MARK_OF_OTHERS, .writers = writers, .top = "/"};
    ssize_t length = dentry_relative_path(mount->top, search.top + 1, sizeof(search.top) - 1);
    if (length < 0)
        return true;
    search.length = length > 0 ? (size_t)length + 1 : 0;
    return process_for_each(call->sentry->processes, has_open, &search) != 0;
}
