/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/state/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/ids/user_namespace.h"
#include "runtime/state/lock.h"

enum { REMOVE_DEPTH_MAX = 8, TRIES_MAX = 16 };

static const char FOREGROUND_MARK[] = "foreground";

int state_id_check(const char *id, struct error *error)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.";
    size_t length = strlen(id);
    if (length == 0)
        return error_refuse(error, "container id cannot be empty");
    if (length > STATE_ID_MAX)
        return error_refuse(error, "the container's id is too long: %zu characters, at most %d", length, STATE_ID_MAX);
    if (strspn(id, allowed) != length || strcmp(id, ".") == 0 || strcmp(id, "..") == 0)
        return error_refuse(error, "invalid container ID format"); /* runc's words, as above: engines look for them */
    return 0;
}

const char *state_root_default(void)
{
    static char folder[PATH_MAX];
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if (user_namespace_is_root())
        return "/run/postern";
    if (runtime != NULL && runtime[0] == '/' && strlen(runtime) < sizeof(folder) - sizeof("/postern"))
        (void)snprintf(folder, sizeof(folder), "%s/postern", runtime);
    else
        (void)snprintf(folder, sizeof(folder), "/tmp/postern-%u", geteuid());
    return folder;
}

int state_root_create(const char *root, struct error *error)
{
    char path[PATH_MAX];
    if (strlen(root) >= sizeof(path))
        return error_set(error, ENAMETOOLONG, "cannot create %.40s...", root);

    (void)strcpy(path, root);
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
            return error_set(error, errno, "cannot create %s", path);
        *slash = '/';
    }
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return error_set(error, errno, "cannot create %s", path);
    return 0;
}

int state_root_open(const char *root)
{
    auto_close int fd = open(root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0)
        return -errno;
    /* What is in it is believed: which processes to end, which hooks to run. That goes for root above all. */
    return status.st_uid == geteuid() ? take_fd(&fd) : -EPERM;
}

int state_root_failed(struct error *error, int status, const char *root)
{
    if (status == -EPERM)
        return error_set(error, status, "%s belongs to another user: only he can use what is in it", root);
    return error_set(error, status, "cannot open %s", root);
}

/* Makes the folder if it is not there, and locks what says that it is somebody's. 0; -EEXIST if that is so; -EAGAIN if the one
 * that was there has just been removed by its owner; or another -errno. */
static int take_folder(int root, const char *id, int *ret_folder, int *ret_alive)
{
    const bool made = mkdirat(root, id, 0700) == 0;
    if (!made && errno != EEXIST)
        return -errno;

    auto_close int folder = openat(root, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0)
        return errno == ENOENT ? -EAGAIN : -errno;
    auto_close int alive = lock_take(folder, ALIVE_FILE, 0);
    if (alive < 0 && made)
        (void)unlinkat(root, id, AT_REMOVEDIR); /* a full disk had room for a folder, and no more */
    if (alive < 0)
        return alive == -EWOULDBLOCK ? -EEXIST : alive == -ENOENT ? -EAGAIN : alive;
    if (faccessat(folder, "state.json", F_OK, 0) == 0 && faccessat(folder, FOREGROUND_MARK, F_OK, 0) < 0)
        return -EEXIST;
    *ret_folder = take_fd(&folder);
    *ret_alive = take_fd(&alive);
    return 0;
}

int state_dir_keep(int folder)
{
    return unlinkat(folder, FOREGROUND_MARK, 0) < 0 && errno != ENOENT ? -errno : 0;
}

/* Says whether the container's end is its runtime's. */
static int set_mark(int folder, bool foreground)
{
    (void)unlinkat(folder, "state.json", 0);
    if (!foreground)
        return state_dir_keep(folder);
    int fd = openat(folder, FOREGROUND_MARK, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    (void)close(fd);
    return 0;
}

int state_dir_create(const char *root, const char *id, bool foreground, int *ret_folder, int *ret_alive, struct error *error)
{
    int result = state_root_create(root, error);
    if (result < 0)
        return result;

    auto_close int parent = state_root_open(root);
    if (parent < 0)
        return state_root_failed(error, parent, root);
    auto_close int folder = -1;
    auto_close int alive = -1;
    result = -EAGAIN;
    for (int tries = 0; tries < TRIES_MAX && result == -EAGAIN; tries++)
        result = take_folder(parent, id, &folder, &alive);
    if (result == -EEXIST) {
        (void)error_refuse(error, "container with given ID already exists");
        return result;
    }
    if (result < 0)
        return error_set(error, result, "cannot create %s/%s", root, id);
    result = set_mark(folder, foreground);
    if (result < 0)
        return error_set(error, result, "cannot write in %s/%s", root, id);
    *ret_folder = take_fd(&folder);
    *ret_alive = take_fd(&alive);
    return 0;
}

static int remove_tree(int folder, const char *name, int depth);

/* All that is in it but what is named `last`. */
static int remove_contents(int fd, const char *last, int depth)
{
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_closedir DIR *directory = copy >= 0 ? fdopendir(copy) : NULL;
    if (directory == NULL)
        return -errno;
    int result = 0;
    struct dirent *entry;
    while (result == 0 && (entry = readdir(directory)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && strcmp(entry->d_name, last) != 0)
            result = remove_tree(fd, entry->d_name, depth + 1);
    return result;
}

/* Beneath folder only, never through a symbolic link. */
static int remove_tree(int folder, const char *name, int depth)
{
    if (unlinkat(folder, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR)
        return -errno;
    if (depth >= REMOVE_DEPTH_MAX)
        return -ELOOP;

    auto_close int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int result = fd < 0 ? -errno : remove_contents(fd, "", depth);
    return result == 0 && unlinkat(folder, name, AT_REMOVEDIR) < 0 ? -errno : result;
}

int state_dir_remove(const char *root, const char *id)
{
    auto_close int parent = state_root_open(root);
    if (parent < 0)
        return parent == -ENOENT ? 0 : parent;
    auto_close int folder = openat(parent, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0)
        return errno == ENOENT ? 0 : -errno;
    /* Until nothing else is left nobody may take the folder for a new container. */
    auto_close int alive = lock_take(folder, ALIVE_FILE, 0);
    int result = remove_contents(folder, ALIVE_FILE, 0);
    if (result == 0 && unlinkat(folder, ALIVE_FILE, 0) < 0 && errno != ENOENT)
        result = -errno;
    return result == 0 && unlinkat(parent, id, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : result;
}

/* Not what is no container's, such as @ids. */
static int is_container(const struct dirent *entry)
{
    return (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN) && state_id_check(entry->d_name, NULL) == 0;
}

int state_root_scan(const char *root, struct dirent ***ret_entries)
{
    int count = scandir(root, ret_entries, is_container, alphasort);
    return count < 0 ? -errno : count;
}
