/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/console/exec_console.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "postern/socket.h"
#include "runtime/base/await.h"
#include "runtime/ids/id_table.h"
#include "runtime/ids/user_namespace.h"

/* The container may have put anything at /dev/pts/ptmx: it counts only if it is on a devpts, reached over no link. */
static int open_pair(int *ret_master, int *ret_slave)
{
    struct open_how how = {.flags = O_RDWR | O_NOCTTY | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    auto_close int master = (int)syscall(SYS_openat2, AT_FDCWD, "/dev/pts/ptmx", &how, sizeof(how));
    struct statfs filesystem;
    int unlocked = 0;
    if (master < 0)
        return -errno;
    if (fstatfs(master, &filesystem) < 0 || filesystem.f_type != DEVPTS_SUPER_MAGIC)
        return -ENODEV;
    if (ioctl(master, TIOCSPTLCK, &unlocked) < 0)
        return -errno;
    int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0)
        return -errno;
    *ret_slave = slave;
    *ret_master = take_fd(&master);
    return 0;
}

/* In a child, because the mount namespace cannot be left again. */
static void child(int gofer, uid_t outside, uid_t inside, int socket) __attribute__((noreturn));
static void child(int gofer, uid_t outside, uid_t inside, int socket)
{
    int fds[2], status = 0;
    uid_t owner = outside;
    if (setns(gofer, CLONE_NEWNS) < 0) {
        /* Whoever made the container without root has his rights over its mounts by way of its user namespace. */
        owner = inside;
        status = setns(gofer, CLONE_NEWUSER | CLONE_NEWNS) < 0 ? -errno : 0;
    }
    if (status == 0)
        status = chdir("/") < 0 ? -errno : open_pair(&fds[0], &fds[1]);
    if (status == 0 && fchown(fds[1], owner, (gid_t)-1) < 0)
        status = -errno;
    (void)socket_send(socket, &status, sizeof(status), fds, status == 0 ? 2 : 0);
    _exit(0);
}

int exec_console_open(int gofer, pid_t gofer_pid, uid_t uid, int *ret_master, int *ret_slave, struct error *error)
{
    struct boot_id_table uids;
    uid_t outside;
    int sockets[2];
    int status = user_namespace_of(gofer_pid, "uid_map", &uids);
    if (status < 0)
        return error_set(error, status, "cannot read the container's ids in /proc");
    if (!id_table_outside(&uids, uid, &outside))
        return error_refuse(error, "process.user.uid: %u is no id of the container's user namespace", uid);
    status = socket_pair(sockets);
    if (status < 0)
        return error_set(error, status, "cannot make a socket");
    auto_close int ours = sockets[0];
    auto_close int theirs = sockets[1];
    pid_t pid = fork();
    if (pid < 0)
        return error_set(error, errno, "cannot fork");
    if (pid == 0)
        child(gofer, outside, uid, theirs);
    (void)close(take_fd(&theirs));
    int fds[2];
    size_t count = 0;
    ssize_t got = await_message(ours, "the container's /dev/pts", &status, sizeof(status), fds, 2, &count, error);
    await_killed(pid);
    if (got < 0)
        return (int)got;
    if (got != sizeof(status) || (status == 0 && count != 2))
        return error_refuse(error, "cannot open a terminal in the container");
    if (status < 0)
        return error_set(error, status, "cannot open a terminal in the container (does it have /dev/pts?)");
    *ret_master = fds[0];
    *ret_slave = fds[1];
    return 0;
}
