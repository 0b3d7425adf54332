/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/state/process_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/cleanup.h"

enum { STAT_TEXT_MAX = 2048, FIELD_STATE = 3, FIELD_START = 22, FIELD_MEMORY = 23 };

struct process_stat {
    char state;
    uint64_t start, memory;
};

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

static int read_stat(pid_t pid, struct process_stat *ret_stat)
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

    const char *state = stat_field(text, FIELD_STATE), *start = stat_field(text, FIELD_START),
               *memory = stat_field(text, FIELD_MEMORY);
    if (state == NULL || start == NULL || memory == NULL)
        return -EIO;
    *ret_stat = (struct process_stat){*state, strtoull(start, NULL, 10), strtoull(memory, NULL, 10)};
    return 0;
}

/* A process whose first thread has ended is a zombie only when its other threads have too: its descriptor knows. One that
 * has given back its memory can do nothing any more: it is on its way out and may be held up there, as the init of a pid
 * namespace is until others have reaped all who were in it. */
static bool has_ended(int pidfd, const struct process_stat *stat)
{
    struct pollfd entry = {.fd = pidfd, .events = POLLIN};
    if (stat->state == 'Z' || stat->state == 'X')
        return poll(&entry, 1, 0) != 0;
    return stat->memory == 0;
}

/* Asked after the descriptor was opened: were that another process's, the other's start would be found here too. */
static int open_live(pid_t pid, struct process_stat *ret_stat)
{
    auto_close int fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    if (pid <= 0 || (fd < 0 && errno == EINVAL))
        return -ESRCH;
    if (fd < 0)
        return -errno;
    int result = read_stat(pid, ret_stat);
    if (result < 0)
        return result;
    return has_ended(fd, ret_stat) ? -ESRCH : take_fd(&fd);
}

void read_boot_id(char boot_id[BOOT_ID_MAX])
{
    auto_close int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, boot_id, BOOT_ID_MAX - 1) : 0;
    boot_id[size > 0 ? size : 0] = '\0';
    boot_id[strcspn(boot_id, "\n")] = '\0';
}

int process_mark_take(pid_t pid, struct process_mark *ret_mark)
{
    struct process_stat stat;
    auto_close int fd = open_live(pid, &stat);
    if (fd < 0)
        return fd;
    *ret_mark = (struct process_mark){.pid = pid, .start = stat.start};
    return 0;
}

int process_mark_open(const struct process_mark *mark)
{
    struct process_stat stat;
    auto_close int fd = open_live(mark->pid, &stat);
    if (fd < 0)
        return fd;
    return stat.start == mark->start ? take_fd(&fd) : -ESRCH;
}

bool process_mark_is_zombie(const struct process_mark *mark)
{
    struct process_stat stat;
    return read_stat(mark->pid, &stat) == 0 && stat.start == mark->start && (stat.state == 'Z' || stat.state == 'X');
}
