/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sentry and gofer say to each other: one request, one reply, in turn, on a SOCK_SEQPACKET pair; descriptors
 * travel with SCM_RIGHTS (postern/socket.h). A message is a fixed header and a payload whose parts the header measures.
 * Both ends check everything here as if the other were hostile.
 *
 * There is one connection from the start, and a *line* for each request that is under way beside others (GOFER_OP_LINE): a
 * pair for requests and replies, served by a thread of its own, and a pair the replies' descriptors come by. Those are sent
 * before the reply, so that the gofer has closed its copy when the sentry hears of it.
 *
 * Paths are resolved by the gofer when it acts, and names may have moved since the sentry judged. So a request says what it
 * expects there (struct gofer_identity): the folder a name is looked up or made in or taken from, or the object itself. If something
 * else is there the answer is -ESTALE and nothing has been done.
 *
 * Whose a file is may change as well: the owner may give it a set-id bit, and while he is on his way it becomes root's. So what somebody
 * may do because a file is his is done as that one (GOFER_LACKS_), and the kernel judges it once more, at the moment it is done.
 *
 * request: struct gofer_request, first string, second string, data
 * reply:   struct gofer_reply, data
 *
 * A string's size counts its NUL; size 0 means absent. What an operation does not use must be zero: gofer/server.c has
 * the table of what each may carry. A well-framed request that breaks the rules is answered -EPROTO; a broken frame
 * ends the connection, and with it the container.
 *
 * Paths are relative to the container's root and clean: no leading, trailing or double '/', no "." or "..", "" for the
 * root.
 */
#ifndef POSTERN_GOFER_PROTOCOL_H
#define POSTERN_GOFER_PROTOCOL_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "postern/schedule.h"

#define GOFER_PROTOCOL_VERSION 4u

enum {
    GOFER_PATH_MAX = 4096, /* with the NUL */
    GOFER_NAME_MAX = 255,  /* of a component, without it */
    GOFER_DATA_MAX = 65536,
    GOFER_XATTR_NAME_MAX = 256, /* with the NUL */
    GOFER_COMPONENTS_MAX = 16,  /* of one walk */
    GOFER_LIST_MAX = 128,       /* names of one list */
    GOFER_SOCKET_NAME_MAX = 108, /* without the NUL: sun_path is as long, and need not end with one */
};

/* In the gofer's hidden folder: where names of sockets are looked up (gofer/bind.c). In it is a mount of the gofer's self/fd, by a name
 * that is too long for any component of a socket's. */
#define GOFER_NAMES_FOLDER "names"
#define GOFER_NAMES_SELF                                                                                               \
    "self-fd-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-"     \
    "0123456789"

/* descriptors in, strings, data -> what the reply carries besides `error` */
enum gofer_op {
    GOFER_OP_WALK =
        1, /* base, rest -> value: components found, detail: errno of the next; data: statx[value], link target */
    GOFER_OP_GETATTR,          /* place -> data: statx */
    GOFER_OP_SETATTR,          /* place, valid, ..., extra: what the actor lacks -> data: statx as it is now, or none */
    GOFER_OP_OPEN,             /* path, flags, mode, owner, extra: for execution -> fd; value: created; data: statx */
    GOFER_OP_REOPEN,           /* fd, flags -> fd */
    GOFER_OP_MKDIR,            /* path, mode, owner -> data: statx of what has the name now, or none; so with the next three */
    GOFER_OP_MKNOD,            /* path, mode, device, owner */
    GOFER_OP_SYMLINK,          /* path, target, owner */
    GOFER_OP_LINK,             /* place (source), second string: new path */
    GOFER_OP_UNLINK,           /* path, flags: AT_REMOVEDIR or 0; expected[1]: what goes */
    GOFER_OP_RENAME,           /* from, to, flags of renameat2(2), owner of a whiteout */
    GOFER_OP_STATFS,           /* place -> data: struct statfs */
    GOFER_OP_GETXATTR,         /* place, name, size -> value: length; data if size is not 0 */
    GOFER_OP_SETXATTR,         /* place, name, data, flags, extra: what the actor lacks */
    GOFER_OP_LISTXATTR,        /* place, size -> value: length; data if size is not 0 */
    GOFER_OP_REMOVEXATTR,      /* place, name, extra: what the actor lacks */
    GOFER_OP_SYNC,             /* everything */
    GOFER_OP_BIND,             /* fd: socket; path, second string: the name it gets (below); mode, owner */
    GOFER_OP_CONNECT,          /* fd: socket; path, data: struct mark, if any */
    GOFER_OP_SEND,             /* fd: socket; path, flags of send(2), data, mode: ticket (mark.h)
                                  if extra is 1 -> value: bytes sent */
    GOFER_OP_INOTIFY_ADD,      /* fd: inotify; path, flags: mask -> value: watch descriptor */
    GOFER_OP_HIDDEN_DIRECTORY, /* name -> fd */
    GOFER_OP_FUSE_OPEN,        /* node, flags -> fd */
    GOFER_OP_LINE,             /* fds: socket for requests, socket for descriptors */
    GOFER_OP_QUEUE_FIND,       /* name, or "" for their folder -> fd: O_PATH; data: statx */
    GOFER_OP_QUEUE_MAKE,       /* name, flags, mode, owner, extra: as the gofer, not as the owner; data: struct gofer_queue or
                                  none -> fd; data: statx */
    GOFER_OP_QUEUE_UNLINK,     /* name, node: its inode number */
    GOFER_OP_RANK,             /* data: struct gofer_rank */
    GOFER_OP_LIST,             /* folder's path, node: where to begin, 0 or what the last one said -> value: where to go on, -1: at the end;
                                  data: of each (GOFER_LIST_MAX at most) its statx and its name, filled up with NULs to a multiple of 8 */
    GOFER_OP_COUNT,
};

/* Bits of gofer_request.valid, the same as SETATTR_ in sentry/vfs/vfs.h. */
enum { GOFER_SET_MODE = 1, GOFER_SET_OWNER = 2, GOFER_SET_SIZE = 4, GOFER_SET_TIMES = 8, GOFER_SET_ALL = 15 };

/* "Leave it": for one of uid and gid in GOFER_OP_SETATTR only. */
#define GOFER_ID_KEEP UINT32_MAX

/* Capabilities over others' files that whoever changes one has not got. With any of them the change is made with the actor's ids, and
 * without those capabilities. */
enum { GOFER_LACKS_CHOWN = 1, GOFER_LACKS_FOWNER = 2, GOFER_LACKS_FSETID = 4, GOFER_LACKS_ALL = 7 };

/* Limits of a message queue. */
struct gofer_queue {
    int64_t messages, message_size;
};

/* How a thread of the guest's is to be scheduled, for a container that has CAP_SYS_NICE: sched_setscheduler(2), sched_setparam(2),
 * sched_setattr(2), setpriority(2), ioprio_set(2). */
enum { GOFER_RANK_SCHEDULER = 1, GOFER_RANK_PARAM, GOFER_RANK_ATTR, GOFER_RANK_NICE, GOFER_RANK_IO };
struct gofer_rank {
    int32_t what, tid;
    int32_t policy, value; /* value: the realtime priority, the nice value, the rank of disk requests */
    struct sched_attributes attributes; /* of GOFER_RANK_ATTR */
};

struct gofer_time {
    int64_t seconds;
    int64_t nanoseconds; /* 0..999999999, UTIME_NOW or UTIME_OMIT */
};

/* ino 0: no matter what. Numbers are given again at once, to whoever makes the next file: so the time of birth counts as well where it is
 * known. Not with folders: an overlay that copies one up for its first change gives it a new one. */
struct gofer_identity {
    uint64_t ino, mnt_id;
    uint32_t dev_major, dev_minor;
    int64_t born_s;
    uint32_t born_ns;
    uint32_t born_known; /* 0 or 1 */
};

struct gofer_request {
    uint16_t version;
    uint16_t op;
    uint32_t sequence;
    uint32_t flags;
    uint32_t mode;
    uint32_t uid, gid, umask;
    uint32_t valid;
    uint64_t device;
    uint64_t node;
    uint64_t size;
    struct gofer_time atime, mtime;
    uint32_t extra;
    uint16_t first_size, second_size;
    uint32_t data_size;
    uint32_t fd_count;
    uint32_t actor_uid, actor_gid;
    /* What is to be at the first path, or where the operation makes or removes that name the folder it is in; likewise the second. */
    struct gofer_identity expected[2];
};

struct gofer_reply {
    uint16_t version;
    uint16_t op;
    uint32_t sequence;
    int32_t error; /* 0 or a negative errno; then nothing else is set */
    int32_t detail;
    int64_t value;
    uint32_t data_size;
    uint32_t fd_count;
};

_Static_assert(sizeof(struct gofer_request) == 192, "no padding in a message");
_Static_assert(sizeof(struct gofer_reply) == 32, "no padding in a message");

struct gofer_request_message {
    struct gofer_request header;
    char payload[2 * GOFER_PATH_MAX + GOFER_DATA_MAX];
};

struct gofer_reply_message {
    struct gofer_reply header;
    char payload[GOFER_DATA_MAX];
};

/* open(2) flags that may be asked for. Neither O_CLOEXEC nor O_NOCTTY says anything: both are always set. */
#define GOFER_OPEN_FLAGS                                                                                               \
    (O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_DSYNC | O_SYNC | O_ASYNC |          \
     O_DIRECT | O_LARGEFILE | GOFER_KERNEL_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH |     \
     O_TMPFILE)
/* Of a live file or folder. (__O_TMPFILE has O_DIRECTORY in it.) */
#define GOFER_FUSE_FLAGS ((GOFER_OPEN_FLAGS & ~(uint32_t)(O_CREAT | O_EXCL | __O_TMPFILE)) | O_DIRECTORY)
#define GOFER_KERNEL_LARGEFILE 0100000 /* glibc's O_LARGEFILE is 0 here, the kernel's is not */

/* Flags of send(2) that may be asked for: all Linux has long known, but MSG_OOB. */
#define GOFER_SEND_FLAGS (~(1U | 0x9ff80000U))

/* What statx is asked for everywhere. */
#define GOFER_STATX_MASK (STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID)

static inline bool gofer_birth_counts(const struct statx *attributes)
{
    return !S_ISDIR(attributes->stx_mode) && (attributes->stx_mask & STATX_BTIME) != 0;
}

static inline struct gofer_identity gofer_identity_of(const struct statx *attributes)
{
    struct gofer_identity identity = {.ino = attributes->stx_ino,
                                      .mnt_id = attributes->stx_mnt_id,
                                      .dev_major = attributes->stx_dev_major,
                                      .dev_minor = attributes->stx_dev_minor};
    if (gofer_birth_counts(attributes)) {
        identity.born_known = 1;
        identity.born_s = attributes->stx_btime.tv_sec;
        identity.born_ns = attributes->stx_btime.tv_nsec;
    }
    return identity;
}

static inline bool gofer_birth_fits(const struct gofer_identity *expected, const struct statx *found)
{
    return expected->born_known == 0 || !gofer_birth_counts(found) ||
           (expected->born_s == found->stx_btime.tv_sec && expected->born_ns == found->stx_btime.tv_nsec);
}

static inline bool gofer_identity_fits(const struct gofer_identity *expected, const struct statx *found)
{
    return expected->ino == 0 || (expected->ino == found->stx_ino && expected->mnt_id == found->stx_mnt_id &&
                                  expected->dev_major == found->stx_dev_major && expected->dev_minor == found->stx_dev_minor &&
                                  gofer_birth_fits(expected, found));
}

/* What a name of a list takes in the reply, behind its attributes. */
static inline size_t gofer_list_room(size_t length)
{
    return (length / 8 + 1) * 8;
}

/* One name: 1 to 255 bytes, no '/', neither "." nor "..". */
static inline bool gofer_name_ok(const char *name, size_t length)
{
    if (length == 0 || length > GOFER_NAME_MAX || memchr(name, '/', length) != NULL ||
        memchr(name, '\0', length) != NULL)
        return false;
    return !(name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.')));
}

/* A string of `size` bytes with its only NUL at the end. */
static inline bool gofer_string_ok(const char *string, size_t size, size_t size_max)
{
    return size > 0 && size <= size_max && memchr(string, '\0', size) == string + size - 1;
}

/* A clean path as described above; *ret_components counts its names. */
static inline bool gofer_path_ok(const char *path, size_t size, size_t *ret_components)
{
    if (!gofer_string_ok(path, size, GOFER_PATH_MAX))
        return false;

    size_t count = 0;
    for (const char *name = path, *end; size > 1; name = end + 1) {
        end = strchrnul(name, '/');
        if (!gofer_name_ok(name, (size_t)(end - name)))
            return false;
        count++;
        if (*end == '\0')
            break;
    }
    *ret_components = count;
    return true;
}

/*
 * May a socket that is bound as `name` in a folder be called by these words of the guest's? They must end in the name; what is before
 * it is only how the guest spelled the folder. With ".." in it, it is not: that leads up from wherever one is by then.
 */
static inline bool gofer_socket_name_ok(const char *words, size_t size, const char *name)
{
    if (!gofer_string_ok(words, size, GOFER_SOCKET_NAME_MAX + 1) || size == 1 || words[size - 2] == '/')
        return false;
    const char *last = words;
    for (const char *word = words, *end; *word != '\0'; word = *end == '/' ? end + 1 : end) {
        end = strchrnul(word, '/');
        if (end - word == 2 && word[0] == '.' && word[1] == '.')
            return false;
        last = word;
    }
    return gofer_name_ok(name, strlen(name)) && strcmp(last, name) == 0;
}

/* Extended attributes a container may have: the rest is the host's. */
static inline bool gofer_xattr_ok(const char *name)
{
    return strncmp(name, "user.", 5) == 0 || strcmp(name, "security.capability") == 0 ||
           strcmp(name, "system.posix_acl_access") == 0 || strcmp(name, "system.posix_acl_default") == 0;
}

static inline bool gofer_time_ok(const struct gofer_time *time)
{
    return (time->nanoseconds >= 0 && time->nanoseconds < 1000000000) || time->nanoseconds == UTIME_NOW ||
           time->nanoseconds == UTIME_OMIT;
}

/* Attributes as a kernel gives them: a known type, all basic fields there. */
static inline bool gofer_statx_ok(const struct statx *attributes)
{
    mode_t type = attributes->stx_mode & S_IFMT;
    bool known = type == S_IFREG || type == S_IFDIR || type == S_IFLNK || type == S_IFIFO || type == S_IFSOCK ||
                 type == S_IFCHR || type == S_IFBLK;
    return known && (attributes->stx_mask & (STATX_BASIC_STATS | STATX_MNT_ID)) == (STATX_BASIC_STATS | STATX_MNT_ID) &&
           attributes->stx_atime.tv_nsec < 1000000000 && attributes->stx_mtime.tv_nsec < 1000000000 &&
           attributes->stx_ctime.tv_nsec < 1000000000;
}

#endif
