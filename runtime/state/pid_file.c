/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/state/pid_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"

int pid_file_write(const char *path, pid_t pid, struct error *error)
{
    char temporary[PATH_MAX];
    int length = snprintf(temporary, sizeof(temporary), "%s.%d.tmp", path, (int)getpid());
    if (length < 0 || (size_t)length >= sizeof(temporary))
        return error_set(error, ENAMETOOLONG, "cannot write %s", path);

    auto_close int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return error_set(error, errno, "cannot write %s", path);
    if (dprintf(fd, "%d", (int)pid) < 0 || rename(temporary, path) < 0) {
        int code = errno;
        (void)unlink(temporary);
        return error_set(error, code, "cannot write %s", path);
    }
    return 0;
}
