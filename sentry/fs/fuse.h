/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live synthetic files. Reads and writes of a descriptor do not trap, so a file that must be computed anew at each
 * reading, or that checks what is written to it, is a file of a FUSE mount whose server is a thread of the
 * sentry.
 *
 * How an open works: a worker registers a node (a number, generator, writer, attributes), asks the gofer
 * to open that number in the FUSE mount it holds, and injects the descriptor. The gofer's open makes the kernel ask
 * this thread (LOOKUP, OPEN) while a worker waits. Therefore the rule of this file:
 *
 *     The thread never waits for a worker, and the only lock it shares with it is the node table's
 *     mutex, which nobody holds across anything but arithmetic on the table.
 *
 * Generators and writers run in this thread. They may use process_snapshot(), host_status_read(), the sentry's procfs
 * descriptors and the boot configuration; never dentries, contexts, the gofer, or guest memory (a guest could have
 * mapped a file of ours there, and the page fault would wait for this very thread).
 *
 * Node numbers are used again after the last close: a guest that opens and closes for ever leaves no trail
 * of inodes in the host kernel.
 *
 * Folders of synthetic trees are nodes too: nothing is in them, but we are told when the last descriptor of one is closed.
 *
 * All of it is for all users of the guest: nodes, handles and texts are things to share (kernel/share.h), and so is the
 * thread, which users take turns at.
 */
#ifndef SENTRY_FS_FUSE_H
#define SENTRY_FS_FUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "sentry/fs/procfs_text.h"

struct fuse_server;
struct sentry;

enum {
    FUSE_SOURCE_MAX = 192, /* bytes of a registrant's own data a node carries */
    FUSE_PATH_MAX = 256,   /* longer paths of synthetic files are cut */
};

struct fuse_node_spec {
    /* Content from the beginning; called anew for each read at offset 0. 0 or -errno (which the reader gets). reader:
     * the thread that waits for it, as the sandbox's pid namespace numbers it. */
    int (*generate)(const void *source, pid_t reader, struct text *text);
    /* May a later read be answered from what generate() said at an earlier one, to the same reader? NULL: yes. */
    bool (*keeps)(const void *source, pid_t reader);
    /* One write at offset 0; data is NUL-terminated beyond size. 0 or -errno. NULL: EACCES. */
    int (*store)(const void *source, const char *data, size_t size);
    bool stores_anywhere;                  /* it is called for writes at other offsets too, which otherwise mean nothing */
    _Alignas(uint64_t) unsigned char source[FUSE_SOURCE_MAX]; /* copied; handed to both, who know what it is */
    int access;                            /* O_RDONLY, O_WRONLY or O_RDWR: what was permitted */
    mode_t mode; /* permissions, and S_IFDIR for a folder */
    uid_t uid;
    gid_t gid;
    uint64_t ino;             /* as the guest knows it */
    char path[FUSE_PATH_MAX]; /* as the guest knows it, for /proc/PID/fd */
};

/* Starts the thread that serves `fd` (/dev/fuse of a mount). NULL, with errno set, if it cannot be started. */
struct fuse_server *fuse_new(struct sentry *sentry, int fd);

/* Registers a node and opens it through the gofer, in the share of a user. A worker. *ret_fd is owned by the caller. -ENFILE: he has
 * too many open, or all have. */
int fuse_open_node(struct fuse_server *server, struct sentry *sentry, const struct fuse_node_spec *spec, uid_t user, int *ret_fd);

/* Whether a descriptor with this statx mount id and inode number is a node of ours; *ret_spec what it was registered
 * with. */
bool fuse_describe(struct fuse_server *server, uint64_t mount_id, uint64_t ino, struct fuse_node_spec *ret_spec);

#endif
