/* SPDX-License-Identifier: Apache-2.0 */
#include "gofer/resolve.h"

#include <errno.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "gofer/foreign.h"
#include "gofer/object.h"
#include "postern/boot.h"
#include "postern/cleanup.h"
#include "postern/confine.h"

CONFINE_ALLOW_IF(openat2, 0, UINT32_MAX, GOFER_FD_ROOT, "every path from the sentry, beneath the container's root");
CONFINE_ALLOW(openat, "an object we already hold, through self/fd");
CONFINE_ALLOW_IF(fcntl, 1, UINT32_MAX, F_GETFL, "O_NONBLOCK of FIFOs and sockets");
CONFINE_ALLOW_IF(fcntl, 1, UINT32_MAX, F_SETFL, "O_NONBLOCK of FIFOs and sockets");

void place_release(const struct place *place)
{
    cleanup_close(&place->owned);
}

static int open_beneath(const struct server *server, const char *path, int flags)
{
    struct open_how how = {
        .flags = (unsigned int)(flags | O_PATH | O_NOFOLLOW | O_CLOEXEC),
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    long fd = syscall(SYS_openat2, server->root, path, &how, sizeof(how));
    return fd < 0 ? -errno : (int)fd;
}

/* RESOLVE_NO_SYMLINKS lets O_PATH | O_NOFOLLOW hold a symbolic link in the last place, which is what we want. */
int place_find(const struct server *server, const char *path, struct place *ret_place)
{
    if (path[0] == '\0') {
        *ret_place = (struct place){.fd = server->root, .owned = -1};
        return 0;
    }
    int fd = open_beneath(server, path, 0);
    if (fd < 0)
        return fd;
    *ret_place = (struct place){.fd = fd, .owned = fd};
    return 0;
}

static int check_expected(const struct gofer_identity *expected, int fd)
{
    struct statx attributes;
    if (expected->ino == 0)
        return 0;
    int status = attributes_of(fd, &attributes);
    if (status == 0 && !gofer_identity_fits(expected, &attributes))
        status = -ESTALE;
    return status;
}

int place_of_request(const struct exchange *exchange, struct place *ret_place)
{
    if (exchange->first == NULL) {
        *ret_place = (struct place){.fd = exchange->fd, .owned = -1};
        return 0;
    }
    struct place place;
    int status = place_find(exchange->server, exchange->first, &place);
    if (status < 0)
        return status;
    status = check_expected(&exchange->request->expected[0], place.fd);
    if (status < 0) {
        place_release(&place);
        return status;
    }
    *ret_place = place;
    return 0;
}

static int find_parent(const struct server *server, const char *path, struct place *ret_parent, const char **ret_name)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        *ret_parent = (struct place){.fd = server->root, .owned = -1};
        *ret_name = path;
        return 0;
    }

    char parent[GOFER_PATH_MAX];
    memcpy(parent, path, (size_t)(slash - path));
    parent[slash - path] = '\0';
    int fd = open_beneath(server, parent, O_DIRECTORY);
    if (fd < 0)
        return fd;
    *ret_parent = (struct place){.fd = fd, .owned = fd};
    *ret_name = slash + 1;
    return 0;
}

int place_parent(const struct exchange *exchange, size_t which, struct place *ret_parent, const char **ret_name)
{
    struct place parent;
    const char *name;
    int status = find_parent(exchange->server, which == 0 ? exchange->first : exchange->second, &parent, &name);
    if (status < 0)
        return status;
    status = check_expected(&exchange->request->expected[which], parent.fd);
    if (status < 0) {
        place_release(&parent);
        return status;
    }
    *ret_parent = parent;
    *ret_name = name;
    return 0;
}

void reply_attributes(struct exchange *exchange, int fd, const char *name)
{
    const int flags = (name[0] == '\0' ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) | AT_STATX_SYNC_AS_STAT;
    if (statx(fd, name, flags, GOFER_STATX_MASK, (struct statx *)(void *)exchange->out) == 0)
        exchange->reply->data_size = sizeof(struct statx);
}

/* The devices that hold nothing of the host's: null, zero, full, random, urandom, and terminals of a devpts. */
static bool harmless_device(unsigned int device_major, unsigned int device_minor)
{
    static const unsigned char memory_devices[] = {3, 5, 7, 8, 9};
    if (device_major == 1)
        return memchr(memory_devices, (int)device_minor, sizeof(memory_devices)) != NULL && device_minor <= 9;
    return (device_major == 5 && device_minor == 2) || (device_major >= 136 && device_major <= 143);
}

int may_open(const struct statx *attributes)
{
    switch (attributes->stx_mode & S_IFMT) {
    case S_IFREG:
    case S_IFDIR:
    case S_IFIFO:
        return 0;
    case S_IFCHR:
        return harmless_device(attributes->stx_rdev_major, attributes->stx_rdev_minor) ? 0 : -EPERM;
    case S_IFLNK:
        return -ELOOP;
    case S_IFSOCK:
        return -ENXIO;
    default:
        return -EPERM;
    }
}

int open_object(int fd, const struct statx *attributes, int flags)
{
    if ((flags & O_PATH) != 0) {
        int held = openat(AT_FDCWD, fd_name(fd).text, (flags & ~O_NOFOLLOW) | O_CLOEXEC);
        return held < 0 ? -errno : held;
    }
    int status = may_open(attributes);
    if (status == 0)
        status = foreign_check_reach(attributes);
    if (status < 0)
        return status;

    /* Both may make an open wait: for the other end of a FIFO, for the carrier of a terminal. */
    mode_t type = attributes->stx_mode & S_IFMT;
    bool may_wait = type == S_IFIFO || type == S_IFCHR;
    int wanted = (flags & ~(O_NOFOLLOW | O_CREAT | O_EXCL)) | O_NOCTTY | O_CLOEXEC;
    auto_close int opened = openat(AT_FDCWD, fd_name(fd).text, wanted | (may_wait ? O_NONBLOCK : 0));
    if (opened < 0)
        return -errno;
    if (may_wait && (flags & O_NONBLOCK) == 0) {
        int now = fcntl(opened, F_GETFL);
        if (now < 0 || fcntl(opened, F_SETFL, now & ~O_NONBLOCK) < 0)
            return -errno;
    }
    return take_fd(&opened);
}
