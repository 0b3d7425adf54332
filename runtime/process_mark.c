/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a process we knew is still that process: its pid alone does not say, the time it was started does. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "runtime/container.h"

enum { STAT_TEXT_MAX = 2048, FIELD_STATE = 3, FIELD_START = 22 };

/* Field number `wanted` of a /proc/PID/stat, counted from 1 as proc(5) does. The name of the command, field 2, may hold
 * blanks and parentheses of its own: what counts begins after the last one. */
static const char *stat_field(const char *text, int wanted)
{
    const char *rest = strrchr(text, ')');
    for (int field = FIELD_STATE - 1; rest != NULL && field < wanted; field++) {
        rest = strchr(rest, ' ');
        rest = rest != NULL ? rest + 1 : NULL;
    }
    return rest;
}

/* When the process was started; -ESRCH if it is gone or only waits to be reaped. */
static int read_start(pid_t pid, uint64_t *ret_start)
{
    char path[32], text[STAT_TEXT_MAX];
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? -ESRCH : -errno;
    ssize_t size = read(fd, text, sizeof(text) - 1);
    if (size < 0)
        return -errno;
    text[size] = '\0';

    const char *state = stat_field(text, FIELD_STATE), *start = stat_field(text, FIELD_START);
    if (state == NULL || start == NULL)
        return -EIO;
    if (*state == 'Z' || *state == 'X')
        return -ESRCH;
    *ret_start = strtoull(start, NULL, 10);
    return 0;
}

int process_mark_take(pid_t pid, struct process_mark *ret_mark)
{
    uint64_t start;
    int result = pid > 0 ? read_start(pid, &start) : -ESRCH;
    if (result < 0)
        return result;
    *ret_mark = (struct process_mark){.pid = pid, .start = start};
    return 0;
}

int process_mark_open(const struct process_mark *mark)
{
    if (mark->pid <= 0)
        return -ESRCH;
    auto_close int fd = (int)syscall(SYS_pidfd_open, mark->pid, 0);
    if (fd < 0)
        return errno == EINVAL ? -ESRCH : -errno;

    /* Asked after the descriptor was opened: were it another process's, that one's start would be found here too. */
    uint64_t start;
    int result = read_start(mark->pid, &start);
    if (result < 0)
        return result;
    return start == mark->start ? take_fd(&fd) : -ESRCH;
}
