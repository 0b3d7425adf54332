/* SPDX-License-Identifier: Apache-2.0 */
/* Looking: walk, attributes, file system figures. */
#include <errno.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "gofer/object.h"
#include "gofer/resolve.h"
#include "gofer/server.h"
#include "postern/cleanup.h"
#include "postern/confine.h"

CONFINE_ALLOW(readlinkat, "targets of symbolic links");
CONFINE_ALLOW(fstatfs, "statfs of an object");

_Static_assert(GOFER_COMPONENTS_MAX * sizeof(struct statx) + GOFER_PATH_MAX <= GOFER_DATA_MAX, "a walk fits a reply");

struct walk {
    struct exchange *exchange;
    struct statx *entries; /* in the reply's payload */
    size_t count;
    int directory; /* where the next name is looked up: borrowed */
};

/* Appends the target of a link to the reply; `path` is "" for a link held by `fd`. */
static int walk_link(struct walk *walk, int fd, const char *path)
{
    char *target = walk->exchange->out + walk->count * sizeof(struct statx);
    ssize_t length = readlinkat(fd, path, target, GOFER_PATH_MAX - 1);
    if (length <= 0)
        return length < 0 ? -errno : -ENOENT;
    target[length] = '\0';
    walk->exchange->reply->data_size = (uint32_t)(walk->count * sizeof(struct statx) + (size_t)length + 1);
    return 0;
}

/* The last name: one call, no descriptor. */
static int walk_last(struct walk *walk, const char *name)
{
    struct statx *entry = &walk->entries[walk->count];
    if (statx(walk->directory, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, GOFER_STATX_MASK, entry) < 0)
        return -errno;
    walk->count++;
    if (!S_ISLNK(entry->stx_mode))
        return 0;
    int status = walk_link(walk, walk->directory, name);
    if (status < 0)
        walk->count--; /* it changed under us: as if it had not been looked at */
    return status;
}

/* A name on the way: held open, so that attributes and what is below are of one object. Returns 1 to go on. */
static int walk_step(struct walk *walk, const char *name, int *ret_fd)
{
    auto_close int fd = openat(walk->directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    struct statx *entry = &walk->entries[walk->count];
    int status = attributes_of(fd, entry);
    if (status < 0)
        return status;

    walk->count++;
    if (S_ISLNK(entry->stx_mode)) {
        status = walk_link(walk, fd, "");
        if (status < 0)
            walk->count--;
        return status;
    }
    if (!S_ISDIR(entry->stx_mode))
        return 0;
    *ret_fd = take_fd(&fd);
    return 1;
}

static int walk_all(struct walk *walk, const char *rest)
{
    auto_close int held = -1;
    for (const char *end; walk->count < GOFER_COMPONENTS_MAX; rest = end + 1) {
        char name[GOFER_NAME_MAX + 1];
        end = strchrnul(rest, '/');
        memcpy(name, rest, (size_t)(end - rest));
        name[end - rest] = '\0';
        if (*end == '\0' || walk->count == GOFER_COMPONENTS_MAX - 1)
            return walk_last(walk, name);

        int next = -1;
        int status = walk_step(walk, name, &next);
        if (status <= 0)
            return status;
        cleanup_close(&held);
        held = walk->directory = next;
    }
    return 0;
}

int op_walk(struct exchange *exchange)
{
    auto_place struct place base = PLACE_NONE;
    int status = place_of_request(exchange, &base);
    if (status < 0)
        return status;

    struct walk walk = {.exchange = exchange, .entries = (struct statx *)(void *)exchange->out, .directory = base.fd};
    status = walk_all(&walk, exchange->second);
    exchange->reply->value = (int64_t)walk.count;
    exchange->reply->detail = status;
    if (exchange->reply->data_size == 0 || status < 0)
        exchange->reply->data_size = (uint32_t)(walk.count * sizeof(struct statx));
    return 0;
}

int op_getattr(struct exchange *exchange)
{
    auto_place struct place place = PLACE_NONE;
    int status = place_of_request(exchange, &place);
    if (status < 0)
        return status;
    exchange->reply->data_size = sizeof(struct statx);
    return attributes_of(place.fd, (struct statx *)(void *)exchange->out);
}

int op_statfs(struct exchange *exchange)
{
    auto_place struct place place = PLACE_NONE;
    int status = place_of_request(exchange, &place);
    if (status < 0)
        return status;
    exchange->reply->data_size = sizeof(struct statfs);
    return fstatfs(place.fd, (struct statfs *)(void *)exchange->out) < 0 ? -errno : 0;
}
