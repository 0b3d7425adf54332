/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and creating files. */
#include <errno.h>
#include <unistd.h>

#include "gofer/foreign.h"
#include "gofer/object.h"
#include "gofer/owner.h"
#include "gofer/resolve.h"
#include "gofer/server.h"
#include "postern/cleanup.h"
#include "postern/confine.h"

CONFINE_ALLOW_IF(fcntl, 1, UINT32_MAX, F_SETLEASE, "finds writers of a program");
CONFINE_ALLOW_IF(fcntl, 1, UINT32_MAX, F_DUPFD_CLOEXEC, "O_PATH of the root");

enum { CREATE_TRIES = 8, TMPFILE_BIT = O_TMPFILE & ~O_DIRECTORY };

/* Nobody may have a program open for writing while it is started: a read lease can only be had then. */
static int check_no_writer(int fd, const struct statx *attributes)
{
    int status = fcntl(fd, F_SETLEASE, F_RDLCK) < 0 ? -errno : 0;
    /* CAP_LEASE counts in no user namespace; there a file's lease is its owner's to have. */
    if (status == -EACCES && owner_become(attributes->stx_uid, attributes->stx_gid) == 0) {
        status = fcntl(fd, F_SETLEASE, F_RDLCK) < 0 ? -errno : 0;
        owner_end();
    }
    if (status == 0)
        (void)fcntl(fd, F_SETLEASE, F_UNLCK);
    return status == -EAGAIN ? -ETXTBSY : 0; /* a file system without leases cannot tell */
}

/* Opens what a descriptor holds, as the request wants it. */
static int open_held(int held, const struct statx *attributes, const struct gofer_request *request)
{
    int flags = (int)request->flags;
    bool truncates = (flags & O_TRUNC) != 0 && (flags & O_PATH) == 0;
    bool writes = truncates || ((flags & O_PATH) == 0 && (flags & O_ACCMODE) != O_RDONLY);
    int allowed = writes ? foreign_check_write(held, attributes) : 0;
    if (allowed < 0)
        return allowed;
    if (truncates)
        fsetid_lower();
    int fd = open_object(held, attributes, flags);
    if (truncates)
        fsetid_raise();
    if (fd < 0 || request->extra == 0)
        return fd;

    int status = check_no_writer(fd, attributes);
    if (status < 0) {
        (void)close(fd);
        return status;
    }
    return fd;
}

static int reply_open(struct exchange *exchange, int fd, bool created)
{
    exchange->out_fd = fd;
    exchange->reply->value = created;
    exchange->reply->data_size = sizeof(struct statx);
    return attributes_of(fd, (struct statx *)(void *)exchange->out);
}

/* For O_PATH: the place itself, with what fcntl(F_GETFL) is to show. */
static int hold(struct place *place, int flags)
{
    int fd;
    if ((flags & O_DIRECTORY) != 0)
        fd = openat(place->fd, ".", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    else if (place->owned >= 0)
        fd = take_fd(&place->owned);
    else
        fd = fcntl(place->fd, F_DUPFD_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

/* An object that is there. (What a request that may create expects is said of the folder.) */
static int open_existing(struct exchange *exchange)
{
    const struct gofer_request *request = exchange->request;
    auto_place struct place place = PLACE_NONE;
    int status = (request->flags & O_CREAT) != 0 ? place_find(exchange->server, exchange->first, &place)
                                                 : place_of_request(exchange, &place);
    if (status < 0)
        return status;
    struct statx attributes;
    status = attributes_of(place.fd, &attributes);
    if (status < 0)
        return status;
    if ((request->flags & O_DIRECTORY) != 0 && !S_ISDIR(attributes.stx_mode))
        return -ENOTDIR;
    if ((request->flags & O_CREAT) != 0 && (request->flags & O_PATH) == 0 && S_ISDIR(attributes.stx_mode))
        return -EISDIR;

    int fd = (request->flags & O_PATH) != 0 ? hold(&place, (int)request->flags) : open_held(place.fd, &attributes, request);
    return fd < 0 ? fd : reply_open(exchange, fd, false);
}

/* Runs openat(2) that makes something, as its owner. It is O_EXCL or O_TMPFILE, so no link is followed; O_NOFOLLOW would be shown by
 * fcntl(F_GETFL). */
static int create_at(const struct gofer_request *request, int directory, const char *name, int flags)
{
    int status = foreign_check_mode(directory, S_IFREG | ((mode_t)request->mode & 07777));
    if (status == 0)
        status = owner_begin(request);
    if (status < 0)
        return status;
    int fd = openat(directory, name, flags | O_NOCTTY | O_CLOEXEC, (mode_t)request->mode);
    int error = -errno;
    owner_end();
    return fd < 0 ? error : fd;
}

static int open_creating(struct exchange *exchange)
{
    const struct gofer_request *request = exchange->request;
    auto_place struct place parent = PLACE_NONE;
    const char *name;
    int status = place_parent(exchange, 0, &parent, &name);
    if (status < 0)
        return status;

    /* Whether it was made here decides what is opened: only something new is opened by name. */
    for (int i = 0; i < CREATE_TRIES; i++) {
        int fd = create_at(request, parent.fd, name, (int)request->flags | O_EXCL);
        if (fd >= 0)
            return reply_open(exchange, fd, true);
        if (fd != -EEXIST || (request->flags & O_EXCL) != 0)
            return fd;
        status = open_existing(exchange);
        if (status != -ENOENT)
            return status;
    }
    return -ENOENT;
}

static int open_nameless(struct exchange *exchange)
{
    auto_place struct place directory = PLACE_NONE;
    int status = place_of_request(exchange, &directory);
    if (status < 0)
        return status;
    int fd = create_at(exchange->request, directory.fd, ".", (int)exchange->request->flags);
    return fd < 0 ? fd : reply_open(exchange, fd, true);
}

int op_open(struct exchange *exchange)
{
    int flags = (int)exchange->request->flags;
    if ((flags & O_PATH) != 0)
        return open_existing(exchange);
    if ((flags & TMPFILE_BIT) != 0)
        return (flags & O_DIRECTORY) != 0 ? open_nameless(exchange) : -EINVAL;
    if ((flags & O_CREAT) == 0)
        return open_existing(exchange);
    return exchange->first[0] == '\0' ? -EISDIR : open_creating(exchange);
}

int op_reopen(struct exchange *exchange)
{
    struct statx before, after;
    int status = attributes_of(exchange->fd, &before);
    if (status < 0)
        return status;
    auto_close int fd = open_held(exchange->fd, &before, exchange->request);
    if (fd < 0)
        return fd;
    status = attributes_of(fd, &after);
    if (status < 0)
        return status;
    bool terminal_front = S_ISCHR(before.stx_mode); /* opening a ptmx may lead to another inode */
    bool same = before.stx_ino == after.stx_ino && before.stx_dev_major == after.stx_dev_major &&
                before.stx_dev_minor == after.stx_dev_minor;
    if (!same && !terminal_front)
        return -EPERM;
    exchange->out_fd = take_fd(&fd);
    return 0;
}
