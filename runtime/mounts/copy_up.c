/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mounts/copy_up.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postern/cleanup.h"

enum { DEPTH_MAX = 64 };

static int copy_folder(int from, int to, unsigned int depth);

int copy_content(int from, int to)
{
    ssize_t moved;
    do
        moved = sendfile(to, from, NULL, 1 << 20);
    while (moved > 0);
    return moved < 0 ? -errno : 0;
}

/* Opened without waiting: what was a file a moment ago may be a FIFO now. */
static int copy_file(int from, const char *name, int to)
{
    auto_close int source = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (source < 0)
        return -errno;
    auto_close int copy = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (copy < 0)
        return -errno;
    return copy_content(source, copy);
}

static int copy_link(int from, const char *name, int to)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(from, name, target, sizeof(target) - 1);
    if (length < 0)
        return -errno;
    target[length] = '\0';
    return symlinkat(target, to, name) < 0 ? -errno : 0;
}

static int copy_subfolder(int from, const char *name, int to, unsigned int depth)
{
    auto_close int source = openat(from, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (source < 0 || mkdirat(to, name, 0700) < 0)
        return -errno;
    auto_close int copy = openat(to, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return copy < 0 ? -errno : copy_folder(source, copy, depth + 1);
}

/* Owner first: it takes set-id bits away, which the mode then brings back. */
static int copy_attributes(int to, const char *name, const struct stat *status)
{
    if (fchownat(to, name, status->st_uid, status->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (!S_ISLNK(status->st_mode) && fchmodat(to, name, status->st_mode & 07777, 0) < 0)
        return -errno;
    const struct timespec times[2] = {status->st_atim, status->st_mtim};
    return utimensat(to, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int copy_one(int from, const char *name, int to, dev_t device, unsigned int depth)
{
    struct stat status;
    if (fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (status.st_dev != device)
        return 0;
    int result;
    if (S_ISDIR(status.st_mode))
        result = copy_subfolder(from, name, to, depth);
    else if (S_ISREG(status.st_mode))
        result = copy_file(from, name, to);
    else if (S_ISLNK(status.st_mode))
        result = copy_link(from, name, to);
    else
        result = mknodat(to, name, status.st_mode, status.st_rdev) < 0 ? -errno : 0;
    return result < 0 ? result : copy_attributes(to, name, &status);
}

static int copy_folder(int from, int to, unsigned int depth)
{
    struct stat status;
    int readable = depth > DEPTH_MAX ? -1 : openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (readable < 0)
        return depth > DEPTH_MAX ? -ELOOP : -errno;
    auto_closedir DIR *folder = fdopendir(readable);
    if (folder == NULL || fstat(readable, &status) < 0)
        return -errno;

    int result = 0;
    for (const struct dirent *entry; result == 0 && (entry = readdir(folder)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            result = copy_one(from, entry->d_name, to, status.st_dev, depth);
    }
    return result;
}

int copy_up(int from, int to)
{
    return copy_folder(from, to, 0);
}
