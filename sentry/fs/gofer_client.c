/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/fs/gofer_client.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/xattr.h>
#include <string.h>

#include "postern/cleanup.h"
#include "postern/mark.h"
#include "sentry/fs/gofer_line.h"
#include "sentry/vfs/vfs.h"

_Static_assert((int)GOFER_WALK_MAX == (int)GOFER_COMPONENTS_MAX, "one limit, two headers");
_Static_assert((int)SETATTR_MODE == (int)GOFER_SET_MODE && (int)SETATTR_OWNER == (int)GOFER_SET_OWNER &&
                   (int)SETATTR_SIZE == (int)GOFER_SET_SIZE && (int)SETATTR_TIMES == (int)GOFER_SET_TIMES,
               "one set of bits, two headers");

_Static_assert((int)ACTOR_LACKS_CHOWN == (int)GOFER_LACKS_CHOWN && (int)ACTOR_LACKS_FOWNER == (int)GOFER_LACKS_FOWNER &&
                   (int)ACTOR_LACKS_FSETID == (int)GOFER_LACKS_FSETID,
               "the same of what an actor lacks");

static void add_actor(struct gofer_request *request, const struct actor *actor)
{
    if (actor->lacks == 0)
        return;
    request->extra = actor->lacks;
    request->actor_uid = actor->uid;
    request->actor_gid = actor->gid;
}

static void take_attributes(struct gofer_line *line, struct statx *ret_attributes)
{
    struct statx attributes;
    memcpy(&attributes, line->reply.payload, sizeof(attributes));
    if (!gofer_statx_ok(&attributes))
        line_fault(line, "impossible attributes");
    if (ret_attributes != NULL)
        *ret_attributes = attributes;
}

/* A change that has been made: the reply may say what it came to. */
static int exchange_change(struct gofer_line *line, struct statx *ret_after)
{
    static const struct expected attributes = {.data_max = sizeof(struct statx)};
    int status = line_exchange(line, &attributes, NULL);
    if (ret_after != NULL)
        ret_after->stx_mask = 0;
    if (status < 0 || line->reply.header.data_size == 0)
        return status;
    if (line->reply.header.data_size != sizeof(struct statx))
        line_fault(line, "half of attributes");
    take_attributes(line, ret_after);
    return 0;
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

static int walk(struct gofer_line *line, struct gofer_place base, const char *clean, size_t asked, struct gofer_walk_result *result)
{
    static const struct expected any = {.data_max = GOFER_WALK_MAX * sizeof(struct statx) + GOFER_PATH_MAX};
    (void)line_begin(line, GOFER_OP_WALK);
    int status = line_add_path(line, base, true);
    if (status == 0)
        status = line_add_second(line, clean, GOFER_PATH_MAX, -ENAMETOOLONG);
    if (status == 0)
        status = line_exchange(line, &any, NULL);
    if (status < 0)
        return status;

    const struct gofer_reply *reply = &line->reply.header;
    if (reply->value < 0 || (uint64_t)reply->value > asked ||
        reply->data_size < (size_t)reply->value * sizeof(struct statx))
        line_fault(line, "a walk of the wrong length");
    result->count = (size_t)reply->value;
    result->error = reply->detail;
    size_t entries_size = result->count * sizeof(struct statx), link_size = reply->data_size - entries_size;
    if (link_size > sizeof(result->link))
        line_fault(line, "a link that is too long");
    memcpy(result->entries, line->reply.payload, entries_size);
    memcpy(result->link, line->reply.payload + entries_size, link_size);
    const char *fault = walk_fault(result, asked, link_size);
    if (fault != NULL)
        line_fault(line, fault);
    if (link_size == 0)
        result->link[0] = '\0';
    return 0;
}

int gofer_walk(struct gofer *gofer, struct gofer_place base, const char *rest, struct gofer_walk_result *ret_result)
{
    char clean[GOFER_PATH_MAX];
    size_t asked = clean_rest(rest, clean);
    if (asked == 0) {
        ret_result->count = 0;
        ret_result->error = 0;
        ret_result->link[0] = '\0';
        return 0;
    }
    auto_line struct gofer_line *line = line_take(gofer);
    return walk(line, base, clean, asked, ret_result);
}

/* Takes one entry off the payload; what it took, or 0 if it is none. */
static size_t take_listed(const char *payload, size_t size, struct gofer_listed *ret_entry)
{
    if (size < sizeof(struct statx))
        return 0;
    const char *name = payload + sizeof(struct statx);
    size_t length = strnlen(name, size - sizeof(struct statx)), taken = sizeof(struct statx) + gofer_list_room(length);
    memcpy(&ret_entry->attributes, payload, sizeof(struct statx));
    if (!gofer_name_ok(name, length) || taken > size || !gofer_statx_ok(&ret_entry->attributes))
        return 0;
    memcpy(ret_entry->name, name, length + 1);
    return taken;
}

int gofer_list(struct gofer *gofer, struct gofer_place folder, int64_t from, struct gofer_listed entries[GOFER_LIST_MAX], size_t *ret_count,
               int64_t *ret_next)
{
    static const struct expected any = {.data_max = GOFER_DATA_MAX};
    auto_line struct gofer_line *line = line_take(gofer);
    struct gofer_request *request = line_begin(line, GOFER_OP_LIST);
    request->node = (uint64_t)from;
    int status = line_add_path(line, folder, true);
    if (status == 0)
        status = line_exchange(line, &any, NULL);
    if (status < 0)
        return status;

    const struct gofer_reply *reply = &line->reply.header;
    size_t count = 0;
    for (size_t used = 0, taken; used < reply->data_size; used += taken) {
        taken = count < GOFER_LIST_MAX ? take_listed(line->reply.payload + used, reply->data_size - used, &entries[count++]) : 0;
        if (taken == 0)
            line_fault(line, "an impossible list");
    }
    *ret_count = count;
    *ret_next = reply->value;
    return 0;
}

int gofer_getattr(struct gofer *gofer, struct gofer_place place, struct statx *ret_attributes)
{
    auto_line struct gofer_line *line = line_take(gofer);
    static const struct expected attributes = {.data_min = sizeof(struct statx), .data_max = sizeof(struct statx)};
    (void)line_begin(line, GOFER_OP_GETATTR);
    int status = line_add_place(line, place);
    if (status == 0)
        status = line_exchange(line, &attributes, NULL);
    if (status == 0)
        take_attributes(line, ret_attributes);
    return status;
}

int gofer_statfs(struct gofer *gofer, struct gofer_place place, struct statfs *ret_statfs)
{
    auto_line struct gofer_line *line = line_take(gofer);
    static const struct expected figures = {.data_min = sizeof(struct statfs), .data_max = sizeof(struct statfs)};
    (void)line_begin(line, GOFER_OP_STATFS);
    int status = line_add_place(line, place);
    if (status == 0)
        status = line_exchange(line, &figures, NULL);
    if (status == 0)
        memcpy(ret_statfs, line->reply.payload, sizeof(*ret_statfs));
    return status;
}

/* -- opening ------------------------------------------------------------------------------------------------------ */

int gofer_open(struct gofer *gofer, struct gofer_place place, int flags, mode_t mode, const struct gofer_owner *owner, int exec,
               int *ret_fd, struct statx *ret_attributes, int *ret_created)
{
    auto_line struct gofer_line *line = line_take(gofer);
    static const struct expected file = {
        .data_min = sizeof(struct statx), .data_max = sizeof(struct statx), .fd = true};
    static const struct gofer_owner nobody;
    struct gofer_request *request = line_begin(line, GOFER_OP_OPEN);
    request->flags = (uint32_t)flags & GOFER_OPEN_FLAGS;
    request->mode = mode & 07777;
    request->extra = exec != 0;
    int status = line_add_path(line, place, true);
    if (status == 0)
        status = line_add_owner(line, owner != NULL ? owner : &nobody);
    auto_close int fd = -1;
    if (status == 0)
        status = line_exchange(line, &file, &fd);
    if (status < 0)
        return status;
    take_attributes(line, ret_attributes);
    if (ret_created != NULL)
        *ret_created = line->reply.header.value != 0;
    *ret_fd = take_fd(&fd);
    return 0;
}

/* The requests that answer with nothing but a descriptor. */
static int exchange_fd(struct gofer_line *line, int *ret_fd)
{
    static const struct expected descriptor = {.fd = true};
    return line_exchange(line, &descriptor, ret_fd);
}

int gofer_reopen(struct gofer *gofer, int fd, int flags, int *ret_fd)
{
    auto_line struct gofer_line *line = line_take(gofer);
    line_begin(line, GOFER_OP_REOPEN)->flags =
        (uint32_t)flags & GOFER_OPEN_FLAGS & ~(uint32_t)(O_CREAT | O_EXCL | __O_TMPFILE);
    line_add_fd(line, fd);
    return exchange_fd(line, ret_fd);
}

static int add_name(struct gofer_line *line, const char *name)
{
    size_t length = strnlen(name, GOFER_NAME_MAX + 1);
    if (length > GOFER_NAME_MAX)
        return -ENAMETOOLONG;
    if (!gofer_name_ok(name, length))
        return -EINVAL;
    line->request.header.first_size = (uint16_t)(length + 1);
    line_add_bytes(line, name, length + 1);
    return 0;
}

int gofer_hidden_directory(struct gofer *gofer, const char *name, int *ret_fd)
{
    auto_line struct gofer_line *line = line_take(gofer);
    (void)line_begin(line, GOFER_OP_HIDDEN_DIRECTORY);
    int status = add_name(line, name);
    return status < 0 ? status : exchange_fd(line, ret_fd);
}

int gofer_fuse_open(struct gofer *gofer, uint64_t node, int flags, int *ret_fd)
{
    auto_line struct gofer_line *line = line_take(gofer);
    struct gofer_request *request = line_begin(line, GOFER_OP_FUSE_OPEN);
    request->node = node;
    request->flags = (uint32_t)flags & GOFER_FUSE_FLAGS;
    return exchange_fd(line, ret_fd);
}

static int exchange_queue(struct gofer_line *line, int *ret_fd, struct statx *ret_attributes)
{
    static const struct expected queue = {.data_min = sizeof(struct statx), .data_max = sizeof(struct statx), .fd = true};
    auto_close int fd = -1;
    int status = line_exchange(line, &queue, &fd);
    if (status < 0)
        return status;
    take_attributes(line, ret_attributes);
    *ret_fd = take_fd(&fd);
    return 0;
}

int gofer_queue_find(struct gofer *gofer, const char *name, int *ret_fd, struct statx *ret_attributes)
{
    auto_line struct gofer_line *line = line_take(gofer);
    (void)line_begin(line, GOFER_OP_QUEUE_FIND);
    int status = line_add_first(line, name, true);
    return status < 0 ? status : exchange_queue(line, ret_fd, ret_attributes);
}

int gofer_queue_make(struct gofer *gofer, const char *name, int flags, mode_t mode, const struct gofer_owner *owner,
                     const int64_t limits[2], int *ret_fd, struct statx *ret_attributes)
{
    auto_line struct gofer_line *line = line_take(gofer);
    struct gofer_request *request = line_begin(line, GOFER_OP_QUEUE_MAKE);
    request->flags = (uint32_t)flags & (O_ACCMODE | O_NONBLOCK);
    request->mode = mode & 07777;
    request->extra = owner == NULL;
    int status = add_name(line, name);
    if (status == 0 && owner != NULL)
        status = line_add_owner(line, owner);
    if (status < 0)
        return status;
    if (limits != NULL) {
        const struct gofer_queue queue = {.messages = limits[0], .message_size = limits[1]};
        line_add_bytes(line, &queue, sizeof(queue));
    }
    return exchange_queue(line, ret_fd, ret_attributes);
}

int gofer_queue_unlink(struct gofer *gofer, const char *name, uint64_t inode)
{
    auto_line struct gofer_line *line = line_take(gofer);
    line_begin(line, GOFER_OP_QUEUE_UNLINK)->node = inode;
    int status = add_name(line, name);
    return status < 0 ? status : line_exchange_plain(line);
}

/* -- threads ------------------------------------------------------------------------------------------------------ */

int gofer_rank(struct gofer *gofer, const struct gofer_rank *rank)
{
    auto_line struct gofer_line *line = line_take(gofer);
    (void)line_begin(line, GOFER_OP_RANK);
    line_add_bytes(line, rank, sizeof(*rank));
    return line_exchange_plain(line);
}

/* -- names -------------------------------------------------------------------------------------------------------- */

/* The start of every request that makes something: path, mode, owner. */
static int begin_making(struct gofer_line *line, enum gofer_op op, struct gofer_place place, mode_t mode,
                        const struct gofer_owner *owner)
{
    line_begin(line, op)->mode = mode;
    int status = line_add_path(line, place, false);
    return status < 0 ? status : line_add_owner(line, owner);
}

int gofer_mkdir(struct gofer *gofer, struct gofer_place place, mode_t mode, const struct gofer_owner *owner, struct statx *ret_after)
{
    auto_line struct gofer_line *line = line_take(gofer);
    int status = begin_making(line, GOFER_OP_MKDIR, place, mode & 07777, owner);
    return status < 0 ? status : exchange_change(line, ret_after);
}

int gofer_mknod(struct gofer *gofer, struct gofer_place place, mode_t mode, dev_t dev, const struct gofer_owner *owner,
                struct statx *ret_after)
{
    auto_line struct gofer_line *line = line_take(gofer);
    int status = begin_making(line, GOFER_OP_MKNOD, place, mode & (S_IFMT | 07777), owner);
    line->request.header.device = dev;
    return status < 0 ? status : exchange_change(line, ret_after);
}

int gofer_symlink(struct gofer *gofer, struct gofer_place place, const char *target, const struct gofer_owner *owner,
                  struct statx *ret_after)
{
    auto_line struct gofer_line *line = line_take(gofer);
    int status = begin_making(line, GOFER_OP_SYMLINK, place, 0, owner);
    if (status == 0 && target[0] == '\0')
        status = -ENOENT;
    if (status == 0)
        status = line_add_second(line, target, GOFER_PATH_MAX, -ENAMETOOLONG);
    return status < 0 ? status : exchange_change(line, ret_after);
}

int gofer_link(struct gofer *gofer, struct gofer_place source, struct gofer_place place, struct statx *ret_after)
{
    auto_line struct gofer_line *line = line_take(gofer);
    (void)line_begin(line, GOFER_OP_LINK);
    int status = line_add_place(line, source);
    if (status == 0)
        status = line_add_second_path(line, place);
    return status < 0 ? status : exchange_change(line, ret_after);
}

int gofer_unlink(struct gofer *gofer, struct gofer_place place, struct gofer_identity victim, int directory)
{
    auto_line struct gofer_line *line = line_take(gofer);
    struct gofer_request *request = line_begin(line, GOFER_OP_UNLINK);
    request->flags = directory != 0 ? AT_REMOVEDIR : 0;
    request->expected[1] = victim;
    int status = line_add_path(line, place, false);
    return status < 0 ? status : line_exchange_plain(line);
}

int gofer_rename(struct gofer *gofer, struct gofer_place from, struct gofer_place to, unsigned int flags,
                 const struct gofer_owner *owner)
{
    auto_line struct gofer_line *line = line_take(gofer);
    if ((flags & ~(unsigned int)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) != 0)
        return -EINVAL;
    line_begin(line, GOFER_OP_RENAME)->flags = flags;
    int status = line_add_owner(line, owner);
    if (status == 0)
        status = line_add_path(line, from, false);
    if (status == 0)
        status = line_add_second_path(line, to);
    return status < 0 ? status : line_exchange_plain(line);
}

/* -- attributes --------------------------------------------------------------------------------------------------- */

static struct gofer_time to_time(struct timespec time)
{
    return (struct gofer_time){.seconds = time.tv_sec, .nanoseconds = time.tv_nsec};
}

int gofer_setattr(struct gofer *gofer, struct gofer_place place, const struct setattr *set, struct statx *ret_after)
{
    auto_line struct gofer_line *line = line_take(gofer);
    struct gofer_request *request = line_begin(line, GOFER_OP_SETATTR);
    request->valid = set->valid & GOFER_SET_ALL;
    add_actor(request, &set->actor);
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
    int status = line_add_place(line, place);
    return status < 0 ? status : exchange_change(line, ret_after);
}

static int begin_xattr(struct gofer_line *line, enum gofer_op op, struct gofer_place place, const char *name)
{
    (void)line_begin(line, op);
    int status = line_add_place(line, place);
    if (status == 0 && name != NULL)
        status = name[0] == '\0' ? -ERANGE : line_add_second(line, name, GOFER_XATTR_NAME_MAX, -ERANGE);
    return status;
}

/* What getxattr and listxattr have in common: a length is asked for, or up to `size` bytes. */
static ssize_t exchange_bytes(struct gofer_line *line, void *bytes, size_t size)
{
    size_t room = size < GOFER_DATA_MAX ? size : GOFER_DATA_MAX;
    struct expected value = {.data_max = room};
    line->request.header.size = room;
    int status = line_exchange(line, &value, NULL);
    if (status < 0)
        return status;

    const struct gofer_reply *reply = &line->reply.header;
    if (reply->value < 0 || reply->value > GOFER_DATA_MAX || (size > 0 && (size_t)reply->value != reply->data_size))
        line_fault(line, "an attribute of the wrong length");
    if (size > 0)
        memcpy(bytes, line->reply.payload, reply->data_size);
    return (ssize_t)reply->value;
}

ssize_t gofer_getxattr(struct gofer *gofer, struct gofer_place place, const char *name, void *value, size_t size)
{
    auto_line struct gofer_line *line = line_take(gofer);
    int status = begin_xattr(line, GOFER_OP_GETXATTR, place, name);
    return status < 0 ? status : exchange_bytes(line, value, size);
}

ssize_t gofer_listxattr(struct gofer *gofer, struct gofer_place place, char *list, size_t size)
{
    auto_line struct gofer_line *line = line_take(gofer);
    int status = begin_xattr(line, GOFER_OP_LISTXATTR, place, NULL);
    return status < 0 ? status : exchange_bytes(line, list, size);
}

int gofer_setxattr(struct gofer *gofer, struct gofer_place place, const struct actor *actor, const char *name, const void *value,
                   size_t size, int flags)
{
    auto_line struct gofer_line *line = line_take(gofer);
    if (size > GOFER_DATA_MAX)
        return -E2BIG;
    if ((flags & ~(XATTR_CREATE | XATTR_REPLACE)) != 0)
        return -EINVAL;
    int status = begin_xattr(line, GOFER_OP_SETXATTR, place, name);
    if (status < 0)
        return status;
    line->request.header.flags = (uint32_t)flags;
    add_actor(&line->request.header, actor);
    line_add_bytes(line, value, size);
    return line_exchange_plain(line);
}

int gofer_removexattr(struct gofer *gofer, struct gofer_place place, const struct actor *actor, const char *name)
{
    auto_line struct gofer_line *line = line_take(gofer);
    int status = begin_xattr(line, GOFER_OP_REMOVEXATTR, place, name);
    add_actor(&line->request.header, actor);
    return status < 0 ? status : line_exchange_plain(line);
}

int gofer_sync(struct gofer *gofer)
{
    auto_line struct gofer_line *line = line_take(gofer);
    (void)line_begin(line, GOFER_OP_SYNC);
    return line_exchange_plain(line);
}

/* -- sockets and watches ------------------------------------------------------------------------------------------ */

int gofer_bind(struct gofer *gofer, int socket, struct gofer_place place, const char *words, mode_t mode,
               const struct gofer_owner *owner)
{
    auto_line struct gofer_line *line = line_take(gofer);
    int status = begin_making(line, GOFER_OP_BIND, place, mode & 07777, owner);
    if (status == 0)
        status = line_add_second(line, words, GOFER_SOCKET_NAME_MAX + 1, -ENAMETOOLONG);
    line_add_fd(line, socket);
    return status < 0 ? status : line_exchange_plain(line);
}

int gofer_connect(struct gofer *gofer, int socket, struct gofer_place place, const struct mark *mark)
{
    auto_line struct gofer_line *line = line_take(gofer);
    (void)line_begin(line, GOFER_OP_CONNECT);
    int status = line_add_path(line, place, false);
    line_add_fd(line, socket);
    if (status == 0 && mark != NULL)
        line_add_bytes(line, mark, sizeof(*mark));
    return status < 0 ? status : line_exchange_plain(line);
}

ssize_t gofer_send(struct gofer *gofer, int socket, struct gofer_place place, int flags, const void *data, size_t size,
                   const uint32_t *ticket)
{
    auto_line struct gofer_line *line = line_take(gofer);
    if (size > GOFER_DATA_MAX)
        return -EMSGSIZE;
    struct gofer_request *request = line_begin(line, GOFER_OP_SEND);
    request->flags = (uint32_t)flags & GOFER_SEND_FLAGS;
    request->extra = ticket != NULL;
    request->mode = ticket != NULL ? *ticket : 0;
    int status = line_add_path(line, place, false);
    if (status == 0)
        line_add_bytes(line, data, size);
    line_add_fd(line, socket);
    if (status == 0)
        status = line_exchange_plain(line);
    if (status < 0)
        return status;
    int64_t sent = line->reply.header.value;
    if (sent < 0 || (size_t)sent > size)
        line_fault(line, "more than there was");
    return sent;
}

int gofer_inotify_add(struct gofer *gofer, int inotify, struct gofer_place place, uint32_t mask)
{
    auto_line struct gofer_line *line = line_take(gofer);
    static const uint32_t known =
        IN_ALL_EVENTS | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK | IN_MASK_CREATE | IN_MASK_ADD | IN_ONESHOT;
    line_begin(line, GOFER_OP_INOTIFY_ADD)->flags = mask & known;
    int status = line_add_path(line, place, true);
    line_add_fd(line, inotify);
    if (status == 0)
        status = line_exchange_plain(line);
    if (status < 0)
        return status;
    int64_t watch = line->reply.header.value;
    if (watch < 0 || watch > INT32_MAX)
        line_fault(line, "an impossible watch");
    return (int)watch;
}
