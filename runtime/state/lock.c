/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/state/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "runtime/base/await.h"
#include "runtime/state/process_mark.h"

enum { SIGNATURE_MAX = 128 };

/* A full disk shall not stop a command whose file is there already: so it is opened for reading, and made only where it must be. */
static int open_file(int folder, const char *name)
{
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        fd = openat(folder, name, O_RDONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    return fd >= 0 ? fd : -errno;
}

/* Without a name in it, on a full disk, a lock is as good as with. */
static void sign(int folder, const char *name)
{
    struct process_mark mark;
    char boot_id[BOOT_ID_MAX];
    auto_close int fd = openat(folder, name, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || process_mark_take(getpid(), &mark) < 0)
        return;
    read_boot_id(boot_id);
    (void)dprintf(fd, "%d %" PRIu64 " %s\n", (int)mark.pid, mark.start, boot_id);
}

int lock_take(int folder, const char *name, int patience_ms)
{
    struct stat status;
    auto_close int fd = open_file(folder, name);
    if (fd < 0)
        return fd;
    int result = await_lock(fd, patience_ms);
    if (result < 0)
        return result;
    /* Who held it may have removed all of it meanwhile. */
    if (fstat(fd, &status) < 0)
        return -errno;
    if (status.st_nlink == 0)
        return -ENOENT;
    sign(folder, name);
    return take_fd(&fd);
}

bool lock_is_held(int folder, const char *name)
{
    auto_close int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

void lock_touch(int folder, const char *name)
{
    (void)utimensat(folder, name, NULL, AT_SYMLINK_NOFOLLOW);
}

bool lock_holder(int folder, const char *name, struct process_mark *ret_holder)
{
    char text[SIGNATURE_MAX], then[BOOT_ID_MAX], now[BOOT_ID_MAX];
    struct process_mark mark;
    auto_close int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
    text[size > 0 ? size : 0] = '\0';
    if (sscanf(text, "%d %" SCNu64 " %39s", &mark.pid, &mark.start, then) != 3)
        return false;
    read_boot_id(now);
    if (strcmp(then, now) != 0)
        return false;
    *ret_holder = mark;
    return true;
}
