/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/platform/unlocked.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "postern/boot.h"
#include "postern/confine.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"

CONFINE_ALLOW_IF(openat, 0, UINT32_MAX, SENTRY_FD_PROC_OUTER, "what we hold a descriptor of, once more, by our own /proc/self/fd");
CONFINE_ALLOW(statx, "attributes of what we hold a descriptor of, and of names in it");
CONFINE_ALLOW(fstatfs, "file systems of objects the guest made itself");
CONFINE_ALLOW(pread64, "heads of programs");
CONFINE_ALLOW(lseek, "the position in directories");

int unlocked_reopen(const struct sentry *sentry, int fd, int flags)
{
    char path[32];
    (void)snprintf(path, sizeof(path), "self/fd/%d", fd);
    bool paused = state_pause();
    int opened = openat(sentry->proc_outer, path, flags | O_CLOEXEC | O_NOCTTY);
    if (opened < 0)
        opened = -errno;
    state_resume(paused);
    return opened;
}

int unlocked_statx(int fd, unsigned int mask, struct statx *ret_attributes)
{
    bool paused = state_pause();
    int error = statx(fd, "", AT_EMPTY_PATH, mask, ret_attributes) < 0 ? -errno : 0;
    state_resume(paused);
    return error;
}

int unlocked_statx_below(int folder, const char *name, unsigned int mask, struct statx *ret_attributes)
{
    bool paused = state_pause();
    int error = statx(folder, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, mask, ret_attributes) < 0 ? -errno : 0;
    state_resume(paused);
    return error;
}

int unlocked_statfs(int fd, struct statfs *ret_statfs)
{
    bool paused = state_pause();
    int error = fstatfs(fd, ret_statfs) < 0 ? -errno : 0;
    state_resume(paused);
    return error;
}

off_t unlocked_seek(int fd, off_t offset, int whence)
{
    bool paused = state_pause();
    off_t position = lseek(fd, offset, whence);
    if (position < 0)
        position = -errno;
    state_resume(paused);
    return position;
}

ssize_t unlocked_pread(int fd, void *buffer, size_t size, off_t offset)
{
    bool paused = state_pause();
    ssize_t got = pread(fd, buffer, size, offset);
    if (got < 0)
        got = -errno;
    state_resume(paused);
    return got;
}
