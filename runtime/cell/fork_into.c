/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cell/fork_into.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/base/await.h"

/* What the helper says: the child's pid, or -errno. */
static pid_t clone_there(int pidfd)
{
    /* The signal of its end is the helper's own, SIGCHLD: with CLONE_PARENT none may be given. */
    struct clone_args clone = {.flags = CLONE_PARENT};
    if (setns(pidfd, CLONE_NEWPID) < 0)
        return -errno;
    pid_t pid = (pid_t)syscall(SYS_clone3, &clone, sizeof(clone));
    return pid < 0 ? -errno : pid;
}

pid_t fork_into(int pidfd, struct error *error)
{
    static const char failure[] = "cannot fork into the sandbox's pid namespace";
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_set(error, errno, failure);
    auto_close int ours = ends[0];
    auto_close int theirs = ends[1];
    pid_t helper = fork();
    if (helper < 0)
        return error_set(error, errno, failure);
    if (helper == 0) {
        pid_t pid = clone_there(pidfd);
        if (pid == 0)
            return 0;
        _exit(write(theirs, &pid, sizeof(pid)) != sizeof(pid));
    }
    (void)close(take_fd(&theirs));
    pid_t pid = await_ready(ours, POLLIN, "the process that forks for us", error);
    if (pid == 0 && read(ours, &pid, sizeof(pid)) != sizeof(pid))
        pid = -EPIPE;
    await_killed(helper); /* it has nothing more to do */
    return pid < 0 ? error_set(error, (int)pid, failure) : pid;
}
