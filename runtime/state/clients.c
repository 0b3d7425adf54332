/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/state/clients.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "runtime/base/await.h"
#include "runtime/base/log.h"
#include "runtime/state/container.h"
#include "runtime/state/lock.h"

enum {
    LEAVE_MS = 2000, /* for a command whose container has ended */
    ASKED_MS = 2000, /* for one that takes down what it made */
    KILLED_MS = 10000,
    STEP_MS = 20,
};

struct place {
    int fd;
    struct stat folder, lock; /* the state folder, and the file in it */
    bool has_lock;
    pid_t holder; /* of the lock; 0: unknown */
};

/* Somebody else may have reason to look into the folder, and is none of ours to end. */
static bool is_postern(int process)
{
    char path[PATH_MAX];
    ssize_t size = readlinkat(process, "exe", path, sizeof(path) - 1);
    path[size > 0 ? size : 0] = '\0';
    const char *name = strrchr(path, '/');
    return name != NULL && (strcmp(name, "/postern") == 0 || strcmp(name, "/postern (deleted)") == 0);
}

static bool has_open(int process, const struct stat *wanted)
{
    int fd = openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_closedir DIR *descriptors = fd >= 0 ? fdopendir(fd) : NULL;
    bool found = false;
    for (const struct dirent *entry; descriptors != NULL && !found && (entry = readdir(descriptors)) != NULL;) {
        struct stat object;
        found = isdigit((unsigned char)entry->d_name[0]) && fstatat(dirfd(descriptors), entry->d_name, &object, 0) == 0 &&
                object.st_dev == wanted->st_dev && object.st_ino == wanted->st_ino;
    }
    return found;
}

/* Waits for a lock it does not have: most likely ours, while we wait for its end. It has done nothing yet, and will find that the
 * container is gone. */
static bool waits(const struct place *place, int process, pid_t pid)
{
    return place->has_lock && pid != place->holder && has_open(process, &place->lock);
}

/* Its pid may be somebody else's by the time it gets a signal: the descriptor is of the one that was looked at. */
static bool signal_client(pid_t pid, const struct place *place, int signal)
{
    char name[24];
    (void)snprintf(name, sizeof(name), "/proc/%d", (int)pid);
    auto_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    auto_close int process = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (pidfd < 0 || process < 0 || !is_postern(process) || !has_open(process, &place->folder) || waits(place, process, pid))
        return false;
    struct pollfd entry = {.fd = pidfd, .events = POLLIN};
    if (poll(&entry, 1, 0) != 0)
        return false;
    if (signal != 0)
        (void)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
    if (signal == SIGTERM) /* one that is stopped could not take it */
        (void)syscall(SYS_pidfd_send_signal, pidfd, SIGCONT, NULL, 0);
    return true;
}

/* How many there are; each gets the signal, if it is not 0. */
static unsigned int signal_all(const struct place *place, int signal)
{
    unsigned int count = 0;
    auto_closedir DIR *processes = opendir("/proc");
    for (const struct dirent *entry; processes != NULL && (entry = readdir(processes)) != NULL;) {
        pid_t pid = isdigit((unsigned char)entry->d_name[0]) ? (pid_t)strtol(entry->d_name, NULL, 10) : 0;
        count += pid > 0 && pid != getpid() && signal_client(pid, place, signal);
    }
    return count;
}

static bool are_gone(const struct place *place, int limit_ms)
{
    const long deadline = await_now_ms() + limit_ms;
    while (signal_all(place, 0) > 0) {
        if (await_now_ms() >= deadline)
            return false;
        lock_touch(place->fd, LOCK_FILE);
        (void)poll(NULL, 0, STEP_MS);
    }
    return true;
}

void clients_end(int folder)
{
    static const struct {
        int signal, limit_ms;
    } steps[] = {{0, LEAVE_MS}, {SIGTERM, ASKED_MS}, {SIGKILL, KILLED_MS}};
    struct process_mark holder = {0};
    struct place place = {.fd = folder};
    if (fstat(folder, &place.folder) < 0)
        return;
    place.has_lock = fstatat(folder, LOCK_FILE, &place.lock, AT_SYMLINK_NOFOLLOW) == 0;
    place.holder = lock_holder(folder, LOCK_FILE, &holder) ? holder.pid : 0;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (steps[i].signal != 0)
            (void)signal_all(&place, steps[i].signal);
        if (are_gone(&place, steps[i].limit_ms))
            return;
    }
    log_message(LOG_LEVEL_WARNING, "another command on the container has been killed and does not end");
}
