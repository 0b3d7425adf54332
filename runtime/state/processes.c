/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All processes of a container are in its init's pid namespace, and end with it; sentry and gofer are not. So the namespace
 * decides, not the cgroup, and a container without a cgroup of its own is no special case.
 */
#include "runtime/state/processes.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "runtime/state/container.h"

enum { ROUNDS_MAX = 64 };

struct list {
    pid_t *pids;
    size_t count, room;
};

/* The namespace a process is in, or 0 if it has ended. */
static ino_t pid_namespace(pid_t pid)
{
    struct stat status;
    char path[40];
    (void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
    return stat(path, &status) == 0 ? status.st_ino : 0;
}

static int list_add(struct list *list, pid_t pid)
{
    if (list->count == list->room) {
        size_t room = list->room == 0 ? 64 : 2 * list->room;
        pid_t *pids = reallocarray(list->pids, room, sizeof(*pids));
        if (pids == NULL)
            return -ENOMEM;
        list->pids = pids;
        list->room = room;
    }
    list->pids[list->count++] = pid;
    return 0;
}

static int compare(const void *one, const void *other)
{
    pid_t a = *(const pid_t *)one, b = *(const pid_t *)other;
    return (a > b) - (a < b);
}

/* 0 once the container has stopped: the mark tells whether that pid still is its init. */
static ino_t container_namespace(const struct container *container)
{
    auto_close int init = process_mark_open(&container->init);
    return init >= 0 ? pid_namespace(container->init.pid) : 0;
}

int processes_list(const struct container *container, pid_t **ret_pids, size_t *ret_count)
{
    struct list list = {0};
    struct dirent *entry;
    int result = 0;
    ino_t namespace = container_namespace(container);
    auto_closedir DIR *proc = opendir("/proc");
    if (proc == NULL)
        return -errno;

    while (namespace != 0 && result == 0 && (entry = readdir(proc)) != NULL) {
        pid_t pid = isdigit((unsigned char)entry->d_name[0]) ? (pid_t)atoi(entry->d_name) : 0;
        if (pid > 0 && pid_namespace(pid) == namespace)
            result = list_add(&list, pid);
    }
    if (result < 0) {
        free(list.pids);
        return result;
    }
    if (list.count > 0)
        qsort(list.pids, list.count, sizeof(*list.pids), compare);
    *ret_pids = list.pids;
    *ret_count = list.count;
    return 0;
}

/* A pid read a moment ago may be somebody else's by now: the descriptor is of one process, and that one is asked. */
static int signal_guest(ino_t namespace, pid_t pid, int signal)
{
    auto_close int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0 || pid_namespace(pid) != namespace)
        return 0;
    if (syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0) < 0 && errno != ESRCH)
        return -errno;
    return 0;
}

static bool has(const pid_t *pids, size_t count, pid_t pid)
{
    return count > 0 && bsearch(&pid, pids, count, sizeof(*pids), compare) != NULL;
}

int processes_signal(const struct container *container, int signal)
{
    auto_free pid_t *done = NULL;
    size_t done_count = 0, fresh = 1;
    ino_t namespace = container_namespace(container);
    int result = 0;
    for (int round = 0; round < ROUNDS_MAX && result == 0 && fresh > 0; round++) {
        pid_t *pids = NULL;
        size_t count = 0;
        fresh = 0;
        result = processes_list(container, &pids, &count);
        for (size_t i = 0; i < count && result == 0; i++) {
            if (has(done, done_count, pids[i]))
                continue;
            fresh++;
            result = signal_guest(namespace, pids[i], signal);
        }
        free(done);
        done = pids;
        done_count = count;
    }
    return result;
}
