/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a FIFO waits for the other side (fifo(7)). The gofer opens without waiting, and the call is parked until the
 * kernel's own pipe says that the other side is there:
 *
 * - a writer: an open for writing fails with ENXIO while nobody reads, so it is tried again;
 * - a reader holds its end open from the start (so that a waiting writer finds it) and asks tee(2), which takes
 *   nothing out: 0 means nobody ever wrote, EAGAIN that there is a writer but no data. A writer that came and went
 *   shows as POLLHUP.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/platform/platform.h"
#include "sentry/platform/unlocked.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/file.h"

CONFINE_ALLOW(pipe2, "a place for tee to put what a FIFO holds");
CONFINE_ALLOW(tee, "does a FIFO have a writer?");

struct waiting {
    struct dentry *dentry; /* the FIFO, owned; or NULL, and it is */
    int source;            /* behind this descriptor, owned */
    int fd;                /* the reading end, or -1 while waiting to write */
    int flags;
};

static void waiting_release(struct waiting *waiting)
{
    waiting->dentry = dentry_put(waiting->dentry);
    cleanup_close(&waiting->source);
    cleanup_close(&waiting->fd);
    waiting->source = waiting->fd = -1;
}

static void waiting_free(void *state)
{
    waiting_release(state);
    free(state);
}

/* Without waiting: -ENXIO if it is to be written to and nobody reads. The descriptor is as the guest wished it. */
static int open_fifo(const struct vfs_who *who, struct waiting *waiting)
{
    if (waiting->dentry != NULL) {
        const struct open_request request = {.who = who, .flags = waiting->flags};
        return waiting->dentry->filesystem->open(who->sentry->vfs, waiting->dentry, &request, &waiting->fd);
    }
    int fd = unlocked_reopen(who->sentry, waiting->source, waiting->flags | O_NONBLOCK);
    if (fd == -EACCES) { /* another user's on the host: the same description will do */
        waiting->fd = fcntl(waiting->source, F_DUPFD_CLOEXEC, 0);
        return waiting->fd < 0 ? -errno : 0;
    }
    if (fd < 0)
        return fd;
    waiting->fd = fd;
    return fcntl(fd, F_SETFL, waiting->flags & ~(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC)) < 0 ? -errno : 0;
}

static bool has_writer(int fd)
{
    struct pollfd event = {.fd = fd, .events = POLLIN};
    if (poll(&event, 1, 0) > 0 && event.revents != 0)
        return true;

    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return false;
    ssize_t copied = tee(fd, ends[1], 1, SPLICE_F_NONBLOCK);
    bool writer = copied > 0 || (copied < 0 && errno == EAGAIN);
    (void)close(ends[0]);
    (void)close(ends[1]);
    return writer;
}

/* Frees the state. No copy is left when the guest goes on: who reads until the last writer is gone would count it. */
static int64_t answer(struct call *call, struct waiting *waiting)
{
    auto_close int fd = take_fd(&waiting->fd);
    bool close_on_exec = (waiting->flags & O_CLOEXEC) != 0;
    waiting_free(waiting);
    return call_give_fd(call, &fd, close_on_exec);
}

static int64_t poll_reader(struct call *call, void *state)
{
    struct waiting *waiting = state;
    return has_writer(waiting->fd) ? answer(call, waiting) : CALL_PENDING;
}

static int64_t poll_writer(struct call *call, void *state)
{
    struct waiting *waiting = state;
    struct vfs_who who;
    vfs_who_from_call(call, &who);
    int error = open_fifo(&who, waiting);
    vfs_attempt_end(false);
    if (error == -ENXIO || error == -ESTALE)
        return CALL_PENDING;
    if (error == 0)
        return answer(call, waiting);
    waiting_free(waiting);
    return error;
}

/* Takes *start over. */
static int64_t begin(struct call *call, const struct vfs_who *who, struct waiting *start)
{
    int error = open_fifo(who, start);
    int mode = start->flags & O_ACCMODE;
    bool may_wait = (start->flags & O_NONBLOCK) == 0;
    bool wait_for_reader = error == -ENXIO && mode == O_WRONLY && may_wait;
    struct waiting *waiting = error < 0 && !wait_for_reader ? NULL : malloc(sizeof(*waiting));
    if (waiting == NULL) {
        waiting_release(start);
        return error < 0 ? error : -ENOMEM;
    }
    *waiting = *start;
    bool wait_for_writer = !wait_for_reader && mode == O_RDONLY && may_wait && !has_writer(waiting->fd);
    if (!wait_for_reader && !wait_for_writer) {
        platform_wake_parked(call->sentry->platform); /* the other side may be waiting for this one */
        return answer(call, waiting);
    }
    const struct parked parked = {
        .poll = wait_for_reader ? poll_writer : poll_reader,
        .cancel = waiting_free,
        .state = waiting,
        .interrupted = -ERESTARTSYS,
        .refused = -ENFILE,
    };
    return call_park(call, &parked);
}

int64_t fifo_open(struct call *call, struct dentry *dentry, const struct open_request *request)
{
    struct waiting start = {.dentry = dentry_get(dentry), .source = -1, .fd = -1, .flags = request->flags};
    return begin(call, request->who, &start);
}

int64_t fifo_reopen(struct call *call, const struct vfs_who *who, int source, int flags)
{
    struct waiting start = {.source = source, .fd = -1, .flags = flags};
    return begin(call, who, &start);
}
