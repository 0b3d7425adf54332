/* SPDX-License-Identifier: Apache-2.0 */
#include "gofer/foreign.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "gofer/object.h"
#include "postern/gofer_protocol.h"

/* The time of birth tells an object from a later one with its inode number. */
struct made {
    uint32_t major, minor;
    uint64_t inode;
    struct statx_timestamp birth;
};

enum { MADE_MAX = 1024 };

static struct {
    bool enabled;
    uint64_t own[FOREIGN_OWN_MAX];
    size_t own_count;
    pthread_mutex_t mutex;      /* of what follows */
    struct made made[MADE_MAX]; /* a ring: the oldest is forgotten, and no longer reached */
    size_t made_next;
} policy = {.mutex = PTHREAD_MUTEX_INITIALIZER};

int foreign_init(const char *own_mounts)
{
    policy.enabled = true;
    while (*own_mounts != '\0') {
        char *end;
        uint64_t id = strtoull(own_mounts, &end, 10);
        if (end == own_mounts || (*end != '\0' && *end != ',') || policy.own_count == FOREIGN_OWN_MAX)
            return -EINVAL;
        policy.own[policy.own_count++] = id;
        own_mounts = end + (*end == ',');
    }
    return 0;
}

static bool is_foreign(const struct statx *object)
{
    if (!policy.enabled)
        return false;
    for (size_t i = 0; i < policy.own_count; i++)
        if (policy.own[i] == object->stx_mnt_id)
            return false;
    return true;
}

static struct made mark_of(const struct statx *object)
{
    return (struct made){.major = object->stx_dev_major,
                         .minor = object->stx_dev_minor,
                         .inode = object->stx_ino,
                         .birth = {.tv_sec = object->stx_btime.tv_sec, .tv_nsec = object->stx_btime.tv_nsec}};
}

static bool was_made(const struct statx *object)
{
    const struct made mark = mark_of(object);
    bool found = false;
    (void)pthread_mutex_lock(&policy.mutex);
    for (size_t i = 0; (object->stx_mask & STATX_BTIME) != 0 && i < MADE_MAX && !found; i++)
        found = memcmp(&policy.made[i], &mark, sizeof(mark)) == 0;
    (void)pthread_mutex_unlock(&policy.mutex);
    return found;
}

int foreign_check_reach(const struct statx *object)
{
    bool named = S_ISSOCK(object->stx_mode) || S_ISFIFO(object->stx_mode);
    if (!named || !is_foreign(object) || was_made(object))
        return 0;
    return S_ISSOCK(object->stx_mode) ? -ECONNREFUSED : -EACCES;
}

int foreign_check_privileges(int fd)
{
    struct statx attributes;
    if (!policy.enabled)
        return 0;
    int status = attributes_of(fd, &attributes);
    if (status < 0)
        return status;
    return is_foreign(&attributes) ? -EPERM : 0;
}

int foreign_check_mode(int fd, mode_t mode)
{
    struct statx attributes;
    if (!policy.enabled)
        return 0;
    int status = attributes_of(fd, &attributes);
    if (status < 0)
        return status;
    /* On a folder the bits say who owns what is made in it, and no more. */
    bool rights = S_ISCHR(mode) || S_ISBLK(mode) || ((mode & (S_ISUID | S_ISGID)) != 0 && !S_ISDIR(mode));
    return rights && is_foreign(&attributes) ? -EPERM : 0;
}

int foreign_check_write(int fd, const struct statx *attributes)
{
    if (!S_ISREG(attributes->stx_mode) || !is_foreign(attributes))
        return 0;
    if ((attributes->stx_mode & (S_ISUID | S_ISGID)) != 0)
        return -EPERM;
    if (getxattr(fd_name(fd).text, "security.capability", NULL, 0) >= 0 || errno == EOVERFLOW)
        return -EPERM; /* EOVERFLOW: capabilities for another user namespace than ours */
    return errno == ENODATA || errno == EOPNOTSUPP ? 0 : -errno;
}

void foreign_note_made(int folder, const char *name)
{
    struct statx attributes;
    if (!policy.enabled ||
        statx(folder, name, AT_SYMLINK_NOFOLLOW | AT_STATX_SYNC_AS_STAT, GOFER_STATX_MASK, &attributes) < 0 ||
        !(S_ISSOCK(attributes.stx_mode) || S_ISFIFO(attributes.stx_mode)) || !is_foreign(&attributes) ||
        (attributes.stx_mask & STATX_BTIME) == 0)
        return;
    (void)pthread_mutex_lock(&policy.mutex);
    policy.made[policy.made_next++ % MADE_MAX] = mark_of(&attributes);
    (void)pthread_mutex_unlock(&policy.mutex);
}
