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
#include "sentry/fs/gofer_client.h"
#include "sentry/platform/platform.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/file.h"

CONFINE_ALLOW(pipe2, "a place for tee to put what a FIFO holds");
CONFINE_ALLOW(tee, "does a FIFO have a writer?");

struct waiting {
    struct dentry *dentry; /* owned */
    int fd;                /* the reading end, or -1 while waiting to write */
    int flags;
};

static void waiting_free(void *state)
{
    struct waiting *waiting = state;
    (void)dentry_put(waiting->dentry);
    if (waiting->fd >= 0)
        (void)close(waiting->fd);
    free(waiting);
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

/*
 * Takes fd over. No copy may be left when the guest goes on: who reads until the last writer is gone would count it. Ours
 * is closed on the way; the gofer has closed its own when it has answered one more question.
 */
static int64_t hand_over(struct call *call, int fd, int flags)
{
    auto_close int owned = fd;
    int error = gofer_getattr(call->sentry->gofer, (struct gofer_place){.path = "", .fd = -1}, NULL);
    if (error < 0)
        return error;
    return call_give_fd(call, &owned, (flags & O_CLOEXEC) != 0);
}

static int64_t answer(struct call *call, struct waiting *waiting)
{
    int64_t result = hand_over(call, take_fd(&waiting->fd), waiting->flags);
    waiting_free(waiting);
    return result;
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
    struct open_request request = {.who = &who, .flags = waiting->flags};
    int error = waiting->dentry->filesystem->open(who.sentry->vfs, waiting->dentry, &request, &waiting->fd);
    if (error == -ENXIO)
        return CALL_PENDING;
    if (error == 0)
        return answer(call, waiting);
    waiting_free(waiting);
    return error;
}

int64_t fifo_open(struct call *call, struct dentry *dentry, const struct open_request *request)
{
    auto_close int fd = -1;
    int error = dentry->filesystem->open(request->who->sentry->vfs, dentry, request, &fd);
    int mode = request->flags & O_ACCMODE;
    bool wait_for_reader = error == -ENXIO && mode == O_WRONLY && (request->flags & O_NONBLOCK) == 0;
    if (error < 0 && !wait_for_reader)
        return error;
    bool wait_for_writer =
        !wait_for_reader && mode == O_RDONLY && (request->flags & O_NONBLOCK) == 0 && !has_writer(fd);
    if (!wait_for_reader && !wait_for_writer) {
        platform_wake_parked(call->sentry->platform); /* the other side may be waiting for this one */
        return hand_over(call, take_fd(&fd), request->flags);
    }

    struct waiting *waiting = calloc(1, sizeof(*waiting));
    if (waiting == NULL)
        return -ENOMEM;
    *waiting = (struct waiting){.dentry = dentry_get(dentry), .fd = take_fd(&fd), .flags = request->flags};
    const struct parked parked = {
        .poll = wait_for_reader ? poll_writer : poll_reader,
        .cancel = waiting_free,
        .state = waiting,
        .interrupted = -ERESTARTSYS,
    };
    return call_park(call, &parked);
}
