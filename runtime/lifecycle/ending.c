/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing of a container is left, however far it came and whatever died on the way. */
#include "runtime/lifecycle/ending.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/base/await.h"
#include "runtime/base/log.h"
#include "runtime/base/options.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/hooks/hooks.h"
#include "runtime/state/clients.h"
#include "runtime/state/lock.h"
#include "runtime/state/state_dir.h"
#include "runtime/state/target.h"

enum {
    STEP_MS = 20,
    POLITE_MS = 3000,  /* for another command to go on with the container */
    LEAVE_MS = 500,    /* for the sentry to end by itself once init has */
    KILLED_MS = 10000, /* for a killed process to be gone; as long as runc waits */
    REMOVE_TRIES = 100,
    ABANDON_MS = 2000, /* for what a killed `create` had started to be gone */
};

/* -- processes -------------------------------------------------------------------------------------------------- */

static void kill_mark(const struct process_mark *mark)
{
    auto_close int fd = process_mark_open(mark);
    if (fd >= 0)
        (void)syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
}

/* The mark is asked at each step, not only the descriptor polled: it also sees a process that has given everything back
 * and waits for somebody else's wait(2). */
static bool wait_end(const struct process_mark *mark, int folder, int timeout)
{
    long deadline = await_now_ms() + timeout;
    for (;;) {
        auto_close int fd = process_mark_open(mark);
        if (fd < 0)
            return true;
        if (await_now_ms() >= deadline)
            return false;
        struct pollfd entry = {.fd = fd, .events = POLLIN};
        lock_touch(folder, LOCK_FILE);
        (void)poll(&entry, 1, STEP_MS);
    }
}

/* Init first: then its end is what it looks like, a killed container, to whoever waits for it. */
static int end_processes(const struct container *container, int folder, struct error *error)
{
    kill_mark(&container->init);
    /* What is frozen, wholly or half, dies when it is thawed. */
    if (container->cgroup[0] != '\0')
        (void)cgroup_freeze(container->cgroup, container->systemd_cgroup, false, NULL);
    if (!wait_end(&container->init, folder, KILLED_MS))
        return error_refuse(error, "container init still running");
    (void)wait_end(&container->sentry, folder, LEAVE_MS);

    const struct process_mark *const servants[] = {&container->sentry, &container->gofer};
    for (size_t i = 0; i < 2; i++)
        kill_mark(servants[i]);
    for (size_t i = 0; i < 2; i++)
        if (!wait_end(servants[i], folder, LEAVE_MS) && !process_mark_is_zombie(servants[i]) && !wait_end(servants[i], folder, KILLED_MS))
            return error_refuse(error, "cannot delete container: process %d does not end", (int)servants[i]->pid);
    return 0;
}

/* -- steps ------------------------------------------------------------------------------------------------------ */

static bool is_folder_of(const char *id, int folder)
{
    auto_close int now = -1;
    struct stat ours, theirs;
    return container_open(options_global()->root, id, &now, NULL) == 0 && fstat(folder, &ours) == 0 &&
           fstat(now, &theirs) == 0 && ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

/* Others who had the folder open may put their lock into it until it is gone; once it is gone, the name may be a new
 * container's. */
static int remove_state(const char *id, int folder, struct error *error)
{
    int result = -ENOTEMPTY;
    for (int tries = 0; tries < REMOVE_TRIES && result == -ENOTEMPTY; tries++) {
        if (!is_folder_of(id, folder))
            return 0;
        result = state_dir_remove(options_global()->root, id);
        if (result == -ENOTEMPTY)
            (void)poll(NULL, 0, 1);
    }
    return result < 0 && result != -ENOENT ? error_set(error, result, "cannot remove the state of container %s", id) : 0;
}

static int destroy(const char *id, const struct target *target, bool force, struct error *error)
{
    const struct container *container = &target->container;
    int result = end_processes(container, target->folder, error);
    if (result < 0)
        return result;
    log_message(LOG_LEVEL_DEBUG, "the processes of container %s have ended", id);
    if (force)
        clients_end(target->folder);
    if (!is_folder_of(id, target->folder))
        return 0; /* one of them has taken down what it made */
    lock_touch(target->folder, LOCK_FILE);
    if (container->cgroup[0] != '\0')
        result = cgroup_remove(container->cgroup, container->systemd_cgroup);
    if (result < 0)
        return error_set(error, result, "cannot remove the cgroup %s", container->cgroup);
    if (container->cgroup[0] != '\0')
        log_message(LOG_LEVEL_DEBUG, "the cgroup %s is removed", container->cgroup);
    lock_touch(target->folder, LOCK_FILE);
    hooks_poststop(target->folder, container);
    result = remove_state(id, target->folder, error);
    if (result == 0)
        log_message(LOG_LEVEL_DEBUG, "the state of container %s is removed", id);
    return result;
}

/* Until nobody holds the container: what a killed `create` had started lets go of it as it ends. */
static int wait_abandoned(const char *id, int folder, struct error *error)
{
    long deadline = await_now_ms() + ABANDON_MS;
    while (lock_is_held(folder, ALIVE_FILE)) {
        if (await_now_ms() >= deadline)
            return error_refuse(error, "cannot delete container %s that is not stopped: creating", id);
        (void)poll(NULL, 0, STEP_MS);
    }
    return 0;
}

/* As long as it goes from hand to hand, or somebody is at work on those who do not let go; -EWOULDBLOCK when nothing moves. */
static int lock_in_turn(int folder)
{
    const long deadline = await_now_ms() + await_limit_ms();
    struct timespec before = {0};
    for (;;) {
        struct stat file;
        int lock = container_lock(folder, POLITE_MS);
        if (lock != -EWOULDBLOCK || fstatat(folder, LOCK_FILE, &file, AT_SYMLINK_NOFOLLOW) < 0)
            return lock;
        const bool moved = file.st_mtim.tv_sec != before.tv_sec || file.st_mtim.tv_nsec != before.tv_nsec;
        if (!moved || await_now_ms() >= deadline)
            return lock;
        before = file.st_mtim;
    }
}

/* What is known of it may be older than what others have done since. False: nothing can be read. */
static bool load_again(struct target *target)
{
    struct container now;
    struct error ignored = {0};
    if (container_load(target->folder, &now, &ignored) < 0)
        return false;
    container_release(&target->container);
    target->container = now;
    return true;
}

/* What is there without a state that can be read. The lock is only for those who do the same. */
static int remove_abandoned(const char *id, bool force, struct error *error)
{
    auto_target struct target target = TARGET_NONE;
    if (container_open(options_global()->root, id, &target.folder, NULL) < 0)
        return 0;
    target.lock = lock_in_turn(target.folder);
    if (target.lock == -ENOENT)
        return 0;
    if (force)
        clients_end(target.folder);
    int result = wait_abandoned(id, target.folder, error);
    if (result == 0 && load_again(&target)) /* whoever made it came that far meanwhile, and has made a cgroup perhaps */
        return destroy(id, &target, force, error);
    return result == 0 ? remove_state(id, target.folder, error) : result;
}

/* Whoever has the lock may be waiting for something of the container that never comes. It does once that is at its end. And if he
 * still does not end, not even by force, the container is removed without the lock: he will find that it is gone. */
static int lock_by_force(struct target *target, struct error *error)
{
    target->lock = lock_in_turn(target->folder);
    if (target->lock == -EWOULDBLOCK) {
        int result = end_processes(&target->container, target->folder, error);
        if (result < 0)
            return result;
        clients_end(target->folder);
        target->lock = container_lock(target->folder, POLITE_MS);
    }
    if (target->lock == -EWOULDBLOCK)
        log_message(LOG_LEVEL_WARNING, "another command has the container locked and does not end");
    else if (target->lock < 0)
        return error_set(error, target->lock, "cannot lock the container");
    return 0;
}

static int open_target(const char *id, bool force, struct target *target, struct error *error)
{
    int result = target_open(id, !force, target, error);
    return result == 0 && force ? lock_by_force(target, error) : result;
}

int container_delete(const char *id, bool force, struct error *error)
{
    auto_target struct target target = TARGET_NONE;
    struct error why = {0};
    int result = state_id_check(id, error);
    if (result < 0)
        return result;
    result = open_target(id, force, &target, &why);
    if (result < 0 && target.folder >= 0 && result != -ENOENT)
        return error_refuse(error, "%s", why.text);
    if (result < 0) {
        /* By force also what has no state that can be read. */
        bool abandoned = force || result == -ENOENT;
        result = abandoned ? remove_abandoned(id, force, error) : 0;
        return result < 0 || force ? result : error_refuse(error, "%s", why.text);
    }

    enum container_status status = target_status(&target);
    if (!force && status != CONTAINER_STOPPED && status != CONTAINER_CREATED)
        return error_refuse(error, "cannot delete container %s that is not stopped: %s", id,
                            container_status_name(status));
    if (status == CONTAINER_CREATING && force)
        clients_end(target.folder);
    if (status == CONTAINER_CREATING)
        result = wait_abandoned(id, target.folder, error);
    if (force)
        (void)load_again(&target);
    return result == 0 ? destroy(id, &target, force, error) : result;
}
