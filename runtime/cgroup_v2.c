/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/cgroup_tree.h"

/*
 * Gives the children of a folder every controller it has. One by one: a controller that cannot be handed on (it is in
 * use by processes of the folder itself) is missed, by name, when something is to be set with it.
 */
static void hand_on_controllers(const char *folder)
{
    char path[PATH_MAX + 32];
    auto_free char *controllers = NULL;
    char *rest = NULL;
    (void)snprintf(path, sizeof(path), "%s/cgroup.controllers", folder);
    if (cgroup_read_path(path, &controllers) < 0)
        return;
    (void)snprintf(path, sizeof(path), "%s/cgroup.subtree_control", folder);
    for (char *word = strtok_r(controllers, " \n", &rest); word != NULL; word = strtok_r(NULL, " \n", &rest)) {
        char text[64];
        (void)snprintf(text, sizeof(text), "+%.60s", word);
        (void)cgroup_write_path(path, text);
    }
}

int cgroup_v2_make(const struct cgroup *cgroup, const struct cgroup_place *place, struct error *error)
{
    char folder[PATH_MAX];
    int result = cgroup_file(cgroup, place, NULL, folder);
    if (result < 0)
        return error_set(error, result, "cannot make the cgroup %s", cgroup->path);
    for (char *at = folder + strlen(place->mount); at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0'; /* the folder above, which is there by now */
        if (cgroup->unified)
            hand_on_controllers(folder);
        *at = '/';
        char *end = strchr(at + 1, '/');
        if (end != NULL)
            *end = '\0';
        if (mkdir(folder, 0755) < 0 && errno != EEXIST)
            return error_set(error, errno, "cannot make the cgroup %s", folder);
        if (end != NULL)
            *end = '/';
    }
    return 0;
}

/* -- freezer ---------------------------------------------------------------------------------------------------- */

enum { FREEZE_MILLISECONDS = 2000 };

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The kernel announces a change of cgroup.events to those who poll it. */
static int wait_for_frozen(const struct cgroup *cgroup, const struct cgroup_place *place, bool frozen)
{
    char path[PATH_MAX];
    int result = cgroup_file(cgroup, place, "cgroup.events", path);
    if (result < 0)
        return result;
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    for (int64_t end = now_ms() + FREEZE_MILLISECONDS, left; (left = end - now_ms()) > 0;) {
        char text[256];
        ssize_t got = pread(fd, text, sizeof(text) - 1, 0);
        if (got < 0)
            return -errno;
        text[got] = '\0';
        const char *at = strstr(text, "frozen ");
        if (at != NULL && (at[7] == '1') == frozen)
            return 0;
        struct pollfd changed = {.fd = fd, .events = POLLPRI};
        if (poll(&changed, 1, (int)left) < 0 && errno != EINTR)
            return -errno;
    }
    return -ETIMEDOUT;
}

int cgroup_v2_freeze(const struct cgroup *cgroup, const struct cgroup_place *place, bool frozen, struct error *error)
{
    int result = cgroup_write(cgroup, place, "cgroup.freeze", frozen ? "1" : "0");
    if (result == 0)
        result = wait_for_frozen(cgroup, place, frozen);
    if (result < 0 && frozen)
        (void)cgroup_write(cgroup, place, "cgroup.freeze", "0"); /* half frozen is neither */
    return result < 0 ? error_set(error, result, "cannot %s %s", frozen ? "freeze" : "thaw", cgroup->path) : 0;
}
