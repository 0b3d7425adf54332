/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sentry's side of the gofer protocol (include/postern/gofer_protocol.h): one function a request. The caller waits for the
 * reply without the state lock, so all it knows may have changed when it returns. Every reply is validated as if the gofer were
 * hostile. A broken connection, or one that is silent for too long, ends the container (sentry_die).
 *
 * Paths are relative to the container's root, without symbolic links, "" for the root itself.
 */
#ifndef SENTRY_FS_GOFER_CLIENT_H
#define SENTRY_FS_GOFER_CLIENT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/types.h>

#include "postern/gofer_protocol.h"

struct actor;
struct gofer;
struct gofer_rank;
struct mark;
struct sentry;
struct setattr;

enum { GOFER_WALK_MAX = 16 };

/* As whom an object is created: emulated ids as they go on disk. */
struct gofer_owner {
    uid_t uid;
    gid_t gid;
    mode_t umask; /* honoured where no default ACL is; mode is given unmasked with it */
};

/* Where an object is: by path, or by a descriptor (fd >= 0, path NULL); those that make, remove or move a name take a path. */
struct gofer_place {
    const char *path;
    int fd;
    /* What must be there, 0: no matter: the object, or of a name that is made, removed or moved the folder it is in. -ESTALE
     * if it is something else. */
    struct gofer_identity expected;
};

struct gofer_walk_result {
    size_t count;      /* components found */
    int error;         /* 0: all found (or stopped behind a symbolic link or non-directory); -ENOENT, ... for component [count] */
    struct statx entries[GOFER_WALK_MAX];
    char link[4096];   /* target, if the last one found is a symbolic link */
};

struct gofer *gofer_new(struct sentry *sentry, int socket);
void gofer_free(struct gofer *gofer); /* no call is in it; the socket stays its maker's */
int gofer_descriptor(const struct gofer *gofer); /* for poll: hang-up means it died */
/* How long a reply may take before the container ends; 0: for ever. */
void gofer_set_deadline(struct gofer *gofer, unsigned int seconds);

/* Resolves up to GOFER_WALK_MAX components of `rest` below `base`; stops behind a symbolic link. */
int gofer_walk(struct gofer *gofer, struct gofer_place base, const char *rest, struct gofer_walk_result *ret_result);
/* Names in a folder with their attributes, up to GOFER_LIST_MAX: from the beginning (0), or where the last list ended. *ret_next: where to go on, -1
 * at the end. */
struct gofer_listed {
    struct statx attributes;
    char name[GOFER_NAME_MAX + 1];
};
int gofer_list(struct gofer *gofer, struct gofer_place folder, int64_t from, struct gofer_listed entries[GOFER_LIST_MAX], size_t *ret_count,
               int64_t *ret_next);
int gofer_getattr(struct gofer *gofer, struct gofer_place place, struct statx *ret_attributes);
/* ret_after, here and where something is made: what the gofer says it is like now. stx_mask is 0 if it does not. NULL: no matter. */
int gofer_setattr(struct gofer *gofer, struct gofer_place place, const struct setattr *set, struct statx *ret_after);

/* flags: open(2); O_CREAT with O_EXCL as wished; O_TMPFILE; never follows a symbolic link. FIFOs are opened O_NONBLOCK
 * (write side without a reader: -ENXIO) and the flag is cleared again unless it was asked for.
 * exec: -ETXTBSY if somebody has it open for writing. Terminals are opened with O_NOCTTY. */
int gofer_open(struct gofer *gofer, struct gofer_place place, int flags, mode_t mode, const struct gofer_owner *owner, int exec,
               int *ret_fd, struct statx *ret_attributes, int *ret_created);
/* Opens the object behind a descriptor anew (open of /proc/self/fd/N). */
int gofer_reopen(struct gofer *gofer, int fd, int flags, int *ret_fd);

int gofer_mkdir(struct gofer *gofer, struct gofer_place place, mode_t mode, const struct gofer_owner *owner, struct statx *ret_after);
int gofer_mknod(struct gofer *gofer, struct gofer_place place, mode_t mode, dev_t dev, const struct gofer_owner *owner,
                struct statx *ret_after);
int gofer_symlink(struct gofer *gofer, struct gofer_place place, const char *target, const struct gofer_owner *owner,
                  struct statx *ret_after);
int gofer_link(struct gofer *gofer, struct gofer_place source, struct gofer_place place, struct statx *ret_after);
/* victim: what must go by that name. */
int gofer_unlink(struct gofer *gofer, struct gofer_place place, struct gofer_identity victim, int directory);
/* owner: of the node that RENAME_WHITEOUT leaves. */
int gofer_rename(struct gofer *gofer, struct gofer_place from, struct gofer_place to, unsigned int flags,
                 const struct gofer_owner *owner);
int gofer_statfs(struct gofer *gofer, struct gofer_place place, struct statfs *ret_statfs);
ssize_t gofer_getxattr(struct gofer *gofer, struct gofer_place place, const char *name, void *value, size_t size);
int gofer_setxattr(struct gofer *gofer, struct gofer_place place, const struct actor *actor, const char *name, const void *value,
                   size_t size, int flags);
ssize_t gofer_listxattr(struct gofer *gofer, struct gofer_place place, char *list, size_t size);
int gofer_removexattr(struct gofer *gofer, struct gofer_place place, const struct actor *actor, const char *name);
int gofer_sync(struct gofer *gofer); /* syncfs of every mount */

/* bind(2), connect(2) of a path socket: `socket` is the guest's. It is bound at `place` and called by `words`, which must fit
 * (gofer_socket_name_ok). connect never blocks: -EAGAIN if the backlog is full. mark: NULL for none. */
int gofer_bind(struct gofer *gofer, int socket, struct gofer_place place, const char *words, mode_t mode,
               const struct gofer_owner *owner);
int gofer_connect(struct gofer *gofer, int socket, struct gofer_place place, const struct mark *mark);
/* send(2) of a datagram to a path, without waiting: -EAGAIN if there is no room. ticket: NULL for none (mark.h). Returns the bytes sent. */
ssize_t gofer_send(struct gofer *gofer, int socket, struct gofer_place place, int flags, const void *data, size_t size,
                   const uint32_t *ticket);
int gofer_inotify_add(struct gofer *gofer, int inotify, struct gofer_place place, uint32_t mask); /* a watch descriptor */

/* An empty directory of the hidden tmpfs, named `name`, opened O_RDONLY | O_DIRECTORY. */
int gofer_hidden_directory(struct gofer *gofer, const char *name, int *ret_fd);
/* POSIX message queues. By name, or "" for the folder they are in: an O_PATH descriptor, and attributes. */
int gofer_queue_find(struct gofer *gofer, const char *name, int *ret_fd, struct statx *ret_attributes);
/* A new one, open; flags: access mode and O_NONBLOCK. owner: NULL for the gofer itself, whatever the umask. limits: messages and
 * their size, or NULL for the usual. */
int gofer_queue_make(struct gofer *gofer, const char *name, int flags, mode_t mode, const struct gofer_owner *owner,
                     const int64_t limits[2], int *ret_fd, struct statx *ret_attributes);
/* -ESTALE if the name leads to another inode by now. */
int gofer_queue_unlink(struct gofer *gofer, const char *name, uint64_t inode);
/* How a thread of the guest's is to be scheduled, if the gofer may say so. */
int gofer_rank(struct gofer *gofer, const struct gofer_rank *rank);
/* A file of the sentry's FUSE mount, by node number, opened with `flags`. */
int gofer_fuse_open(struct gofer *gofer, uint64_t node, int flags, int *ret_fd);

#endif
