/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the sandbox's procfs: which processes and threads there are, and what the guest calls them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "postern/boot.h"
#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/kernel/table.h"
#include "sentry/sentry.h"

CONFINE_ALLOW_IF(openat, 0, UINT32_MAX, SENTRY_FD_PROC_OUTER, "processes and threads of the sandbox");
CONFINE_ALLOW_IF(openat, 0, UINT32_MAX, SENTRY_FD_PROC_INNER, "is there a process of this id in the guest");
CONFINE_ALLOW(getdents64, "processes and threads of the sandbox");
CONFINE_ALLOW(newfstatat, "how many threads a process has");

static int read_ids(int fd, int (*visit)(pid_t pid, void *data), void *data)
{
    auto_closedir DIR *directory = fdopendir(fd);
    if (directory == NULL) {
        int result = -errno;
        (void)close(fd);
        return result;
    }
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        char *end;
        long id = strtol(entry->d_name, &end, 10);
        if (end == entry->d_name || *end != '\0' || id <= 0 || id > INT_MAX)
            continue;
        int result = visit((pid_t)id, data);
        if (result != 0)
            return result;
    }
    return 0;
}

int scan_pids(const struct sentry *sentry, pid_t process, int (*visit)(pid_t pid, void *data), void *data)
{
    char path[32] = ".";
    if (process > 0)
        (void)snprintf(path, sizeof(path), "%d/task", process);
    int fd = openat(sentry->proc_outer, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? -ESRCH : -errno;
    return read_ids(fd, visit, data);
}

static int collect_pid(pid_t pid, void *data)
{
    struct pid_list *list = data;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 256 : list->capacity * 2;
        pid_t *pids = reallocarray(list->pids, capacity, sizeof(pid_t));
        if (pids == NULL)
            return -ENOMEM;
        list->pids = pids;
        list->capacity = capacity;
    }
    list->pids[list->count++] = pid;
    return 0;
}

void pid_list_release(struct pid_list *list)
{
    free(list->pids);
    *list = (struct pid_list){0};
}

int scan_list(const struct sentry *sentry, pid_t process, struct pid_list *ret_list)
{
    auto_pid_list struct pid_list list = {0};
    int result = scan_pids(sentry, process, collect_pid, &list);
    if (result < 0)
        return result;
    *ret_list = list;
    list = (struct pid_list){0};
    return 0;
}

struct search {
    const struct sentry *sentry;
    const struct id_map *known;
    pid_t vtid;
    bool threads; /* look into every process, too */
    struct host_status *status;
    pid_t tid;
};

static int is_wanted(pid_t tid, void *data)
{
    struct search *search = data;
    struct host_status status;
    if (search->known != NULL && id_map_get(search->known, (uint64_t)tid) != NULL)
        return 0;
    if (host_status_read(search->sentry, tid, &status) < 0 || status.pid_levels < 2 || status.vpid != search->vtid)
        return 0;
    *search->status = status;
    search->tid = tid;
    return 1;
}

static int has_wanted_thread(pid_t pid, void *data)
{
    struct search *search = data;
    return scan_pids(search->sentry, pid, is_wanted, data) == 1;
}

/* The guest's own procfs knows at once that an id does not exist (-ESRCH), and whose thread it is. Without one: 0. */
static pid_t thread_group_of(const struct sentry *sentry, pid_t vtid)
{
    char path[32], text[512];
    (void)snprintf(path, sizeof(path), "%d/status", vtid);
    auto_close int fd = openat(sentry->proc_inner, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? -ESRCH : 0;
    ssize_t length = read(fd, text, sizeof(text) - 1);
    if (length <= 0)
        return -ESRCH;
    text[length] = '\0';
    const char *line = strstr(text, "\nTgid:\t");
    return line != NULL ? (pid_t)strtol(line + sizeof("\nTgid:\t") - 1, NULL, 10) : 0;
}

static int search_once(struct search *search, pid_t vtgid)
{
    if (vtgid == 0 || vtgid == search->vtid)
        if (scan_pids(search->sentry, 0, is_wanted, search) == 1)
            return 0;
    if (vtgid == 0 || vtgid != search->vtid)
        if (scan_pids(search->sentry, 0, has_wanted_thread, search) == 1)
            return 0;
    return -ESRCH;
}

int scan_for_vtid(const struct sentry *sentry, const struct id_map *known, pid_t vtid, struct host_status *ret_status,
                  pid_t *ret_tid)
{
    struct search search = {.sentry = sentry, .known = known, .vtid = vtid, .status = ret_status};
    pid_t vtgid = vtid > 0 ? thread_group_of(sentry, vtid) : -ESRCH;
    if (vtgid < 0)
        return -ESRCH;
    int result = search_once(&search, vtgid);
    if (result == -ESRCH && known != NULL) {
        search.known = NULL; /* what the table knows under some outer id may have ended, and the id be another's */
        result = search_once(&search, vtgid);
    }
    if (result == 0)
        *ret_tid = search.tid;
    return result;
}

/* A field of proc_pid_stat(5) behind the name, by its number there; 0 if the thread is gone. */
static uint64_t stat_field(const struct sentry *sentry, pid_t tid, int number)
{
    enum { NAME = 2 };
    char path[32], text[1024];
    (void)snprintf(path, sizeof(path), "%d/stat", tid);
    auto_close int fd = openat(sentry->proc_outer, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t length = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    if (length <= 0)
        return 0;
    text[length] = '\0';
    const char *field = strrchr(text, ')');
    for (int i = NAME; field != NULL && i < number; i++)
        field = strchr(field + 1, ' ');
    return field != NULL ? strtoull(field, NULL, 10) : 0;
}

uint64_t thread_start_time(const struct sentry *sentry, pid_t tid)
{
    enum { STARTTIME = 22 };
    return stat_field(sentry, tid, STARTTIME);
}

uint64_t thread_born_before(const struct sentry *sentry, pid_t tid)
{
    enum { TICK_US = 10000 }; /* USER_HZ is 100 everywhere */
    uint64_t ticks = thread_start_time(sentry, tid);
    return ticks == 0 ? 0 : (ticks + 1) * TICK_US;
}

uint64_t thread_user_time(const struct sentry *sentry, pid_t tid)
{
    enum { UTIME = 14 };
    return stat_field(sentry, tid, UTIME);
}

unsigned int thread_count(const struct sentry *sentry, pid_t pid)
{
    char path[32];
    struct stat attributes;
    (void)snprintf(path, sizeof(path), "%d/task", pid);
    if (fstatat(sentry->proc_outer, path, &attributes, AT_SYMLINK_NOFOLLOW) < 0 || attributes.st_nlink < 3)
        return 1;
    return (unsigned int)attributes.st_nlink - 2;
}

int process_for_each_thread(const struct process *process, int (*visit)(pid_t tid, void *data), void *data)
{
    return scan_pids(process->table->sentry, process->pid, visit, data);
}

unsigned int process_threads(const struct process_table *table, const struct process *process)
{
    return thread_count(table->sentry, process->pid);
}

static int count_one(pid_t pid, void *data)
{
    (void)pid;
    (*(unsigned int *)data)++;
    return 0;
}

unsigned int process_count(const struct process_table *table)
{
    unsigned int count = 0;
    int fd = openat(table->sentry->proc_inner, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        (void)read_ids(fd, count_one, &count);
    return count;
}
