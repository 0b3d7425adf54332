/* SPDX-License-Identifier: Apache-2.0 */
/* One more connection, served by a thread of its own. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gofer/server.h"
#include "postern/cleanup.h"
#include "postern/confine.h"
#include "postern/thread.h"

/* Lines have numbers of their own, so that nothing else can be written to or read from. */
enum { LINE_FD_FIRST = 512, LINE_FD_COUNT = 512, STACK_SIZE = 128 << 10 };

CONFINE_ALLOW_IF(recvmsg, 0, UINT32_MAX - (LINE_FD_COUNT - 1), LINE_FD_FIRST, "requests on a line");
CONFINE_ALLOW_IF(sendmsg, 0, UINT32_MAX - (LINE_FD_COUNT - 1), LINE_FD_FIRST, "replies on a line");
CONFINE_ALLOW(brk, "memory of a line");
CONFINE_ALLOW_IF(unshare, 0, UINT32_MAX, CLONE_FS, "a thread's own umask and working directory");

static void line_free(struct line *line)
{
    cleanup_close(&line->socket);
    cleanup_close(&line->descriptors);
    free(line);
}

/* A sentry that breaks the rules on one line is not served on the others. */
static void *serve(void *data)
{
    struct line *line = data;
    int status = unshare(CLONE_FS) < 0 ? -errno : line_serve(line);
    if (status < 0) {
        (void)dprintf(STDERR_FILENO, "postern-gofer: a line of the sentry's: %s\n", strerror(-status));
        _exit(EXIT_FAILURE);
    }
    line_free(line);
    return NULL;
}

static int line_fd(int fd)
{
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, LINE_FD_FIRST);
    if (moved < LINE_FD_FIRST + LINE_FD_COUNT)
        return moved < 0 ? -errno : moved;
    (void)close(moved);
    return -EMFILE;
}

int op_line(struct exchange *exchange)
{
    struct line *line = calloc(1, sizeof(*line));
    if (line == NULL)
        return -ENOMEM;
    line->server = exchange->server;
    line->descriptors = -1;
    line->socket = line_fd(exchange->fd);
    int status = line->socket;
    if (status >= 0)
        status = line->descriptors = line_fd(exchange->second_fd);
    if (status >= 0)
        status = thread_start(serve, line, STACK_SIZE);
    if (status < 0)
        line_free(line);
    return status < 0 ? status : 0;
}
