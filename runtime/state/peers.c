/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/state/peers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/state/container.h"
#include "runtime/state/state_dir.h"

/* Open, and of that process: its mark is looked at again when the pid has done its service. */
static int open_user_namespace(const struct process_mark *mark)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)mark->pid);
    auto_close int pidfd = process_mark_open(mark);
    if (pidfd < 0)
        return pidfd;
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    auto_close int again = process_mark_open(mark);
    return again < 0 ? again : take_fd(&fd);
}

static bool is_in(const struct process_mark *mark, const struct stat *namespace)
{
    struct stat status;
    auto_close int fd = open_user_namespace(mark);
    return fd >= 0 && fstat(fd, &status) == 0 && status.st_dev == namespace->st_dev && status.st_ino == namespace->st_ino;
}

static int ask(const char *root, const char *id, const struct stat *namespace)
{
    struct container container = {0};
    struct error error = {0}; /* a damaged one is not the one that is meant */
    auto_close int folder = -1;
    int status = container_open(root, id, &folder, &error);
    if (status == 0)
        status = container_load(folder, &container, &error);
    if (status < 0)
        return -ENOENT;
    status = is_in(&container.init, namespace) ? open_user_namespace(&container.gofer) : -ENOENT;
    container_release(&container);
    return status;
}

int peers_user_namespace(const char *root, const char *path)
{
    struct stat namespace;
    struct dirent **entries = NULL;
    if (path == NULL || stat(path, &namespace) < 0)
        return -ENOENT;
    int found = -ENOENT, count = state_root_scan(root, &entries);
    for (int i = 0; i < count; i++) {
        if (found == -ENOENT)
            found = ask(root, entries[i]->d_name, &namespace);
        free(entries[i]);
    }
    free((void *)entries);
    return found;
}
