/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/fs/gofer_client.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/gofer_protocol.h"
#include "postern/socket.h"
#include "sentry/sentry.h"
#include "sentry/vfs/vfs.h"

_Static_assert((int)GOFER_WALK_MAX == (int)GOFER_COMPONENTS_MAX, "one limit, two headers");
_Static_assert((int)SETATTR_MODE == (int)GOFER_SET_MODE && (int)SETATTR_OWNER == (int)GOFER_SET_OWNER &&
                   (int)SETATTR_SIZE == (int)GOFER_SET_SIZE && (int)SETATTR_TIMES == (int)GOFER_SET_TIMES,
               "one set of bits, two headers");

enum { ERRNO_MAX = 4095 };

struct gofer {
    struct sentry *sentry;
    int socket;
    uint32_t sequence;
    size_t used; /* of the request's payload */
    int fd;      /* to go with it, or -1: borrowed */
    struct gofer_request_message request;
    struct gofer_reply_message reply;
};

/* What a reply to a request must look like. */
struct expected {
    size_t data_min, data_max;
    bool fd;
};

struct gofer *gofer_new(struct sentry *sentry, int socket)
{
    struct gofer *gofer = calloc(1, sizeof(*gofer));
    if (gofer != NULL) {
        gofer->sentry = sentry;
        gofer->socket = socket;
        gofer->fd = -1;
    }
    return gofer;
}

int gofer_descriptor(const struct gofer *gofer)
{
    return gofer->socket;
}

/* -- a request ---------------------------------------------------------------------------------------------------- */

static struct gofer_request *begin(struct gofer *gofer, enum gofer_op op)
{
    gofer->request.header =
        (struct gofer_request){.version = GOFER_PROTOCOL_VERSION, .op = (uint16_t)op, .sequence = ++gofer->sequence};
    gofer->used = 0;
    gofer->fd = -1;
    return &gofer->request.header;
}

static void add_bytes(struct gofer *gofer, const void *bytes, size_t size)
{
    memcpy(gofer->request.payload + gofer->used, bytes, size);
    gofer->used += size;
}

/* Checked here so that a mistake of ours becomes an errno of one call, not an -EPROTO that ends the container. */
static int check_path(const char *path, bool root_too)
{
    size_t size = strnlen(path, GOFER_PATH_MAX), components;
    if (size == GOFER_PATH_MAX)
        return -ENAMETOOLONG;
    if (!gofer_path_ok(path, size + 1, &components))
        return -EINVAL;
    return components > 0 || root_too ? 0 : -EBUSY;
}

static int add_first(struct gofer *gofer, const char *path, bool root_too)
{
    int status = check_path(path, root_too);
    if (status < 0)
        return status;
    size_t size = strlen(path) + 1;
    gofer->request.header.first_size = (uint16_t)size;
    add_bytes(gofer, path, size);
    return 0;
}

static int add_second(struct gofer *gofer, const char *string, size_t size_max, int too_long)
{
    size_t size = strnlen(string, size_max) + 1;
    if (size > size_max)
        return too_long;
    gofer->request.header.second_size = (uint16_t)size;
    add_bytes(gofer, string, size);
    return 0;
}

static void add_fd(struct gofer *gofer, int fd)
{
    gofer->fd = fd;
    gofer->request.header.fd_count = 1;
}

static int add_place(struct gofer *gofer, struct gofer_place place)
{
    if (place.path != NULL)
        return add_first(gofer, place.path, true);
    if (place.fd < 0)
        return -EBADF;
    add_fd(gofer, place.fd);
    return 0;
}

static int add_owner(struct gofer *gofer, const struct gofer_owner *owner)
{
    if (owner->uid == GOFER_ID_KEEP || owner->gid == GOFER_ID_KEEP)
        return -EINVAL;
    gofer->request.header.uid = owner->uid;
    gofer->request.header.gid = owner->gid;
    gofer->request.header.umask = owner->umask & 0777;
    return 0;
}

/* -- a reply ------------------------------------------------------------------------------------------------------ */

static const char *reply_fault(const struct gofer *gofer, size_t received, size_t fd_count,
                               const struct expected *expected)
{
    const struct gofer_reply *reply = &gofer->reply.header;
    const struct gofer_request *request = &gofer->request.header;
    if (received < sizeof(*reply) || reply->data_size != received - sizeof(*reply) || reply->fd_count != fd_count)
        return "a reply of the wrong size";
    if (reply->version != GOFER_PROTOCOL_VERSION || reply->op != request->op || reply->sequence != request->sequence)
        return "a reply to something else";
    if (reply->error > 0 || reply->error < -ERRNO_MAX || reply->detail > 0 || reply->detail < -ERRNO_MAX)
        return "a reply with an impossible error";
    if (reply->error == -EPROTO)
        return "a request it did not understand";
    if (reply->error < 0)
        return reply->data_size == 0 && fd_count == 0 && reply->value == 0 ? NULL : "an error with a result";
    if (reply->data_size < expected->data_min || reply->data_size > expected->data_max ||
        fd_count != (expected->fd ? 1u : 0u))
        return "a reply with the wrong parts";
    return NULL;
}

/* Sends the request that has been built and takes the reply. Returns 0, or the negative errno the gofer gave; *ret_fd
 * is owned by the caller. */
static int exchange(struct gofer *gofer, const struct expected *expected, int *ret_fd)
{
    gofer->request.header.data_size =
        (uint32_t)(gofer->used - gofer->request.header.first_size - gofer->request.header.second_size);
    int status = socket_send(gofer->socket, &gofer->request, sizeof(gofer->request.header) + gofer->used, &gofer->fd,
                             gofer->request.header.fd_count);
    if (status == -EBADF || status == -ETOOMANYREFS)
        return status; /* the descriptor's fault, nothing was sent */
    if (status < 0)
        sentry_die(gofer->sentry, "gofer cannot be reached: %s", strerror(-status));

    int fds[1];
    size_t fd_count = 0;
    ssize_t received = socket_receive(gofer->socket, &gofer->reply, sizeof(gofer->reply), fds, 1, &fd_count);
    if (received == 0)
        sentry_die(gofer->sentry, "gofer is gone");
    if (received < 0)
        sentry_die(gofer->sentry, "gofer gave no reply: %s", strerror((int)-received));

    auto_close int fd = fds[0];
    const char *fault = reply_fault(gofer, (size_t)received, fd_count, expected);
    if (fault != NULL)
        sentry_die(gofer->sentry, "gofer sent %s (operation %u)", fault, (unsigned int)gofer->request.header.op);
    if (gofer->reply.header.error == 0 && ret_fd != NULL)
        *ret_fd = take_fd(&fd);
    return gofer->reply.header.error;
}

static int exchange_plain(struct gofer *gofer)
{
    static const struct expected nothing = {0};
    return exchange(gofer, &nothing, NULL);
}

static void take_attributes(struct gofer *gofer, struct statx *ret_attributes)
{
    struct statx attributes;
    memcpy(&attributes, gofer->reply.payload, sizeof(attributes));
    if (!gofer_statx_ok(&attributes))
        sentry_die(gofer->sentry, "gofer sent impossible attributes");
    if (ret_attributes != NULL)
        *ret_attributes = attributes;
}

/* -- looking ------------------------------------------------------------------------------------------------------ */

/* Copies the leading names of `rest`, single slashes between them, stopping at "." and "..". Returns how many. */
static size_t clean_rest(const char *rest, char clean[GOFER_PATH_MAX])
{
    size_t count = 0, used = 0;
    while (count < GOFER_WALK_MAX) {
        rest += strspn(rest, "/");
        size_t length = strcspn(rest, "/");
        if (!gofer_name_ok(rest, length) || used + length + 2 > GOFER_PATH_MAX)
            break;
        if (count++ > 0)
            clean[used++] = '/';
        memcpy(clean + used, rest, length);
        used += length;
        rest += length;
    }
    clean[used] = '\0';
    return count;
}

/* Only a last component may be something other than a folder, and only a link has a target. */
static const char *walk_fault(const struct gofer_walk_result *result, size_t asked, size_t link_size)
{
    for (size_t i = 0; i < result->count; i++) {
        if (!gofer_statx_ok(&result->entries[i]))
            return "impossible attributes";
        if (i + 1 < result->count && !S_ISDIR(result->entries[i].stx_mode))
            return "a walk through what is no folder";
    }
    bool ends = result->count > 0 && !S_ISDIR(result->entries[result->count - 1].stx_mode);
    if ((result->count < asked && !ends) != (result->error < 0))
        return "a walk that stops without a reason";
    bool link = result->count > 0 && S_ISLNK(result->entries[result->count - 1].stx_mode);
    if (link != (link_size > 0) || (link && !gofer_string_ok(result->link, link_size, sizeof(result->link))))
        return "a link without its target";
    return NULL;
}

int gofer_walk(struct gofer *gofer, const char *base, const char *rest, struct gofer_walk_result *ret_result)
{
    static const struct expected any = {.data_max = GOFER_WALK_MAX * sizeof(struct statx) + GOFER_PATH_MAX};
    static struct gofer_walk_result result; /* main thread only; too large for a stack */
    char clean[GOFER_PATH_MAX];
    size_t asked = clean_rest(rest, clean);
    if (asked == 0) {
        *ret_result = (struct gofer_walk_result){0};
        return 0;
    }

    (void)begin(gofer, GOFER_OP_WALK);
    int status = add_first(gofer, base, true);
    if (status == 0)
        status = add_second(gofer, clean, GOFER_PATH_MAX, -ENAMETOOLONG);
    if (status == 0)
        status = exchange(gofer, &any, NULL);
    if (status < 0)
        return status;

    const struct gofer_reply *reply = &gofer->reply.header;
    if (reply->value < 0 || (uint64_t)reply->value > asked ||
        reply->data_size < (size_t)reply->value * sizeof(struct statx))
        sentry_die(gofer->sentry, "gofer sent a walk of the wrong length");
    result.count = (size_t)reply->value;
    result.error = reply->detail;
    size_t entries_size = result.count * sizeof(struct statx), link_size = reply->data_size - entries_size;
    if (link_size > sizeof(result.link))
        sentry_die(gofer->sentry, "gofer sent a link that is too long");
    memcpy(result.entries, gofer->reply.payload, entries_size);
    memcpy(result.link, gofer->reply.payload + entries_size, link_size);
    const char *fault = walk_fault(&result, asked, link_size);
    if (fault != NULL)
        sentry_die(gofer->sentry, "gofer sent %s", fault);

    ret_result->count = result.count;
    ret_result->error = result.error;
    memcpy(ret_result->entries, result.entries, entries_size);
    memcpy(ret_result->link, result.link, link_size);
    if (link_size == 0)
        ret_result->link[0] = '\0';
    return 0;
}

int gofer_getattr(struct gofer *gofer, struct gofer_place place, struct statx *ret_attributes)
{
    static const struct expected attributes = {.data_min = sizeof(struct statx), .data_max = sizeof(struct statx)};
    (void)begin(gofer, GOFER_OP_GETATTR);
    int status = add_place(gofer, place);
    if (status == 0)
        status = exchange(gofer, &attributes, NULL);
    if (status == 0)
        take_attributes(gofer, ret_attributes);
    return status;
}

int gofer_statfs(struct gofer *gofer, struct gofer_place place, struct statfs *ret_statfs)
{
    static const struct expected figures = {.data_min = sizeof(struct statfs), .data_max = sizeof(struct statfs)};
    (void)begin(gofer, GOFER_OP_STATFS);
    int status = add_place(gofer, place);
    if (status == 0)
        status = exchange(gofer, &figures, NULL);
    if (status == 0)
        memcpy(ret_statfs, gofer->reply.payload, sizeof(*ret_statfs));
    return status;
}

/* -- opening ------------------------------------------------------------------------------------------------------ */

int gofer_open(struct gofer *gofer, const char *path, int flags, mode_t mode, const struct gofer_owner *owner, int exec,
               int *ret_fd, struct statx *ret_attributes, int *ret_created)
{
    static const struct expected file = {
        .data_min = sizeof(struct statx), .data_max = sizeof(struct statx), .fd = true};
    static const struct gofer_owner nobody;
    struct gofer_request *request = begin(gofer, GOFER_OP_OPEN);
    request->flags = (uint32_t)flags & GOFER_OPEN_FLAGS;
    request->mode = mode & 07777;
    request->extra = exec != 0;
    int status = add_first(gofer, path, true);
    if (status == 0)
        status = add_owner(gofer, owner != NULL ? owner : &nobody);
    auto_close int fd = -1;
    if (status == 0)
        status = exchange(gofer, &file, &fd);
    if (status < 0)
        return status;
    take_attributes(gofer, ret_attributes);
    if (ret_created != NULL)
        *ret_created = gofer->reply.header.value != 0;
    *ret_fd = take_fd(&fd);
    return 0;
}

/* The requests that answer with nothing but a descriptor. */
static int exchange_fd(struct gofer *gofer, int *ret_fd)
{
    static const struct expected descriptor = {.fd = true};
    return exchange(gofer, &descriptor, ret_fd);
}

int gofer_reopen(struct gofer *gofer, int fd, int flags, int *ret_fd)
{
    begin(gofer, GOFER_OP_REOPEN)->flags =
        (uint32_t)flags & GOFER_OPEN_FLAGS & ~(uint32_t)(O_CREAT | O_EXCL | __O_TMPFILE);
    add_fd(gofer, fd);
    return exchange_fd(gofer, ret_fd);
}

int gofer_hidden_directory(struct gofer *gofer, const char *name, int *ret_fd)
{
    size_t length = strnlen(name, GOFER_NAME_MAX + 1);
    if (length > GOFER_NAME_MAX)
        return -ENAMETOOLONG;
    if (!gofer_name_ok(name, length))
        return -EINVAL;
    begin(gofer, GOFER_OP_HIDDEN_DIRECTORY)->first_size = (uint16_t)(length + 1);
    add_bytes(gofer, name, length + 1);
    return exchange_fd(gofer, ret_fd);
}

int gofer_fuse_open(struct gofer *gofer, uint64_t node, int flags, int *ret_fd)
{
    struct gofer_request *request = begin(gofer, GOFER_OP_FUSE_OPEN);
    request->node = node;
    request->flags = (uint32_t)flags & GOFER_OPEN_FLAGS & ~(uint32_t)(O_CREAT | O_EXCL | __O_TMPFILE);
    return exchange_fd(gofer, ret_fd);
}

/* -- names -------------------------------------------------------------------------------------------------------- */

/* The start of every request that makes something: path, mode, owner. */
static int begin_making(struct gofer *gofer, enum gofer_op op, const char *path, mode_t mode,
                        const struct gofer_owner *owner)
{
    begin(gofer, op)->mode = mode;
    int status = add_first(gofer, path, false);
    return status < 0 ? status : add_owner(gofer, owner);
}

int gofer_mkdir(struct gofer *gofer, const char *path, mode_t mode, const struct gofer_owner *owner)
{
    int status = begin_making(gofer, GOFER_OP_MKDIR, path, mode & 07777, owner);
    return status < 0 ? status : exchange_plain(gofer);
}

int gofer_mknod(struct gofer *gofer, const char *path, mode_t mode, dev_t dev, const struct gofer_owner *owner)
{
    int status = begin_making(gofer, GOFER_OP_MKNOD, path, mode & (S_IFMT | 07777), owner);
    gofer->request.header.device = dev;
    return status < 0 ? status : exchange_plain(gofer);
}

int gofer_symlink(struct gofer *gofer, const char *path, const char *target, const struct gofer_owner *owner)
{
    int status = begin_making(gofer, GOFER_OP_SYMLINK, path, 0, owner);
    if (status == 0 && target[0] == '\0')
        status = -ENOENT;
    if (status == 0)
        status = add_second(gofer, target, GOFER_PATH_MAX, -ENAMETOOLONG);
    return status < 0 ? status : exchange_plain(gofer);
}

/* A path in the second place. */
static int add_second_path(struct gofer *gofer, const char *path)
{
    int status = check_path(path, false);
    return status < 0 ? status : add_second(gofer, path, GOFER_PATH_MAX, -ENAMETOOLONG);
}

int gofer_link(struct gofer *gofer, struct gofer_place source, const char *path)
{
    (void)begin(gofer, GOFER_OP_LINK);
    int status = add_place(gofer, source);
    if (status == 0)
        status = add_second_path(gofer, path);
    return status < 0 ? status : exchange_plain(gofer);
}

int gofer_unlink(struct gofer *gofer, const char *path, int directory)
{
    begin(gofer, GOFER_OP_UNLINK)->flags = directory != 0 ? AT_REMOVEDIR : 0;
    int status = add_first(gofer, path, false);
    return status < 0 ? status : exchange_plain(gofer);
}

int gofer_rename(struct gofer *gofer, const char *from, const char *to, unsigned int flags)
{
    if ((flags & ~(unsigned int)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) != 0)
        return -EINVAL;
    begin(gofer, GOFER_OP_RENAME)->flags = flags;
    int status = add_first(gofer, from, false);
    if (status == 0)
        status = add_second_path(gofer, to);
    return status < 0 ? status : exchange_plain(gofer);
}

/* -- attributes --------------------------------------------------------------------------------------------------- */

static struct gofer_time to_time(struct timespec time)
{
    return (struct gofer_time){.seconds = time.tv_sec, .nanoseconds = time.tv_nsec};
}

int gofer_setattr(struct gofer *gofer, struct gofer_place place, const struct setattr *set)
{
    struct gofer_request *request = begin(gofer, GOFER_OP_SETATTR);
    request->valid = set->valid & GOFER_SET_ALL;
    if ((set->valid & SETATTR_MODE) != 0)
        request->mode = set->mode & 07777;
    if ((set->valid & SETATTR_OWNER) != 0) {
        request->uid = set->uid;
        request->gid = set->gid;
    }
    if ((set->valid & SETATTR_SIZE) != 0) {
        if (set->size < 0)
            return -EINVAL;
        request->size = (uint64_t)set->size;
    }
    if ((set->valid & SETATTR_TIMES) != 0) {
        request->atime = to_time(set->atime);
        request->mtime = to_time(set->mtime);
        if (!gofer_time_ok(&request->atime) || !gofer_time_ok(&request->mtime))
            return -EINVAL;
    }
    int status = add_place(gofer, place);
    return status < 0 ? status : exchange_plain(gofer);
}

static int begin_xattr(struct gofer *gofer, enum gofer_op op, struct gofer_place place, const char *name)
{
    (void)begin(gofer, op);
    int status = add_place(gofer, place);
    if (status == 0 && name != NULL)
        status = name[0] == '\0' ? -ERANGE : add_second(gofer, name, GOFER_XATTR_NAME_MAX, -ERANGE);
    return status;
}

/* What getxattr and listxattr have in common: a length is asked for, or up to `size` bytes. */
static ssize_t exchange_bytes(struct gofer *gofer, void *bytes, size_t size)
{
    size_t room = size < GOFER_DATA_MAX ? size : GOFER_DATA_MAX;
    struct expected value = {.data_max = room};
    gofer->request.header.size = room;
    int status = exchange(gofer, &value, NULL);
    if (status < 0)
        return status;

    const struct gofer_reply *reply = &gofer->reply.header;
    if (reply->value < 0 || reply->value > GOFER_DATA_MAX || (size > 0 && (size_t)reply->value != reply->data_size))
        sentry_die(gofer->sentry, "gofer sent an attribute of the wrong length");
    if (size > 0)
        memcpy(bytes, gofer->reply.payload, reply->data_size);
    return (ssize_t)reply->value;
}

ssize_t gofer_getxattr(struct gofer *gofer, struct gofer_place place, const char *name, void *value, size_t size)
{
    int status = begin_xattr(gofer, GOFER_OP_GETXATTR, place, name);
    return status < 0 ? status : exchange_bytes(gofer, value, size);
}

ssize_t gofer_listxattr(struct gofer *gofer, struct gofer_place place, char *list, size_t size)
{
    int status = begin_xattr(gofer, GOFER_OP_LISTXATTR, place, NULL);
    return status < 0 ? status : exchange_bytes(gofer, list, size);
}

int gofer_setxattr(struct gofer *gofer, struct gofer_place place, const char *name, const void *value, size_t size,
                   int flags)
{
    if (size > GOFER_DATA_MAX)
        return -E2BIG;
    if ((flags & ~(XATTR_CREATE | XATTR_REPLACE)) != 0)
        return -EINVAL;
    int status = begin_xattr(gofer, GOFER_OP_SETXATTR, place, name);
    if (status < 0)
        return status;
    gofer->request.header.flags = (uint32_t)flags;
    add_bytes(gofer, value, size);
    return exchange_plain(gofer);
}

int gofer_removexattr(struct gofer *gofer, struct gofer_place place, const char *name)
{
    int status = begin_xattr(gofer, GOFER_OP_REMOVEXATTR, place, name);
    return status < 0 ? status : exchange_plain(gofer);
}

int gofer_sync(struct gofer *gofer)
{
    (void)begin(gofer, GOFER_OP_SYNC);
    return exchange_plain(gofer);
}

/* -- sockets and watches ------------------------------------------------------------------------------------------ */

int gofer_bind(struct gofer *gofer, int socket, const char *path, mode_t mode, const struct gofer_owner *owner)
{
    int status = begin_making(gofer, GOFER_OP_BIND, path, mode & 07777, owner);
    add_fd(gofer, socket);
    return status < 0 ? status : exchange_plain(gofer);
}

int gofer_connect(struct gofer *gofer, int socket, const char *path)
{
    (void)begin(gofer, GOFER_OP_CONNECT);
    int status = add_first(gofer, path, false);
    add_fd(gofer, socket);
    return status < 0 ? status : exchange_plain(gofer);
}

int gofer_inotify_add(struct gofer *gofer, int inotify, const char *path, uint32_t mask)
{
    static const uint32_t known =
        IN_ALL_EVENTS | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK | IN_MASK_CREATE | IN_MASK_ADD | IN_ONESHOT;
    begin(gofer, GOFER_OP_INOTIFY_ADD)->flags = mask & known;
    int status = add_first(gofer, path, true);
    add_fd(gofer, inotify);
    if (status == 0)
        status = exchange_plain(gofer);
    if (status < 0)
        return status;
    int64_t watch = gofer->reply.header.value;
    if (watch < 0 || watch > INT32_MAX)
        sentry_die(gofer->sentry, "gofer sent an impossible watch");
    return (int)watch;
}
