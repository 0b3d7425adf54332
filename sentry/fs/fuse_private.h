/* SPDX-License-Identifier: Apache-2.0 */
/* Between fuse.c (thread, device), fuse_nodes.c (table) and fuse_protocol.c (frames), and their tests. */
#ifndef SENTRY_FS_FUSE_PRIVATE_H
#define SENTRY_FS_FUSE_PRIVATE_H

#include <linux/fuse.h>
#include <pthread.h>

#include "sentry/fs/fuse.h"
#include "sentry/kernel/share.h"

enum {
    FUSE_NODES_MAX = 16384,    /* open live files and folders in one container */
    FUSE_HANDLES_MAX = 32768,  /* open file descriptions of them (a node can be opened again through /proc/self/fd) */
    FUSE_TEXT_MAX = 64 << 20,  /* bytes of their texts, in all */
    FUSE_WRITE_MAX = 16384,
    FUSE_READ_MAX = 128 << 10,
    FUSE_BUFFER_SIZE = FUSE_WRITE_MAX + 4096, /* what read(2) of the device needs: header, arguments, data, a NUL */
    FUSE_ROOT_NODE = 1,                       /* FUSE_ROOT_ID */
    FUSE_FIRST_NODE = 2,
};

/* A node's number is its place in the table, doubled, and one more for a folder: the kernel remembers what kind a number is of. */

struct fuse_node {
    bool used;
    uid_t user; /* in whose share it, and what is opened of it, is */
    bool registering; /* a worker is opening it: not freed by a release */
    unsigned int handles;
    struct fuse_node_spec *spec;
};

struct fuse_handle {
    bool used;
    bool generated;
    uint32_t reader; /* for whom: it says to some what it does not say to others */
    uid_t user;
    uint64_t node;
    int access;
    struct text text;
};

struct fuse_nodes {
    pthread_mutex_t mutex; /* guards nodes; handles and texts are the serving thread's, mount_id a worker's */
    struct fuse_node *nodes;
    size_t node_capacity;
    size_t node_hint; /* no free place below */
    struct share node_share;
    struct fuse_handle *handles;
    size_t handle_capacity;
    size_t handle_hint; /* no free one below */
    struct share handle_share, text_share;
    size_t text_hint; /* whose text is the next to go when there are too many */
    uint64_t mount_id;  /* statx mount id of the FUSE mount; 0 until the first open */
};

void fuse_nodes_init(struct fuse_nodes *nodes);
void fuse_nodes_destroy(struct fuse_nodes *nodes);

/* A worker. Returns the number or -ENFILE (there are too many, or too many of the user's), -ENOMEM. */
int64_t fuse_node_register(struct fuse_nodes *nodes, const struct fuse_node_spec *spec, uid_t user);
/* Main thread, after the open: the node lives on as long as it has handles. */
void fuse_node_registered(struct fuse_nodes *nodes, uint64_t number);

/* Serving thread. A copy of the node's registration, or false if the number is not in use. */
bool fuse_node_find(struct fuse_nodes *nodes, uint64_t number, struct fuse_node_spec *ret_spec);
/* In whose share it is; root's if the number is not in use. */
uid_t fuse_node_user(struct fuse_nodes *nodes, uint64_t number);
/* Returns the handle's number (>= 0) or -errno. */
int64_t fuse_handle_open(struct fuse_nodes *nodes, uint64_t number, int access);
struct fuse_handle *fuse_handle_find(struct fuse_nodes *nodes, uint64_t handle, uint64_t number);
void fuse_handle_release(struct fuse_nodes *nodes, uint64_t handle, uint64_t number);

/* The handle's text is in its user's share from now on; if that is full others of his go, to be made anew when they are read on.
 * 0, or -ENOMEM and it is gone. */
int fuse_handle_keep_text(struct fuse_nodes *nodes, struct fuse_handle *handle);
void fuse_handle_drop_text(struct fuse_nodes *nodes, struct fuse_handle *handle);

/* An answer: header and body, or header and `data` (borrowed until the next frame). */
struct fuse_reply {
    bool wanted; /* some requests have no answer */
    struct fuse_out_header header;
    union {
        struct fuse_init_out init;
        struct fuse_entry_out entry;
        struct fuse_attr_out attr;
        struct fuse_open_out open;
        struct fuse_write_out write;
        struct fuse_statfs_out statfs;
    } body;
    const void *data;
    size_t size; /* of body or data */
};

/* In whose name a request is made, as far as one can tell. */
uid_t fuse_frame_user(struct fuse_nodes *nodes, const char *frame, size_t size);

/* Acts on one request of `size` bytes; the buffer has one writable byte behind it. Returns false if it is not even a
 * request (the connection is then beyond use). */
bool fuse_handle_frame(struct fuse_nodes *nodes, char *frame, size_t size, struct fuse_reply *ret_reply);

#endif
