/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POSIX message queues (mq_overview(7)): files of a file system that every ipc namespace has one of. We are in the container's, so
 * a queue is born with its owner like any file, and what /dev/mqueue shows, if it is mounted, is the same.
 */
#include <errno.h>
#include <mqueue.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gofer/object.h"
#include "gofer/owner.h"
#include "gofer/server.h"
#include "postern/cleanup.h"
#include "postern/confine.h"

CONFINE_ALLOW_IF(mq_open, 1, O_CREAT | O_EXCL, O_CREAT | O_EXCL, "makes a queue");

static int reply_queue(struct exchange *exchange, int *fd)
{
    int status = attributes_of(*fd, (struct statx *)(void *)exchange->out);
    if (status < 0)
        return status;
    exchange->reply->data_size = sizeof(struct statx);
    exchange->out_fd = take_fd(fd);
    return 0;
}

/* "" is the folder they are in. */
int op_queue_find(struct exchange *exchange)
{
    if (exchange->server->queues < 0)
        return -ENOSYS;
    if (strchr(exchange->first, '/') != NULL)
        return -EACCES;
    const char *name = exchange->first[0] != '\0' ? exchange->first : ".";
    auto_close int fd = openat(exchange->server->queues, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : reply_queue(exchange, &fd);
}

int op_queue_make(struct exchange *exchange)
{
    const struct gofer_request *request = exchange->request;
    struct mq_attr limits = {0};
    if (exchange->server->queues < 0)
        return -ENOSYS;
    if (request->data_size == sizeof(struct gofer_queue)) {
        struct gofer_queue wanted;
        memcpy(&wanted, exchange->data, sizeof(wanted));
        limits.mq_maxmsg = (long)wanted.messages;
        limits.mq_msgsize = (long)wanted.message_size;
    } else if (request->data_size != 0) {
        return -EINVAL;
    }
    (void)umask(0);
    int status = request->extra == 0 ? owner_begin(request) : 0;
    if (status < 0)
        return status;
    auto_close int fd = (int)syscall(SYS_mq_open, exchange->first, request->flags | O_CREAT | O_EXCL | O_CLOEXEC,
                                     (mode_t)request->mode, request->data_size > 0 ? &limits : NULL);
    status = fd < 0 ? -errno : 0;
    if (request->extra == 0)
        owner_end();
    return status < 0 ? status : reply_queue(exchange, &fd);
}

/* Whether it may go was said of the one with this inode number. */
int op_queue_unlink(struct exchange *exchange)
{
    struct statx attributes;
    const int queues = exchange->server->queues;
    if (queues < 0)
        return -ENOSYS;
    if (statx(queues, exchange->first, AT_SYMLINK_NOFOLLOW, STATX_INO, &attributes) < 0)
        return -errno;
    if (attributes.stx_ino != exchange->request->node)
        return -ESTALE;
    return unlinkat(queues, exchange->first, 0) < 0 ? -errno : 0;
}
