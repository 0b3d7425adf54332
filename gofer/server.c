/* SPDX-License-Identifier: Apache-2.0 */
#include "gofer/server.h"

#include <errno.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "gofer/owner.h"
#include "postern/boot.h"
#include "postern/cleanup.h"
#include "postern/confine.h"
#include "postern/mark.h"
#include "postern/in_flight.h"
#include "postern/socket.h"

CONFINE_ALLOW_IF(recvmsg, 0, UINT32_MAX, GOFER_FD_SENTRY, "requests");
CONFINE_ALLOW_IF(sendmsg, 0, UINT32_MAX, GOFER_FD_SENTRY, "replies");
CONFINE_ALLOW(close, "descriptors of a request");
CONFINE_ALLOW(getpid, "its own number, for tickets");
CONFINE_ALLOW(fstatfs, "which file system it is of");
CONFINE_ALLOW(newfstatat, "which kind of object a descriptor is");
CONFINE_ALLOW(fstat, "which kind of object a descriptor is");

/* What a request may carry, and whether it must. */
enum string_kind { STRING_NONE, STRING_PATH, STRING_SUBPATH, STRING_NAME, STRING_TARGET, STRING_XATTR, STRING_SOCKET };
enum fd_kind { FD_NONE, FD_PLACE, FD_OBJECT, FD_SOCKET, FD_INOTIFY, FD_LINE };

enum {
    USES_OWNER = 1,
    USES_SIZE = 2,
    USES_NODE = 4,
    USES_DEVICE = 8,
    USES_DATA = 16,
    USES_EXTRA = 32,
    USES_SETATTR = 64,
    USES_ACTOR = 128,
};

struct operation {
    const char *name;
    operation_fn *handler;
    enum string_kind first, second;
    enum fd_kind fd;      /* FD_PLACE: a first string or a descriptor, never both */
    uint32_t flags, mode; /* masks of what is allowed */
    unsigned int uses;
};

enum { MODE_BITS = 07777, MODE_ALL = S_IFMT | MODE_BITS };

static const struct operation operations[GOFER_OP_COUNT] = {
    [GOFER_OP_WALK] = {"walk", op_walk, STRING_PATH, STRING_SUBPATH, FD_NONE, 0, 0, 0},
    [GOFER_OP_GETATTR] = {"getattr", op_getattr, STRING_PATH, STRING_NONE, FD_PLACE, 0, 0, 0},
    [GOFER_OP_SETATTR] = {"setattr", op_setattr, STRING_PATH, STRING_NONE, FD_PLACE, 0, MODE_BITS,
                          USES_SETATTR | USES_ACTOR},
    [GOFER_OP_OPEN] = {"open", op_open, STRING_PATH, STRING_NONE, FD_NONE, GOFER_OPEN_FLAGS, MODE_BITS,
                       USES_OWNER | USES_EXTRA},
    [GOFER_OP_REOPEN] = {"reopen", op_reopen, STRING_NONE, STRING_NONE, FD_OBJECT,
                         GOFER_OPEN_FLAGS & ~(uint32_t)(O_CREAT | O_EXCL | __O_TMPFILE), 0, 0},
    [GOFER_OP_MKDIR] = {"mkdir", op_mkdir, STRING_SUBPATH, STRING_NONE, FD_NONE, 0, MODE_BITS, USES_OWNER},
    [GOFER_OP_MKNOD] = {"mknod", op_mknod, STRING_SUBPATH, STRING_NONE, FD_NONE, 0, MODE_ALL, USES_OWNER | USES_DEVICE},
    [GOFER_OP_SYMLINK] = {"symlink", op_symlink, STRING_SUBPATH, STRING_TARGET, FD_NONE, 0, 0, USES_OWNER},
    [GOFER_OP_LINK] = {"link", op_link, STRING_PATH, STRING_SUBPATH, FD_PLACE, 0, 0, 0},
    [GOFER_OP_UNLINK] = {"unlink", op_unlink, STRING_SUBPATH, STRING_NONE, FD_NONE, AT_REMOVEDIR, 0, 0},
    [GOFER_OP_RENAME] = {"rename", op_rename, STRING_SUBPATH, STRING_SUBPATH, FD_NONE,
                         RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT, 0, USES_OWNER},
    [GOFER_OP_STATFS] = {"statfs", op_statfs, STRING_PATH, STRING_NONE, FD_PLACE, 0, 0, 0},
    [GOFER_OP_GETXATTR] = {"getxattr", op_getxattr, STRING_PATH, STRING_XATTR, FD_PLACE, 0, 0, USES_SIZE},
    [GOFER_OP_SETXATTR] = {"setxattr", op_setxattr, STRING_PATH, STRING_XATTR, FD_PLACE, XATTR_CREATE | XATTR_REPLACE,
                           0, USES_DATA | USES_ACTOR},
    [GOFER_OP_LISTXATTR] = {"listxattr", op_listxattr, STRING_PATH, STRING_NONE, FD_PLACE, 0, 0, USES_SIZE},
    [GOFER_OP_REMOVEXATTR] = {"removexattr", op_removexattr, STRING_PATH, STRING_XATTR, FD_PLACE, 0, 0, USES_ACTOR},
    [GOFER_OP_SYNC] = {"sync", op_sync, STRING_NONE, STRING_NONE, FD_NONE, 0, 0, 0},
    [GOFER_OP_BIND] = {"bind", op_bind, STRING_SUBPATH, STRING_SOCKET, FD_SOCKET, 0, MODE_BITS, USES_OWNER},
    [GOFER_OP_CONNECT] = {"connect", op_connect, STRING_SUBPATH, STRING_NONE, FD_SOCKET, 0, 0, USES_DATA},
    [GOFER_OP_SEND] = {"send", op_send, STRING_SUBPATH, STRING_NONE, FD_SOCKET, GOFER_SEND_FLAGS, TICKETS - 1,
                       USES_DATA | USES_EXTRA},
    [GOFER_OP_INOTIFY_ADD] = {"inotify_add", op_inotify_add, STRING_PATH, STRING_NONE, FD_INOTIFY,
                              IN_ALL_EVENTS | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK | IN_MASK_CREATE |
                                  IN_MASK_ADD | IN_ONESHOT,
                              0, 0},
    [GOFER_OP_HIDDEN_DIRECTORY] = {"hidden_directory", op_hidden_directory, STRING_NAME, STRING_NONE, FD_NONE, 0, 0, 0},
    [GOFER_OP_FUSE_OPEN] = {"fuse_open", op_fuse_open, STRING_NONE, STRING_NONE, FD_NONE, GOFER_FUSE_FLAGS, 0, USES_NODE},
    [GOFER_OP_LINE] = {"line", op_line, STRING_NONE, STRING_NONE, FD_LINE, 0, 0, 0},
    [GOFER_OP_QUEUE_FIND] = {"queue_find", op_queue_find, STRING_PATH, STRING_NONE, FD_NONE, 0, 0, 0},
    [GOFER_OP_QUEUE_MAKE] = {"queue_make", op_queue_make, STRING_NAME, STRING_NONE, FD_NONE, O_ACCMODE | O_NONBLOCK,
                             MODE_BITS, USES_OWNER | USES_DATA | USES_EXTRA},
    [GOFER_OP_QUEUE_UNLINK] = {"queue_unlink", op_queue_unlink, STRING_NAME, STRING_NONE, FD_NONE, 0, 0, USES_NODE},
    [GOFER_OP_LIST] = {"list", op_list, STRING_PATH, STRING_NONE, FD_NONE, 0, 0, USES_NODE},
    [GOFER_OP_RANK] = {"rank", op_rank, STRING_NONE, STRING_NONE, FD_NONE, 0, 0, USES_DATA},
};

static bool string_fits(enum string_kind kind, const char *string, size_t size)
{
    size_t components;
    switch (kind) {
    case STRING_NONE:
        return size == 0;
    case STRING_PATH:
        return gofer_path_ok(string, size, &components);
    case STRING_SUBPATH: /* names something below the root, not the root itself */
        return gofer_path_ok(string, size, &components) && components > 0;
    case STRING_NAME:
        return size > 0 && string[size - 1] == '\0' && gofer_name_ok(string, size - 1);
    case STRING_TARGET:
        return gofer_string_ok(string, size, GOFER_PATH_MAX) && size > 1;
    case STRING_SOCKET: /* the handler knows the name it must end in */
        return gofer_string_ok(string, size, GOFER_SOCKET_NAME_MAX + 1);
    case STRING_XATTR:
        return gofer_string_ok(string, size, GOFER_XATTR_NAME_MAX);
    }
    return false;
}

static bool owner_fits(const struct operation *operation, const struct gofer_request *request)
{
    if ((operation->uses & USES_OWNER) != 0)
        return request->uid != GOFER_ID_KEEP && request->gid != GOFER_ID_KEEP && (request->umask & ~0777u) == 0;
    if ((operation->uses & USES_SETATTR) != 0 && (request->valid & GOFER_SET_OWNER) != 0)
        return request->umask == 0;
    return request->uid == 0 && request->gid == 0 && request->umask == 0;
}

static bool setattr_fits(const struct operation *operation, const struct gofer_request *request)
{
    if ((operation->uses & USES_SETATTR) == 0) {
        static const struct gofer_time none;
        return request->valid == 0 && memcmp(&request->atime, &none, sizeof(none)) == 0 &&
               memcmp(&request->mtime, &none, sizeof(none)) == 0;
    }
    return (request->valid & ~(uint32_t)GOFER_SET_ALL) == 0 && gofer_time_ok(&request->atime) &&
           gofer_time_ok(&request->mtime) && request->size <= INT64_MAX;
}

static bool actor_fits(const struct operation *operation, const struct gofer_request *request)
{
    if ((operation->uses & USES_ACTOR) == 0 || request->extra == 0)
        return request->actor_uid == 0 && request->actor_gid == 0;
    return request->actor_uid != GOFER_ID_KEEP && request->actor_gid != GOFER_ID_KEEP && (request->valid & GOFER_SET_SIZE) == 0;
}

static uint32_t extra_most(const struct operation *operation)
{
    return (operation->uses & USES_ACTOR) != 0 ? GOFER_LACKS_ALL : (operation->uses & USES_EXTRA) != 0 ? 1u : 0u;
}

static bool numbers_fit(const struct operation *operation, const struct gofer_request *request)
{
    bool uses_size = (operation->uses & (USES_SIZE | USES_SETATTR)) != 0;
    return (request->flags & ~operation->flags) == 0 && (request->mode & ~operation->mode) == 0 &&
           owner_fits(operation, request) && setattr_fits(operation, request) && (uses_size || request->size == 0) &&
           ((operation->uses & USES_SIZE) == 0 || request->size <= GOFER_DATA_MAX) &&
           ((operation->uses & USES_NODE) != 0 || request->node == 0) &&
           ((operation->uses & USES_DEVICE) != 0 || request->device == 0) &&
           ((operation->uses & USES_DATA) != 0 || request->data_size == 0) &&
           request->extra <= extra_most(operation) && actor_fits(operation, request);
}

static bool fds_fit(const struct operation *operation, const struct gofer_request *request)
{
    if (operation->fd == FD_PLACE)
        return request->fd_count == (request->first_size == 0 ? 1u : 0u);
    static const uint32_t counts[] = {[FD_NONE] = 0, [FD_OBJECT] = 1, [FD_SOCKET] = 1, [FD_INOTIFY] = 1, [FD_LINE] = 2};
    return request->fd_count == counts[operation->fd];
}

/* The table's verdict on everything but the kind of the descriptor. */
static bool request_fits(const struct operation *operation, const struct gofer_request *request, const char *payload)
{
    bool by_fd = operation->fd == FD_PLACE && request->first_size == 0;
    return (by_fd || string_fits(operation->first, payload, request->first_size)) &&
           string_fits(operation->second, payload + request->first_size, request->second_size) &&
           numbers_fit(operation, request) && fds_fit(operation, request);
}

/* The kernel's own controls. We may override their permissions, so whoever passes one in (a sentry that has been taken
 * over holds procfs) must get nothing done with it here. */
static bool is_control(int fd)
{
    static const unsigned long controls[] = {
        PROC_SUPER_MAGIC, SYSFS_MAGIC,  CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, DEBUGFS_MAGIC,
        TRACEFS_MAGIC,    SMACK_MAGIC,  SECURITYFS_MAGIC,   SELINUX_MAGIC,       PSTOREFS_MAGIC,
        EFIVARFS_MAGIC,   BPF_FS_MAGIC, BINFMTFS_MAGIC,     NSFS_MAGIC,          0x62656570 /* configfs */,
    };
    struct statfs figures;
    if (fstatfs(fd, &figures) < 0)
        return true;
    for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++) {
        if ((unsigned long)figures.f_type == controls[i])
            return true;
    }
    return false;
}

/* Only objects of file systems are acted upon, never the kernel's anonymous ones (pidfd, epoll, ...). */
static int check_object(enum fd_kind kind, int fd)
{
    struct stat status;
    if (kind == FD_INOTIFY)
        return 0; /* the kernel itself tells these apart */
    if (fstat(fd, &status) < 0)
        return -errno;
    if (kind == FD_SOCKET || kind == FD_LINE)
        return S_ISSOCK(status.st_mode) ? 0 : -ENOTSOCK;
    bool good = S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) || S_ISFIFO(status.st_mode) ||
                S_ISSOCK(status.st_mode) || S_ISCHR(status.st_mode) || (kind == FD_PLACE && S_ISLNK(status.st_mode));
    if (!good)
        return -EBADF;
    return is_control(fd) ? -EACCES : 0;
}

static int dispatch(struct exchange *exchange)
{
    const struct gofer_request *request = exchange->request;
    const char *payload = (const char *)(request + 1);
    const struct operation *operation = request->op < GOFER_OP_COUNT ? &operations[request->op] : &operations[0];
    if (operation->handler == NULL || !request_fits(operation, request, payload))
        return -EPROTO;

    exchange->first = request->first_size > 0 ? payload : NULL;
    exchange->second = request->second_size > 0 ? payload + request->first_size : NULL;
    exchange->data = payload + request->first_size + request->second_size;
    int status = exchange->fd >= 0 ? check_object(operation->fd, exchange->fd) : 0;
    if (status == 0 && exchange->second_fd >= 0)
        status = check_object(operation->fd, exchange->second_fd);
    if (status == 0)
        status = operation->handler(exchange);
    return status == -EPROTO ? -EIO : status; /* ours alone to say */
}

/* Does the header measure exactly what came? */
static bool frame_ok(const struct gofer_request *request, size_t received, size_t fd_count)
{
    if (received < sizeof(*request) || request->version != GOFER_PROTOCOL_VERSION || request->fd_count != fd_count)
        return false;
    if (request->first_size > GOFER_PATH_MAX || request->second_size > GOFER_PATH_MAX ||
        request->data_size > GOFER_DATA_MAX)
        return false;
    return received == sizeof(*request) + request->first_size + request->second_size + request->data_size;
}

/* Before the reply goes out nothing is held any more: neither what came with the request nor what goes with the answer. */
static int send_descriptor(const struct line *line, struct exchange *exchange)
{
    cleanup_close(&exchange->fd);
    cleanup_close(&exchange->second_fd);
    exchange->fd = exchange->second_fd = -1;
    if (exchange->out_fd < 0 || line->descriptors < 0)
        return 0;
    int sent = in_flight_send(line->descriptors, "", 1, &exchange->out_fd, 1);
    (void)close(take_fd(&exchange->out_fd));
    return sent;
}

static int answer(struct line *line, struct exchange *exchange, int status)
{
    struct gofer_reply *reply = exchange->reply;
    if (status < 0) {
        *reply = (struct gofer_reply){.error = status};
        cleanup_close(&exchange->out_fd);
        exchange->out_fd = -1;
    }
    reply->version = GOFER_PROTOCOL_VERSION;
    reply->op = exchange->request->op;
    reply->sequence = exchange->request->sequence;
    reply->fd_count = exchange->out_fd >= 0 ? 1 : 0;
    int sent = send_descriptor(line, exchange);
    if (sent == 0)
        sent = in_flight_send(line->socket, &line->reply, sizeof(*reply) + reply->data_size, &exchange->out_fd,
                           exchange->out_fd >= 0 ? 1 : 0);
    cleanup_close(&exchange->out_fd);
    return sent;
}

/* One request. 1: go on; 0: the sentry is gone; negative: it breaks the rules. */
static int serve_one(struct line *line)
{
    int fds[EXCHANGE_FDS_MAX];
    size_t fd_count = 0;
    ssize_t received =
        socket_receive(line->socket, &line->request, sizeof(line->request), fds, EXCHANGE_FDS_MAX, &fd_count);
    if (received <= 0)
        return (int)received;
    if (!frame_ok(&line->request.header, (size_t)received, fd_count)) {
        for (size_t i = 0; i < EXCHANGE_FDS_MAX; i++)
            cleanup_close(&fds[i]);
        return -EPROTO;
    }

    struct exchange exchange = {.server = line->server,
                                .request = &line->request.header,
                                .fd = fds[0],
                                .second_fd = fds[1],
                                .out_fd = -1,
                                .reply = &line->reply.header,
                                .out = line->reply.payload};
    line->reply.header = (struct gofer_reply){0};
    int status = dispatch(&exchange);
    int sent = answer(line, &exchange, status);
    if (sent == -EPIPE || sent == -ECONNRESET)
        return 0;
    return sent < 0 ? sent : 1;
}

int line_serve(struct line *line)
{
    int status;
    do
        status = serve_one(line);
    while (status > 0);
    return status;
}

int server_run(struct server *server)
{
    static struct line line; /* large, and there is one */
    line.server = server;
    line.socket = server->socket;
    line.descriptors = -1;
    return line_serve(&line);
}

int server_init(struct server *server)
{
    server->pid = getpid();
    return fchdir(server->self) < 0 ? -errno : owner_init();
}
