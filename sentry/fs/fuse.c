/* SPDX-License-Identifier: Apache-2.0 */
/* The thread at /dev/fuse, and the main thread's way to open a live file. The rules are in fuse.h. */
#include "sentry/fs/fuse.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/fs/fuse_private.h"
#include "sentry/fs/gofer_client.h"
#include "sentry/kernel/fair.h"
#include "sentry/sentry.h"

CONFINE_ALLOW(read, "requests of FUSE");
CONFINE_ALLOW(poll, "requests of FUSE");
CONFINE_ALLOW(fcntl, "whether to wait for requests of FUSE");
CONFINE_ALLOW(writev, "answers to FUSE");
CONFINE_ALLOW(futex, "the table of live files");
CONFINE_ALLOW(statx, "which mount a live file is on");

enum { FUSE_STACK_SIZE = 128 << 10, FUSE_KEPT_MAX = 4 << 20 };

/* A request that waits for its turn. */
struct kept {
    struct fair_item item;
    size_t size;
    _Alignas(16) char bytes[]; /* size, and one that can be written */
};

struct fuse_server {
    struct sentry *sentry;
    int fd;
    pthread_barrier_t started;
    struct fuse_nodes nodes;
    struct fair_queue waiting;
    size_t kept; /* bytes that wait there */
    _Alignas(16) char buffer[FUSE_BUFFER_SIZE];
};

static void send_reply(const struct fuse_server *server, const struct fuse_reply *reply)
{
    const struct iovec parts[] = {
        {.iov_base = (void *)&reply->header, .iov_len = sizeof(reply->header)},
        {.iov_base = reply->data != NULL ? (void *)reply->data : (void *)&reply->body, .iov_len = reply->size},
    };
    /* ENOENT: the asker was killed meanwhile. Nothing else can be done about any failure: the asker's
     * request stays open until the mount goes away with the sandbox. */
    (void)!writev(server->fd, parts, reply->size > 0 ? 2 : 1);
}

static void serve_frame(struct fuse_server *server, char *frame, size_t size)
{
    struct fuse_reply reply;
    if (!fuse_handle_frame(&server->nodes, frame, size, &reply))
        sentry_die(server->sentry, "the kernel sent what is no request for a live file");
    if (reply.wanted)
        send_reply(server, &reply);
}

/* The size of a request in the buffer, or 0: there is none just now. One byte is kept back for the NUL that ends the last argument. */
static size_t receive(struct fuse_server *server)
{
    ssize_t size = read(server->fd, server->buffer, sizeof(server->buffer) - 1);
    if (size > 0)
        return (size_t)size;
    if (size == 0 || (errno != EINTR && errno != EAGAIN && errno != ENOENT)) /* ENODEV: unmounted; the sandbox is ending */
        sentry_die(server->sentry, "the mount of live files is gone: the gofer died");
    return 0;
}

static bool more_wait(const struct fuse_server *server)
{
    struct pollfd device = {.fd = server->fd, .events = POLLIN};
    return poll(&device, 1, 0) > 0;
}

/* False: memory is out. */
static bool keep(struct fuse_server *server, size_t size)
{
    struct kept *kept = malloc(sizeof(*kept) + size + 1);
    if (kept == NULL)
        return false;
    kept->size = size;
    memcpy(kept->bytes, server->buffer, size);
    if (fair_add(&server->waiting, &kept->item, fuse_frame_user(&server->nodes, kept->bytes, size)) < 0) {
        free(kept);
        return false;
    }
    server->kept += size;
    return true;
}

/* A request that poll tells of may be taken back before it is read. */
static void wait_in_read(const struct fuse_server *server, bool wait)
{
    int flags = fcntl(server->fd, F_GETFL);
    if (flags >= 0)
        (void)fcntl(server->fd, F_SETFL, wait ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

/* As long as several wait the users whose files they are of take turns: one who reads without end lets others wait for one
 * reading of his at a time, not for all. */
static void serve_by_turns(struct fuse_server *server)
{
    struct fair_item *item;
    wait_in_read(server, false);
    while ((item = fair_take(&server->waiting, NULL)) != NULL) {
        struct kept *kept = (struct kept *)((char *)item - offsetof(struct kept, item));
        serve_frame(server, kept->bytes, kept->size);
        server->kept -= kept->size;
        fair_done(&server->waiting, item);
        free(kept);
        while (server->kept < FUSE_KEPT_MAX && more_wait(server)) {
            size_t size = receive(server);
            if (size > 0 && !keep(server, size))
                serve_frame(server, server->buffer, size);
        }
    }
    wait_in_read(server, true);
}

static void *serve(void *data) __attribute__((noreturn));
static void *serve(void *data)
{
    struct fuse_server *server = data;
    (void)pthread_barrier_wait(&server->started);
    for (;;) {
        size_t size = receive(server);
        if (size == 0)
            continue;
        if (more_wait(server) && keep(server, size))
            serve_by_turns(server);
        else
            serve_frame(server, server->buffer, size);
    }
}

/* The thread must not take a signal meant for the main thread's loop. It has started when this returns: what libc does
 * on a thread's first steps is not allowed later (confine.c). */
static int start_thread(struct fuse_server *server)
{
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0)
        return -ENOMEM;
    (void)pthread_attr_setstacksize(&attributes, FUSE_STACK_SIZE);
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    int result = pthread_create(&thread, &attributes, serve, server);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (result == 0)
        (void)pthread_barrier_wait(&server->started);
    return -result;
}

struct fuse_server *fuse_new(struct sentry *sentry, int fd)
{
    struct fuse_server *server = calloc(1, sizeof(*server));
    if (server == NULL)
        return NULL;
    server->sentry = sentry;
    server->fd = fd;
    wait_in_read(server, true);
    (void)pthread_barrier_init(&server->started, NULL, 2);
    fuse_nodes_init(&server->nodes);
    int status = start_thread(server);
    if (status < 0) {
        fuse_nodes_destroy(&server->nodes);
        free(server);
        errno = -status;
        return NULL;
    }
    return server;
}

/* Remembers which mount our nodes are on, to know them again behind a guest's descriptor. */
static void note_mount(struct fuse_server *server, int fd)
{
    struct statx attributes;
    if (server->nodes.mount_id == 0 && statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &attributes) == 0)
        server->nodes.mount_id = attributes.stx_mnt_id;
}

int fuse_open_node(struct fuse_server *server, struct sentry *sentry, const struct fuse_node_spec *spec, uid_t user, int *ret_fd)
{
    int64_t number = fuse_node_register(&server->nodes, spec, user);
    if (number < 0)
        return (int)number;
    auto_close int fd = -1;
    int flags = spec->access | O_CLOEXEC | (S_ISDIR(spec->mode) ? O_DIRECTORY : 0);
    int result = gofer_fuse_open(sentry->gofer, (uint64_t)number, flags, &fd);
    if (result >= 0)
        note_mount(server, fd);
    fuse_node_registered(&server->nodes, (uint64_t)number);
    if (result < 0)
        return result;
    *ret_fd = take_fd(&fd);
    return 0;
}

bool fuse_describe(struct fuse_server *server, uint64_t mount_id, uint64_t ino, struct fuse_node_spec *ret_spec)
{
    return server->nodes.mount_id != 0 && server->nodes.mount_id == mount_id &&
           fuse_node_find(&server->nodes, ino, ret_spec);
}
