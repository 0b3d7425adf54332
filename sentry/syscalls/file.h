/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the file handlers share: reading a path of the guest, finding what it or a descriptor names, and
 * changing attributes of either.
 */
#ifndef SENTRY_SYSCALLS_FILE_H
#define SENTRY_SYSCALLS_FILE_H

#include "sentry/platform/call.h"
#include "sentry/vfs/vfs.h"

/* What a call is about: a dentry, or (dentry NULL) an object behind a descriptor. */
struct process;
struct target {
    struct dentry *dentry; /* owned */
    struct object object;  /* fd -1: none */
};

#define TARGET_NONE                                                                                                    \
    {                                                                                                                  \
        .dentry = NULL, .object = {.fd = -1 }                                                                          \
    }

void target_release(struct target *target);
void cleanup_lookup(struct lookup *lookup);
void cleanup_object(struct object *object);
void cleanup_dentry(struct dentry **dentry);

#define auto_target __attribute__((cleanup(target_release)))
#define auto_lookup __attribute__((cleanup(cleanup_lookup)))
#define auto_object __attribute__((cleanup(cleanup_object)))
#define auto_dentry __attribute__((cleanup(cleanup_dentry)))

/* Copies a path in. Returns its length; "" is allowed here. */
ssize_t path_read(struct call *call, uint64_t address, char buffer[VFS_PATH_MAX]);

/* vfs_lookup from a guest's dirfd. "" is -ENOENT. */
int path_lookup(struct call *call, const struct vfs_who *who, int dirfd, const char *path, unsigned int flags,
                struct lookup *ret_lookup);
/* The same for a path in guest memory. */
int path_lookup_at(struct call *call, const struct vfs_who *who, int dirfd, uint64_t address, unsigned int flags,
                   struct lookup *ret_lookup);

/* Finds what (dirfd, path) names; AT_EMPTY_PATH in at_flags lets "" mean dirfd itself. */
int target_at(struct call *call, const struct vfs_who *who, int dirfd, uint64_t address, int at_flags,
              unsigned int lookup_flags, struct target *ret_target);
int target_from_path(struct call *call, const struct vfs_who *who, int dirfd, const char *path, int at_flags,
                     unsigned int lookup_flags, struct target *ret_target);
/* What a descriptor refers to; -EBADF for an O_PATH one unless they are welcome. */
int target_fd(struct call *call, int fd, bool path_descriptors, struct target *ret_target);

/* The dentry of a target (borrowed), found by name if it came by descriptor; NULL if it has none. */
struct dentry *target_dentry(struct call *call, struct target *target);
int target_attributes(const struct vfs_who *who, struct target *target, struct statx *ret_attributes);
int target_permission(const struct vfs_who *who, struct target *target, int mask);

/* Checks (EROFS, ownership) and makes a change of attributes. */
int target_set(struct call *call, const struct vfs_who *who, struct target *target, struct setattr *set);

/* The parent and the free name of an object to be made: -EEXIST if it is taken, then -EROFS, then permission. CREATE_TELLS: nothing is checked
 * behind it, so that it may be left to the making to say that the name is taken. */
enum { CREATE_DIRECTORY = 1, CREATE_TELLS = 2 };
int create_prepare(struct call *call, const struct vfs_who *who, int dirfd, uint64_t address, unsigned int what,
                   struct lookup *ret_lookup);

/* In /proc a missing name is missing, whatever one wants to make of it. */
bool names_are_fixed(const struct dentry *directory);

/* A setgid program made in somebody else's setgid folder is not born setgid. */
mode_t creation_mode(const struct vfs_who *who, const struct dentry *parent, mode_t mode);

/* "parent/name" for the gofer. */
int gofer_path(const struct dentry *parent, const char *name, char *buffer, size_t size);

/* -EBADF for O_PATH descriptors. */
int refuse_path_descriptor(int fd);

/* Opens a FIFO; without O_NONBLOCK that waits for the other side. Takes no reference over. */
int64_t fifo_open(struct call *call, struct dentry *dentry, const struct open_request *request);
/* The same for one from outside, which has no name here: what `source`, taken over, stands for. */
int64_t fifo_reopen(struct call *call, const struct vfs_who *who, int source, int flags);

/* The caller's controlling terminal as a dentry below /dev/pts; -ENXIO if there is none. */
int terminal_of_caller(struct call *call, struct dentry **ret_dentry);
/* Does the caller lead a session without a terminal? The first it opens becomes its own. */
bool terminal_wanted(const struct call *call);
/* A terminal was made by opening /dev/ptmx: its other end becomes the caller's, not the gofer's. */
/*
 * A terminal whose signals are asked for (O_ASYNC) sends them to the group in its foreground, if nobody else has been named; and to the host
 * all of the guest's processes are one user's. So each description of a terminal has an owner from the start, who opened it. As it is
 * we who name him the host finds that he may not be signalled; whoever wants signals names an owner himself, and is judged.
 */
bool terminal_is(const struct statx *attributes);
void terminal_own(const struct process *process, int fd);
/* The same for standard input, output and error of a process that comes in. */
void terminal_own_inherited(const struct process *process);
/* ioctl(2), TIOCGPTPEER. */
int64_t terminal_other_end(struct call *call, int front);
void terminal_give(const struct vfs_who *who, int front);

#endif
