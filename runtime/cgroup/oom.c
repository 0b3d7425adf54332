/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/cgroup/tree.h"

static int open_memory(const char *path, bool systemd, struct cgroup *ret_cgroup, const struct cgroup_place **ret_place)
{
    int result = cgroup_open_for(path, systemd, ret_cgroup, NULL);
    if (result < 0)
        return result;
    *ret_place = cgroup_find(ret_cgroup, "memory");
    return *ret_place != NULL ? 0 : -ENODEV;
}

static uint64_t kills_in(const struct cgroup *cgroup, const struct cgroup_place *place)
{
    uint64_t count = 0;
    (void)cgroup_read_key(cgroup, place, cgroup->unified ? "memory.events" : "memory.oom_control", "oom_kill", &count);
    return count;
}

bool cgroup_oom_killed(const char *path, bool systemd)
{
    struct cgroup cgroup;
    const struct cgroup_place *place;
    return open_memory(path, systemd, &cgroup, &place) == 0 && kills_in(&cgroup, place) > 0;
}

/* Version 1: an eventfd, registered with the descriptor of the file it is about. */
static int watch_v1(const struct cgroup *cgroup, const struct cgroup_place *place)
{
    char control[PATH_MAX], text[32];
    auto_close int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event < 0)
        return -errno;
    int result = cgroup_file(cgroup, place, "memory.oom_control", control);
    if (result < 0)
        return result;
    auto_close int about = open(control, O_RDONLY | O_CLOEXEC);
    if (about < 0)
        return -errno;
    (void)snprintf(text, sizeof(text), "%d %d", event, about);
    result = cgroup_write(cgroup, place, "cgroup.event_control", text);
    return result < 0 ? result : take_fd(&event);
}

static int watch_v2(const struct cgroup *cgroup, const struct cgroup_place *place)
{
    char events[PATH_MAX];
    int result = cgroup_file(cgroup, place, "memory.events", events);
    if (result < 0)
        return result;
    auto_close int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0 || inotify_add_watch(fd, events, IN_MODIFY) < 0)
        return -errno;
    return take_fd(&fd);
}

int cgroup_oom_watch(const char *path, bool systemd, struct cgroup_oom_watch *ret_watch)
{
    struct cgroup cgroup;
    const struct cgroup_place *place;
    int result = open_memory(path, systemd, &cgroup, &place);
    if (result < 0)
        return result;
    uint64_t seen = kills_in(&cgroup, place);
    int fd = cgroup.unified ? watch_v2(&cgroup, place) : watch_v1(&cgroup, place);
    if (fd < 0)
        return fd;
    *ret_watch = (struct cgroup_oom_watch){.fd = fd, .seen = seen};
    return 0;
}

/* Version 1 tells before anything is killed, and tells nothing else but the cgroup's end; version 2 tells of other
 * events too, but after they were counted. */
bool cgroup_oom_take(const char *path, bool systemd, struct cgroup_oom_watch *watch)
{
    char drained[4096];
    struct cgroup cgroup;
    const struct cgroup_place *place;
    while (read(watch->fd, drained, sizeof(drained)) > 0)
        ;
    if (open_memory(path, systemd, &cgroup, &place) < 0 || !cgroup_exists(&cgroup, place))
        return false;
    uint64_t before = watch->seen;
    watch->seen = kills_in(&cgroup, place);
    return !cgroup.unified || watch->seen > before;
}
