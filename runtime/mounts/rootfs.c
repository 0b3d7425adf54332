/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mounts/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/cleanup.h"

enum { LINKS_MAX = 40, RACES_MAX = 32 };

int rootfs_clean_path(const char *path, char *clean, size_t size)
{
    if (path[0] != '/')
        return -EINVAL;
    size_t used = 0;
    while (*(path += strspn(path, "/")) != '\0') {
        size_t length = strcspn(path, "/");
        if (length == 2 && path[0] == '.' && path[1] == '.') {
            while (used > 0 && clean[--used] != '/')
                ;
        } else if (length != 1 || path[0] != '.') {
            if (used + length + 2 > size)
                return -ENAMETOOLONG;
            clean[used++] = '/';
            memcpy(clean + used, path, length);
            used += length;
        }
        path += length;
    }
    if (used == 0)
        clean[used++] = '/';
    clean[used] = '\0';
    return 0;
}

bool rootfs_is_below(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    if (strcmp(folder, "/") == 0)
        return true;
    return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

int rootfs_open(int root, const char *path, int flags)
{
    struct open_how how = {
        .flags = (unsigned int)(flags | O_CLOEXEC),
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    path += strspn(path, "/");
    for (int i = 0; i < RACES_MAX; i++) {
        long fd = syscall(SYS_openat2, root, *path == '\0' ? "." : path, &how, sizeof(how));
        if (fd >= 0)
            return (int)fd;
        if (errno != EAGAIN) /* something moved while ".." was resolved: look again */
            return -errno;
    }
    return -EAGAIN;
}

/* The path that remains when the link `name` in folder `at` is put in place of text[0..end): text = target + tail. */
static int splice_link(int at, const char *name, char text[PATH_MAX], size_t start, size_t end)
{
    char target[PATH_MAX], spliced[PATH_MAX];
    ssize_t length = readlinkat(at, name, target, sizeof(target) - 1);
    if (length < 0)
        return errno == EINVAL ? -EEXIST : -errno;
    target[length] = '\0';
    int used =
        snprintf(spliced, sizeof(spliced), "%.*s/%s%s", target[0] == '/' ? 0 : (int)start, text, target, text + end);
    if (used < 0 || (size_t)used >= sizeof(spliced))
        return -ENAMETOOLONG;
    memcpy(text, spliced, (size_t)used + 1);
    return 0;
}

/* Opens or makes text[0..end), whose last name begins at `start` and lies in folder `at`. -ERESTART if text was
 * changed. */
static int make_step(int root, int at, char text[PATH_MAX], size_t start, size_t end)
{
    char prefix[PATH_MAX];
    memcpy(prefix, text, end);
    prefix[end] = '\0';
    int fd = rootfs_open(root, prefix, O_PATH | O_DIRECTORY);
    if (fd != -ENOENT)
        return fd;

    const char *name = prefix + start;
    if (mkdirat(at, name, 0755) == 0) {
        fd = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
    }
    if (errno != EEXIST)
        return -errno;
    int status = splice_link(at, name, text, start, end);
    return status < 0 ? status : -ERESTART;
}

int rootfs_make_folder(int root, const char *path)
{
    char text[PATH_MAX];
    if (strlen(path) >= sizeof(text))
        return -ENAMETOOLONG;
    memcpy(text, path, strlen(path) + 1);

    for (int links = 0; links <= LINKS_MAX; links++) {
        auto_close int at = rootfs_open(root, "/", O_PATH | O_DIRECTORY);
        int status = at;
        for (size_t end = 0; status >= 0;) {
            size_t start = end + strspn(text + end, "/");
            if (text[start] == '\0')
                return take_fd(&at);
            end = start + strcspn(text + start, "/");
            status = make_step(root, at, text, start, end);
            if (status >= 0) {
                cleanup_close(&at);
                at = status;
            }
        }
        if (status != -ERESTART)
            return status;
    }
    return -ELOOP;
}

int rootfs_make_parent(int root, const char *path, const char **ret_name)
{
    char parent[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash[1] == '\0' || (size_t)(slash - path) >= sizeof(parent))
        return -EINVAL;
    memcpy(parent, path, (size_t)(slash - path));
    parent[slash - path] = '\0';
    int fd = rootfs_make_folder(root, parent);
    if (fd >= 0)
        *ret_name = slash + 1;
    return fd;
}

int rootfs_make_file(int root, const char *path)
{
    char text[PATH_MAX];
    if (strlen(path) >= sizeof(text))
        return -ENAMETOOLONG;
    memcpy(text, path, strlen(path) + 1);

    for (int links = 0; links <= LINKS_MAX; links++) {
        int found = rootfs_open(root, text, O_PATH);
        if (found != -ENOENT)
            return found;
        const char *name;
        auto_close int parent = rootfs_make_parent(root, text, &name);
        if (parent < 0)
            return parent;
        auto_close int file = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
        if (file >= 0)
            return take_fd(&file);
        if (errno != EEXIST)
            return -errno;
        int status = splice_link(parent, name, text, (size_t)(name - text), strlen(text));
        if (status < 0)
            return status;
    }
    return -ELOOP;
}
