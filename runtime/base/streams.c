/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "postern/cleanup.h"

static bool is_writable(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_PATH) == 0 && (flags & O_ACCMODE) != O_RDONLY;
}

int streams_let_go(int errors)
{
    auto_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return -errno;
    const int wanted[] = {null, null, errors >= 0 && is_writable(errors) ? errors : null};
    int status = 0;
    for (int i = 0; i < 3 && status == 0; i++)
        status = wanted[i] != i && dup2(wanted[i], i) < 0 ? -errno : 0;
    return status;
}
