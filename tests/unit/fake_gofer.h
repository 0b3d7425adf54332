/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of gofer_client.h, each by one system call beneath a folder. Counts the requests. */
#ifndef TESTS_UNIT_FAKE_GOFER_H
#define TESTS_UNIT_FAKE_GOFER_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sentry/fs/gofer_client.h"
#include "sentry/vfs/vfs.h"

enum { STATX_WANTED = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID };

static struct {
    int root;
    unsigned int requests;
} fake_gofer;

static const char *real(const char *path)
{
    return path[0] != '\0' ? path : ".";
}

int gofer_walk(struct gofer *gofer, struct gofer_place base, const char *rest, struct gofer_walk_result *ret_result)
{
    (void)gofer;
    char path[8192], names[4096], *state;
    fake_gofer.requests++;
    (void)snprintf(path, sizeof(path), "%s", real(base.path));
    (void)snprintf(names, sizeof(names), "%s", rest);
    memset(ret_result, 0, sizeof(*ret_result));
    for (char *name = strtok_r(names, "/", &state); name != NULL; name = strtok_r(NULL, "/", &state)) {
        struct statx *entry = &ret_result->entries[ret_result->count];
        (void)snprintf(path + strlen(path), sizeof(path) - strlen(path), "/%s", name);
        if (statx(fake_gofer.root, path, AT_SYMLINK_NOFOLLOW, STATX_WANTED, entry) < 0) {
            ret_result->error = -errno;
            return 0;
        }
        ret_result->count++;
        if (S_ISLNK(entry->stx_mode))
            (void)!readlinkat(fake_gofer.root, path, ret_result->link, sizeof(ret_result->link) - 1);
        if (!S_ISDIR(entry->stx_mode))
            return 0;
    }
    return 0;
}

int gofer_list(struct gofer *gofer, struct gofer_place folder, int64_t from, struct gofer_listed entries[GOFER_LIST_MAX], size_t *ret_count,
               int64_t *ret_next)
{
    (void)gofer;
    fake_gofer.requests++;
    int fd = openat(fake_gofer.root, real(folder.path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = fd >= 0 ? fdopendir(fd) : NULL;
    assert_non_null(names);
    if (from != 0)
        seekdir(names, from);
    struct dirent *name = NULL;
    size_t count = 0;
    while (count < GOFER_LIST_MAX && (name = readdir(names)) != NULL) {
        struct gofer_listed *entry = &entries[count];
        (void)snprintf(entry->name, sizeof(entry->name), "%s", name->d_name);
        count += gofer_name_ok(entry->name, strlen(entry->name)) &&
                 statx(fd, entry->name, AT_SYMLINK_NOFOLLOW, STATX_WANTED, &entry->attributes) == 0;
    }
    *ret_count = count;
    *ret_next = name != NULL ? telldir(names) : -1;
    closedir(names);
    return 0;
}

int gofer_getattr(struct gofer *gofer, struct gofer_place place, struct statx *ret_attributes)
{
    (void)gofer;
    fake_gofer.requests++;
    int at = place.path != NULL ? fake_gofer.root : place.fd;
    const char *path = place.path != NULL ? real(place.path) : "";
    return statx(at, path, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_WANTED, ret_attributes) < 0 ? -errno : 0;
}

int gofer_open(struct gofer *gofer, struct gofer_place place, int flags, mode_t mode, const struct gofer_owner *owner, int exec,
               int *ret_fd, struct statx *ret_attributes, int *ret_created)
{
    (void)gofer;
    (void)owner;
    (void)exec;
    const char *path = place.path;
    fake_gofer.requests++;
    bool existed = faccessat(fake_gofer.root, real(path), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    int fd = openat(fake_gofer.root, real(path), flags | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0)
        return -errno;
    assert_int_equal(statx(fd, "", AT_EMPTY_PATH, STATX_WANTED, ret_attributes), 0);
    *ret_fd = fd;
    if (ret_created != NULL)
        *ret_created = !existed;
    return 0;
}

static int result(int value)
{
    fake_gofer.requests++;
    return value < 0 ? -errno : 0;
}

static void say_nothing_more(struct statx *ret_after)
{
    if (ret_after != NULL)
        ret_after->stx_mask = 0;
}

int gofer_setattr(struct gofer *gofer, struct gofer_place place, const struct setattr *set, struct statx *ret_after)
{
    (void)gofer;
    say_nothing_more(ret_after);
    if ((set->valid & SETATTR_MODE) != 0)
        return result(fchmodat(fake_gofer.root, real(place.path), set->mode, 0));
    return result(fchownat(fake_gofer.root, real(place.path), set->uid, set->gid, AT_SYMLINK_NOFOLLOW));
}

int gofer_mkdir(struct gofer *gofer, struct gofer_place place, mode_t mode, const struct gofer_owner *owner, struct statx *ret_after)
{
    (void)gofer;
    say_nothing_more(ret_after);
    return result(mkdirat(fake_gofer.root, place.path, mode & ~owner->umask));
}

int gofer_mknod(struct gofer *gofer, struct gofer_place place, mode_t mode, dev_t dev, const struct gofer_owner *owner, struct statx *ret_after)
{
    (void)gofer;
    say_nothing_more(ret_after);
    return result(mknodat(fake_gofer.root, place.path, mode & ~owner->umask, dev));
}

int gofer_symlink(struct gofer *gofer, struct gofer_place place, const char *target, const struct gofer_owner *owner, struct statx *ret_after)
{
    (void)gofer;
    say_nothing_more(ret_after);
    (void)owner;
    return result(symlinkat(target, fake_gofer.root, place.path));
}

int gofer_link(struct gofer *gofer, struct gofer_place source, struct gofer_place place, struct statx *ret_after)
{
    (void)gofer;
    say_nothing_more(ret_after);
    return result(linkat(fake_gofer.root, source.path, fake_gofer.root, place.path, 0));
}

int gofer_unlink(struct gofer *gofer, struct gofer_place place, struct gofer_identity victim, int directory)
{
    (void)gofer;
    (void)victim;
    return result(unlinkat(fake_gofer.root, place.path, directory ? AT_REMOVEDIR : 0));
}

int gofer_rename(struct gofer *gofer, struct gofer_place from, struct gofer_place to, unsigned int flags,
                 const struct gofer_owner *owner)
{
    (void)gofer;
    (void)owner;
    return result(renameat2(fake_gofer.root, from.path, fake_gofer.root, to.path, flags));
}

int gofer_statfs(struct gofer *gofer, struct gofer_place place, struct statfs *ret_statfs)
{
    (void)gofer;
    (void)place;
    return result(fstatfs(fake_gofer.root, ret_statfs));
}

ssize_t gofer_getxattr(struct gofer *gofer, struct gofer_place place, const char *name, void *value, size_t size)
{
    (void)gofer, (void)place, (void)name, (void)value, (void)size;
    return -ENODATA;
}

int gofer_setxattr(struct gofer *gofer, struct gofer_place place, const struct actor *actor, const char *name, const void *value,
                   size_t size, int flags)
{
    (void)gofer, (void)place, (void)actor, (void)name, (void)value, (void)size, (void)flags;
    return -ENOTSUP;
}

ssize_t gofer_listxattr(struct gofer *gofer, struct gofer_place place, char *list, size_t size)
{
    (void)gofer, (void)place, (void)list, (void)size;
    return 0;
}

int gofer_removexattr(struct gofer *gofer, struct gofer_place place, const struct actor *actor, const char *name)
{
    (void)gofer, (void)place, (void)actor, (void)name;
    return -ENODATA;
}

/* As the real one: a folder of the hidden mount, already removed. */
int gofer_hidden_directory(struct gofer *gofer, const char *name, int *ret_fd)
{
    (void)gofer;
    fake_gofer.requests++;
    char path[512];
    (void)snprintf(path, sizeof(path), "/dev/shm/%s", name);
    if (mkdir(path, 0755) < 0)
        return -errno;
    *ret_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void)rmdir(path);
    return *ret_fd < 0 ? -errno : 0;
}

#endif
