/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/exec_console.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "postern/socket.h"

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
static void child(int gofer, int socket) __attribute__((noreturn));
static void child(int gofer, int socket)
{
    int fds[2], status = -1;
    if (setns(gofer, CLONE_NEWNS) < 0 || chdir("/") < 0)
        status = -errno;
    else
        status = open_pair(&fds[0], &fds[1]);
    (void)socket_send(socket, &status, sizeof(status), fds, status == 0 ? 2 : 0);
    _exit(0);
}

int exec_console_open(int gofer, int *ret_master, int *ret_slave, struct error *error)
{
    int sockets[2];
    int status = socket_pair(sockets);
    if (status < 0)
        return error_set(error, status, "cannot make a socket");
    auto_close int ours = sockets[0];
    auto_close int theirs = sockets[1];
    pid_t pid = fork();
    if (pid < 0)
        return error_set(error, errno, "cannot fork");
    if (pid == 0)
        child(gofer, theirs);
    (void)close(take_fd(&theirs));
    int fds[2];
    size_t count = 0;
    ssize_t got = socket_receive(ours, &status, sizeof(status), fds, 2, &count);
    (void)waitpid(pid, NULL, 0);
    if (got != sizeof(status) || (status == 0 && count != 2))
        return error_refuse(error, "cannot open a terminal in the container");
    if (status < 0)
        return error_set(error, status, "cannot open a terminal in the container (does it have /dev/pts?)");
    *ret_master = fds[0];
    *ret_slave = fds[1];
    return 0;
}
