/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gofer's loop: takes a request, holds it against the table of operations, runs its handler, replies. A handler
 * sees only requests whose frame, strings, flags and descriptors have been checked. Each connection has a thread; what they
 * share never changes, but for what says so.
 */
#ifndef GOFER_SERVER_H
#define GOFER_SERVER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "postern/gofer_protocol.h"

enum { EXCHANGE_FDS_MAX = 2 };

/* Where things are. Borrowed. */
struct server {
    int socket;            /* to the sentry: the connection that is there from the start */
    int root;              /* the container's root */
    int hidden;            /* private tmpfs, or -1 */
    int self;              /* our /proc/self/fd, and the working directory: "7" names descriptor 7 */
    int mounts;            /* our /proc/self/mountinfo */
    int fuse;              /* root of the sentry's FUSE mount, or -1 */
    int queues;            /* the message queues, or -1 */
    uid_t label_uid;       /* the first of the labels (postern/mark.h); 0: there are none */
    gid_t label_gid;
    pid_t pid;             /* our own */
    bool ranks;            /* we have CAP_SYS_NICE, for the guest's threads */
    atomic_uint_fast64_t hidden_count; /* numbers the hidden directories */
};

/* A connection. */
struct line {
    struct server *server;
    int socket;      /* requests and replies */
    int descriptors; /* what replies carry; -1: they come with the reply itself */
    struct gofer_request_message request;
    struct gofer_reply_message reply;
};

/* One request on its way through a handler. */
struct exchange {
    struct server *server;
    const struct gofer_request *request;
    const char *first, *second; /* NULL if absent */
    const void *data;
    int fd; /* came with the request, or -1; closed behind the handler */
    int second_fd; /* likewise */
    struct gofer_reply *reply;
    char *out;  /* reply payload, GOFER_DATA_MAX bytes; say in reply->data_size how many are used */
    int out_fd; /* goes with the reply, or -1; closed once sent */
};

/* Makes `self` the working directory. Returns 0 or -errno. */
int server_init(struct server *server);

/* Serves the connection from the start until the sentry hangs up (0) or breaks the protocol's framing (-EPROTO, -EMSGSIZE) or the
 * socket fails. */
int server_run(struct server *server);

/* The same for a line. */
int line_serve(struct line *line);

typedef int operation_fn(struct exchange *exchange);
operation_fn op_walk, op_getattr, op_setattr, op_open, op_reopen, op_mkdir, op_mknod, op_symlink, op_link, op_unlink,
    op_rename, op_statfs, op_getxattr, op_setxattr, op_listxattr, op_removexattr, op_sync, op_bind, op_connect,
    op_send, op_inotify_add, op_hidden_directory, op_fuse_open, op_line, op_queue_find, op_queue_make, op_queue_unlink,
    op_rank, op_list;

#endif
