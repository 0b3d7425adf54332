/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "runtime/cgroup/tree.h"

struct pid_list {
    pid_t *pids;
    size_t count, room;
};

static int add_pid(struct pid_list *list, pid_t pid)
{
    if (list->count == list->room) {
        size_t room = list->room * 2 + 32;
        pid_t *pids = reallocarray(list->pids, room, sizeof(*pids));
        if (pids == NULL)
            return -ENOMEM;
        list->pids = pids;
        list->room = room;
    }
    list->pids[list->count++] = pid;
    return 0;
}

static int read_processes(int folder, struct pid_list *list)
{
    int fd = openat(folder, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    auto_fclose FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
    if (file == NULL) {
        int code = -errno;
        if (fd >= 0)
            (void)close(fd);
        return code;
    }
    int result = 0;
    for (int pid; result == 0 && fscanf(file, "%d", &pid) == 1;)
        if (pid > 0) /* 0: one that our pid namespace does not have */
            result = add_pid(list, pid);
    return result;
}

/* Does `act` to the folder and all folders in it, the deepest first. */
static int walk(int folder, unsigned depth, int (*act)(int folder, const char *name, void *data), void *data)
{
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_closedir DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;
    if (entries == NULL) {
        int code = -errno;
        if (copy >= 0)
            (void)close(copy);
        return code;
    }
    int result = 0;
    for (struct dirent *entry; result == 0 && (entry = readdir(entries)) != NULL;) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        auto_close int child = openat(folder, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (child < 0)
            continue; /* gone meanwhile */
        result = depth > 0 ? walk(child, depth - 1, act, data) : -ELOOP;
        if (result == 0)
            result = act(folder, entry->d_name, data);
    }
    return result;
}

static int list_in(int folder, const char *name, void *data)
{
    auto_close int child = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int result = child < 0 ? -errno : read_processes(child, data);
    return result == -ENOENT || result == -ENODEV ? 0 : result;
}

int cgroup_members(const struct cgroup *cgroup, const struct cgroup_place *place, pid_t **ret_pids, size_t *ret_count)
{
    char path[PATH_MAX];
    struct pid_list list = {0};
    int result = cgroup_file(cgroup, place, NULL, path);
    if (result < 0)
        return result;
    auto_close int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return -errno;
    result = read_processes(folder, &list);
    if (result == 0)
        result = walk(folder, CGROUP_DEPTH_MAX, list_in, &list);
    if (result < 0) {
        free(list.pids);
        return result;
    }
    *ret_pids = list.pids;
    *ret_count = list.count;
    return 0;
}

/*
 * Version 2 kills all at once, forks in flight included; there the rest finds nothing. Else one after the other: what
 * is forked meanwhile is met in the next round. A frozen process of version 1 dies when it is thawed.
 */
int cgroup_members_kill(const struct cgroup *cgroup)
{
    enum { ROUNDS = 16 };
    const struct cgroup_place *second = cgroup_find(cgroup, "");
    const struct cgroup_place *place = cgroup_main_place(cgroup);
    const struct cgroup_place *freezer = cgroup->unified ? NULL : cgroup_find(cgroup, "freezer");
    size_t before = 0;
    if (second != NULL)
        (void)cgroup_write(cgroup, second, "cgroup.kill", "1");
    for (int round = 0; round < ROUNDS; round++) {
        auto_free pid_t *pids = NULL;
        size_t count = 0;
        int result = cgroup_members(cgroup, place, &pids, &count);
        if (result < 0 && result != -ENOENT)
            return result;
        for (size_t i = 0; i < count; i++)
            (void)kill(pids[i], SIGKILL);
        if (count <= before)
            break;
        before = count;
    }
    if (freezer != NULL)
        (void)cgroup_write(cgroup, freezer, "freezer.state", "THAWED");
    return 0;
}

static int remove_in(int folder, const char *name, void *data)
{
    (void)data;
    return unlinkat(folder, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

int cgroup_folders_remove(const struct cgroup *cgroup, const struct cgroup_place *place)
{
    char path[PATH_MAX];
    int result = cgroup_file(cgroup, place, NULL, path);
    if (result < 0)
        return result;
    if (rmdir(path) == 0 || errno == ENOENT)
        return 0;
    if (errno != EBUSY && errno != ENOTEMPTY)
        return -errno;
    auto_close int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return errno == ENOENT ? 0 : -errno;
    result = walk(folder, CGROUP_DEPTH_MAX, remove_in, NULL);
    if (result < 0)
        return result;
    return rmdir(path) < 0 && errno != ENOENT ? -errno : 0;
}

/* A process that was killed leaves its cgroups a little later; on a busy machine, seconds later. */
int cgroup_remove_all(const struct cgroup *cgroup)
{
    enum { TRIES = 1000 };
    static const struct timespec pause = {.tv_nsec = 10000000};
    int result = -EBUSY;
    for (int i = 0; i < TRIES && result == -EBUSY; i++) {
        if (i > 0) {
            (void)cgroup_members_kill(cgroup);
            (void)nanosleep(&pause, NULL);
        }
        result = 0;
        for (size_t j = 0; j < cgroup->count; j++) {
            int one = cgroup_folders_remove(cgroup, &cgroup->places[j]);
            result = one < 0 ? one : result;
        }
    }
    return result;
}
