/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In the place of surroundings.c where sentry and gofer are built with sanitizers, and for tests only: a root with the host's
 * libraries (read-only), its /proc, and the build folder, where reports are written. The gofer resolves what the sentry asks for beneath
 * a descriptor of the container's root, so its own root makes no difference to it.
 */
#include "runtime/mounts/surroundings.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "postern/privilege.h"

/* What is shown, at its own path; a symbolic link as one. */
static const char *const shown[] = {"/proc", "/usr", "/lib", "/lib64", POSTERN_BUILD_FOLDER};
enum { SHOWN = sizeof(shown) / sizeof(shown[0]) };

static int make_folders(int root, const char *path)
{
    char part[PATH_MAX];
    for (const char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        size_t length = slash != NULL ? (size_t)(slash - path) : strlen(path);
        (void)snprintf(part, sizeof(part), "%.*s", (int)length - 1, path + 1);
        if (mkdirat(root, part, 0755) < 0 && errno != EEXIST)
            return -errno;
        if (slash == NULL)
            return 0;
    }
}

/* A copy of the mount, or -1 where the host has a link or nothing. */
static int copy_of(const char *path)
{
    struct stat status;
    if (lstat(path, &status) < 0 || !S_ISDIR(status.st_mode))
        return -1;
    return (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
}

static int show_link(int root, const char *path)
{
    char target[PATH_MAX];
    ssize_t length = readlink(path, target, sizeof(target) - 1);
    if (length < 0)
        return 0;
    target[length] = '\0';
    return symlinkat(target, root, path + 1) < 0 ? -errno : 0;
}

/* *ret_root is mounted nowhere. (What is mounted on a mount that is nowhere stays there only since Linux 6.15. It has to be nowhere:
 * what is unmounted loses what is mounted on it.) */
static int make_root(int *ret_root, struct error *error)
{
    int copies[SHOWN], status = 0;
    for (size_t i = 0; i < SHOWN; i++)
        copies[i] = copy_of(shown[i]);
    auto_close int root = privilege_detached_mount("tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, error);
    if (root < 0)
        return root;
    for (size_t i = 0; i < SHOWN && status == 0; i++)
        status = copies[i] < 0 ? show_link(root, shown[i]) : make_folders(root, shown[i]);
    for (size_t i = 0; i < SHOWN && status == 0; i++) {
        if (copies[i] >= 0 && syscall(SYS_move_mount, copies[i], "", root, shown[i] + 1, MOVE_MOUNT_F_EMPTY_PATH) < 0)
            status = -errno;
    }
    for (size_t i = 0; i < SHOWN; i++)
        cleanup_close(&copies[i]);
    if (status < 0)
        return error_set(error, status, "cannot show the sanitizers what they need");
    *ret_root = take_fd(&root);
    return 0;
}

int surroundings_of_sentry(struct error *error)
{
    int root = -1;
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return error_set(error, errno, "cannot make the mounts private");
    int status = make_root(&root, error);
    if (status < 0)
        return status;
    bool entered = syscall(SYS_move_mount, root, "", AT_FDCWD, "/proc", MOVE_MOUNT_F_EMPTY_PATH) == 0 && fchdir(root) == 0 &&
                   syscall(SYS_pivot_root, ".", ".") == 0 && umount2(".", MNT_DETACH) == 0 && chdir("/") == 0;
    cleanup_close(&root);
    /* ThreadSanitizer does not bear with a memory that is laid out at random. */
    return entered && personality(ADDR_NO_RANDOMIZE) >= 0 ? 0 : error_set(error, errno, "cannot change the root");
}

int surroundings_of_gofer(int *ret_place, struct error *error)
{
    return make_root(ret_place, error);
}

int surroundings_enter(int place)
{
    return fchdir(place) < 0 || chroot(".") < 0 || personality(ADDR_NO_RANDOMIZE) < 0 ? -errno : 0;
}

const char *surroundings_note(void)
{
    return "with sanitizers, which loosens what sentry and gofer are confined to: for tests only";
}
