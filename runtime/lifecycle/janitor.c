/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/lifecycle/janitor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/base/await.h"
#include "runtime/base/options.h"
#include "runtime/lifecycle/ending.h"
#include "runtime/state/lock.h"
#include "runtime/state/state_dir.h"

enum { MAKING_SECONDS = 10, DISMISS_MS = 5000 };

/* Lets go of everything but the pipe: nobody who reads our output to its end shall wait for this process. */
static int take_place(int alive)
{
    enum { PIPE = STDERR_FILENO + 1 };
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (null < 0 || dup2(null, fd) < 0)
            return -errno;
    if (alive != PIPE && dup2(alive, PIPE) < 0)
        return -errno;
    return close_range(PIPE + 1, ~0U, 0) < 0 || setsid() < 0 ? -errno : PIPE;
}

/* The lock is held as long as a container lives; one that is just being made may not have it yet. */
static bool is_dead(int root, const char *id)
{
    auto_close int folder = openat(root, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat status;
    return folder >= 0 && fstat(folder, &status) == 0 && time(NULL) - status.st_mtime > MAKING_SECONDS &&
           !lock_is_held(folder, ALIVE_FILE);
}

static void sweep(void)
{
    int root = state_root_open(options_global()->root);
    auto_closedir DIR *folder = root >= 0 ? fdopendir(root) : NULL;
    for (const struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;)
        if (strncmp(entry->d_name, JANITOR_PREFIX, strlen(JANITOR_PREFIX)) == 0 && is_dead(root, entry->d_name))
            (void)container_delete(entry->d_name, true, NULL);
}

/* A byte is the dismissal; an end without one that of the runtime, and of all it had just forked. */
static void watch(int alive, const char *id)
{
    char byte;
    ssize_t got;
    (void)prctl(PR_SET_NAME, "postern-janitor");
    sweep();
    while ((got = read(alive, &byte, sizeof(byte))) < 0 && errno == EINTR)
        continue;
    if (got == 0)
        (void)container_delete(id, true, NULL);
}

int janitor_start(const char *id, struct janitor *ret_janitor, struct error *error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_set(error, errno, "cannot make a pipe");
    auto_close int theirs = ends[0];
    auto_close int ours = ends[1];
    pid_t pid = fork();
    if (pid < 0)
        return error_set(error, errno, "cannot fork");
    if (pid == 0) {
        (void)close(ours);
        int alive = take_place(theirs);
        if (alive >= 0)
            watch(alive, id);
        _exit(0);
    }
    *ret_janitor = (struct janitor){.pid = pid, .alive = take_fd(&ours)};
    return 0;
}

void janitor_dismiss(struct janitor *janitor)
{
    if (janitor->pid == 0)
        return;
    (void)!write(janitor->alive, "", 1);
    (void)close(take_fd(&janitor->alive));
    /* It may have others' remains to clear away, and no end of it. */
    if (await_child(janitor->pid, DISMISS_MS, NULL) < 0)
        await_killed(janitor->pid);
    janitor->pid = 0;
}
