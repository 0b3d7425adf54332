/* SPDX-License-Identifier: Apache-2.0 */
/* What open(2) does once its arguments are read. The order of the checks is Linux's (fs/namei.c): which of two errors
 * shows matters. */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/mount.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/kernel/cred.h"
#include "sentry/kernel/process.h"
#include "sentry/platform/deliver.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/busy.h"
#include "sentry/syscalls/file.h"
#include "sentry/syscalls/open.h"

CONFINE_ALLOW(fcntl, "how a guest's descriptor was opened");

enum { TMPFILE_BIT = O_TMPFILE & ~O_DIRECTORY };

static int access_mask(int flags)
{
    static const int masks[4] = {MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE, MAY_READ | MAY_WRITE};
    int mask = masks[flags & O_ACCMODE];
    return (flags & O_TRUNC) != 0 ? mask | MAY_WRITE : mask;
}

static bool writable(int flags)
{
    return (flags & O_ACCMODE) == O_WRONLY || (flags & O_ACCMODE) == O_RDWR;
}

static bool is_current_terminal(const struct statx *attributes)
{
    return S_ISCHR(attributes->stx_mode) && attributes->stx_rdev_major == 5 && attributes->stx_rdev_minor == 0;
}

static bool is_terminal(const struct statx *attributes)
{
    return S_ISCHR(attributes->stx_mode) && attributes->stx_rdev_major == 136;
}

static bool is_multiplexer(const struct statx *attributes)
{
    return S_ISCHR(attributes->stx_mode) && attributes->stx_rdev_major == 5 && attributes->stx_rdev_minor == 2;
}

static int check_type(const struct opening *opening, const struct statx *attributes)
{
    bool directory = S_ISDIR(attributes->stx_mode);
    if ((opening->flags & O_CREAT) != 0 && directory)
        return -EISDIR;
    if ((opening->flags & O_DIRECTORY) != 0 && !directory)
        return -ENOTDIR;
    if ((opening->flags & O_PATH) != 0)
        return 0;
    if (S_ISLNK(attributes->stx_mode))
        return -ELOOP;
    if (directory && (access_mask(opening->flags) & MAY_WRITE) != 0)
        return -EISDIR;
    return 0;
}

static int check_noatime(const struct opening *opening, const struct statx *attributes)
{
    const struct cred *cred = opening->who.cred;
    bool owner = cred->fsuid == attributes->stx_uid || cred_capable(cred, CAP_FOWNER);
    return (opening->flags & O_NOATIME) != 0 && !owner ? -EPERM : 0;
}

/* What can be judged without asking for attributes: a file's type is always known. */
static int check_writing(struct opening *opening, struct dentry *dentry)
{
    const struct statx *attributes = &dentry->inode->attributes;
    if (!writable(opening->flags) && (opening->flags & O_TRUNC) == 0)
        return 0;
    if (S_ISREG(attributes->stx_mode) || S_ISDIR(attributes->stx_mode)) {
        int error = vfs_want_write(opening->who.sentry->vfs, dentry);
        if (error < 0)
            return error;
    }
    return program_running(opening->call, attributes) ? -ETXTBSY : 0;
}

/* may_open and do_dentry_open of Linux. O_TRUNC is dropped from the flags where it means nothing. */
static int may_open(struct opening *opening, struct dentry *dentry)
{
    struct vfs *vfs = opening->who.sentry->vfs;
    int error = check_type(opening, &dentry->inode->attributes);
    if (error < 0 || (opening->flags & O_PATH) != 0)
        return error;

    mode_t type = dentry->inode->attributes.stx_mode & S_IFMT;
    bool device = type == S_IFCHR || type == S_IFBLK;
    if (type == S_IFREG && (opening->flags & O_TRUNC) != 0 && (error = vfs_want_write(vfs, dentry)) < 0)
        return error;
    if (device && (vfs_mount_flags(vfs, dentry) & MS_NODEV) != 0)
        return -EACCES;
    int mask = access_mask(opening->flags);
    if (type != S_IFREG)
        opening->flags &= ~O_TRUNC;
    error = vfs_permission(&opening->who, dentry, mask); /* brings owner and mode up to date */
    if (error == 0)
        error = check_noatime(opening, &dentry->inode->attributes);
    if (error < 0)
        return error;
    if (type == S_IFSOCK)
        return -ENXIO;
    if (device && !device_allowed(&dentry->inode->attributes))
        return -EPERM;
    struct inode *judged = inode_get(dentry->inode);
    error = check_writing(opening, dentry);
    if (error == 0 && dentry->inode != judged)
        error = -ESTALE;
    inode_put(judged);
    return error;
}

static struct open_request request_of(const struct opening *opening)
{
    int flags = opening->flags & ~(O_CREAT | O_EXCL);
    return (struct open_request){.who = &opening->who, .flags = flags, .mode = opening->mode};
}

/* The gofer opens without following; the guest sees with fcntl(F_GETFL) what it asked for itself. */
static int64_t install_path_descriptor(const struct opening *opening, int fd, bool close_on_exec)
{
    auto_close int again = -1;
    if ((opening->flags & O_NOFOLLOW) == 0) {
        char name[32];
        (void)snprintf(name, sizeof(name), "self/fd/%d", fd);
        int flags = opening->flags & (O_PATH | O_DIRECTORY);
        again = openat(opening->who.sentry->proc_outer, name, flags | O_CLOEXEC);
    }
    return call_install_path_fd(opening->call, again >= 0 ? again : fd, close_on_exec);
}

int64_t opening_install(const struct opening *opening, int *fd)
{
    bool close_on_exec = (opening->flags & O_CLOEXEC) != 0;
    if ((opening->flags & O_PATH) != 0)
        return install_path_descriptor(opening, *fd, close_on_exec);
    return call_give_fd(opening->call, fd, close_on_exec);
}

/* /dev/tty stands for the terminal of whoever opens it. */
static int64_t open_current_terminal(struct opening *opening)
{
    auto_dentry struct dentry *terminal = NULL;
    int error = terminal_of_caller(opening->call, &terminal);
    if (error < 0)
        return error;
    if (terminal->filesystem->open == NULL)
        return -ENXIO;
    struct open_request request = request_of(opening);
    request.flags |= O_NOCTTY;
    auto_close int fd = -1;
    error = terminal->filesystem->open(opening->who.sentry->vfs, terminal, &request, &fd);
    if (error < 0)
        return error;
    terminal_own(opening->call->task->process, fd);
    return opening_install(opening, &fd);
}

/* Opens what may be opened; *ret_fd is for the guest. */
static int open_allowed(struct opening *opening, struct dentry *dentry, const struct open_request *request, int *ret_fd)
{
    struct vfs *vfs = opening->who.sentry->vfs;
    const struct statx before = dentry->inode->attributes;
    int error = dentry->filesystem->open(vfs, dentry, request, ret_fd);
    if (error == 0 && (request->flags & O_TRUNC) != 0)
        keep_set_id(&opening->who, dentry, &before);
    if (error == 0 && writable(request->flags) && program_running(opening->call, &before))
        error = -ETXTBSY; /* it was not when we looked, before */
    return error;
}

static int64_t open_terminal(struct opening *opening, const struct statx *attributes, int *fd)
{
    if (is_multiplexer(attributes))
        terminal_give(&opening->who, *fd);
    if (is_multiplexer(attributes) || terminal_is(attributes))
        terminal_own(opening->call->task->process, *fd);
    if (is_terminal(attributes) && (opening->flags & O_NOCTTY) == 0 && terminal_wanted(opening->call))
        return call_install_terminal(opening->call, *fd, (opening->flags & O_CLOEXEC) != 0);
    return opening_install(opening, fd);
}

static int64_t open_dentry(struct opening *opening, struct dentry *dentry)
{
    int error = may_open(opening, dentry);
    if (error < 0)
        return error;
    struct statx attributes = dentry->inode->attributes;
    bool by_path_only = (opening->flags & O_PATH) != 0;
    if (!by_path_only && is_current_terminal(&attributes))
        return open_current_terminal(opening);
    if (dentry->filesystem->open == NULL)
        return -ENXIO;
    struct open_request request = request_of(opening);
    if (!by_path_only && S_ISFIFO(attributes.stx_mode))
        return fifo_open(opening->call, dentry, &request);

    auto_close_unlocked int fd = -1;
    error = open_allowed(opening, dentry, &request, &fd);
    if (error < 0)
        return error;
    vfs_mark_opened(dentry, fd);
    if (!by_path_only && S_ISCHR(attributes.stx_mode))
        return open_terminal(opening, &attributes, &fd);
    return opening_install(opening, &fd);
}

/* Was the name not free, though it seemed so, and is what has it to be opened? Or was it only presumed to be free: then only who looks can tell
 * what is wrong. */
static bool is_to_be_looked_at(const struct opening *opening, const struct lookup *lookup, int error)
{
    if (error == -EEXIST)
        return (opening->flags & O_EXCL) == 0;
    return lookup->presumed && error < 0 && error != -ESTALE;
}

/* A new file below lookup->dentry. *ret_again: it has to be looked at; then nothing is open. */
static int64_t create_file(struct opening *opening, const struct lookup *lookup, bool *ret_again)
{
    struct vfs *vfs = opening->who.sentry->vfs;
    struct dentry *parent = lookup->dentry;
    if (names_are_fixed(parent))
        return -ENOENT;
    int error = vfs_want_write(vfs, parent);
    if (error < 0)
        return error;
    error = vfs_gone(parent);
    if (error == 0)
        error = vfs_permission(&opening->who, parent, MAY_WRITE | MAY_EXEC);
    if (error < 0)
        return error;
    if (parent->filesystem->create == NULL)
        return -EACCES;

    mode_t mode = creation_mode(&opening->who, parent, opening->mode);
    struct open_request request = {.who = &opening->who, .flags = opening->flags, .mode = mode};
    auto_close_unlocked int fd = -1;
    error = parent->filesystem->create(vfs, parent, lookup->name, &request, &fd);
    if (error == 0)
        vfs_mark_opened(parent, fd);
    if (error == 0)
        return opening_install(opening, &fd);
    *ret_again = is_to_be_looked_at(opening, lookup, error);
    return error;
}

static int64_t open_found(struct opening *opening, struct lookup *lookup)
{
    if (lookup->fd >= 0)
        return open_object(opening, take_fd(&lookup->fd));
    return open_dentry(opening, lookup->dentry);
}

/* One look: creates what is missing, opens what is there. */
static int64_t open_or_create_once(struct opening *opening, int dirfd, const char *path, unsigned int presume, bool *ret_again)
{
    bool follow = (opening->flags & (O_NOFOLLOW | O_EXCL)) == 0;
    unsigned int flags = opening->resolve | LOOKUP_PARENT | LOOKUP_LAST | presume | (follow ? LOOKUP_FOLLOW : 0);
    auto_lookup struct lookup lookup = {.fd = -1};
    int error = path_lookup(opening->call, &opening->who, dirfd, path, flags, &lookup);
    if (error < 0)
        return error;
    if (lookup.fd >= 0)
        return open_found(opening, &lookup);
    if (lookup.trailing_slash && lookup.last_dot == 0)
        return -EISDIR;
    if (lookup.last_dot == 0 && (lookup.last == NULL || lookup.last->inode == NULL))
        return create_file(opening, &lookup, ret_again);
    if ((opening->flags & O_EXCL) != 0)
        return -EEXIST;
    return open_dentry(opening, lookup.last != NULL ? lookup.last : lookup.dentry);
}

static int64_t open_or_create(struct opening *opening, int dirfd, const char *path)
{
    enum { ATTEMPTS = 8 };
    for (int i = 0; i < ATTEMPTS; i++) {
        bool again = false;
        int64_t result = open_or_create_once(opening, dirfd, path, i == 0 ? LOOKUP_NEW : 0, &again);
        if (!again)
            return result;
    }
    return -EAGAIN;
}

static int64_t open_temporary(struct opening *opening, struct dentry *directory)
{
    struct vfs *vfs = opening->who.sentry->vfs;
    int error = vfs_want_write(vfs, directory);
    if (error == 0)
        error = vfs_permission(&opening->who, directory, MAY_WRITE | MAY_EXEC);
    if (error < 0)
        return error;
    if (directory->filesystem->create == NULL || directory->filesystem->open == NULL)
        return -EOPNOTSUPP;
    struct open_request request = {.who = &opening->who,
                                   .flags = opening->flags & ~O_CREAT,
                                   .mode = creation_mode(&opening->who, directory, opening->mode)};
    auto_close_unlocked int fd = -1;
    error = directory->filesystem->open(vfs, directory, &request, &fd);
    if (error == 0)
        vfs_mark_opened(directory, fd);
    return error < 0 ? error : opening_install(opening, &fd);
}

int64_t opening_run(struct opening *opening, int dirfd, const char *path)
{
    if ((opening->flags & (O_CREAT | TMPFILE_BIT)) == O_CREAT)
        return open_or_create(opening, dirfd, path);

    unsigned int flags = opening->resolve;
    if ((opening->flags & O_NOFOLLOW) == 0)
        flags |= LOOKUP_FOLLOW;
    if ((opening->flags & O_DIRECTORY) != 0)
        flags |= LOOKUP_DIRECTORY;
    auto_lookup struct lookup lookup = {.fd = -1};
    int error = path_lookup(opening->call, &opening->who, dirfd, path, flags, &lookup);
    if (error < 0)
        return error;
    if ((opening->flags & TMPFILE_BIT) != 0 && lookup.dentry != NULL)
        return open_temporary(opening, lookup.dentry);
    return open_found(opening, &lookup);
}
