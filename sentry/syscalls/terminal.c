/* SPDX-License-Identifier: Apache-2.0 */
/* The controlling terminal of the calling process, as the host kernel has it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/boot.h"
#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/kernel/cred.h"
#include "sentry/kernel/process.h"
#include "sentry/platform/deliver.h"
#include "sentry/platform/unlocked.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/file.h"

CONFINE_ALLOW(read, "files of our procfs");
CONFINE_ALLOW(fcntl, "an owner for each terminal that is opened");
CONFINE_ALLOW(pidfd_getfd, "terminals a process has from outside");
CONFINE_ALLOW_IF(ioctl, 1, UINT32_MAX, TIOCGPTN, "which terminal a multiplexer made");
CONFINE_ALLOW_IF(ioctl, 1, UINT32_MAX, TIOCGPTPEER, "the other end of a guest's terminal");

enum { PTS_MAJOR_FIRST = 136, PTS_MAJOR_LAST = 143, STAT_MAX = 1024 };

struct session {
    pid_t process, leader; /* outer pids */
    unsigned int terminal; /* its device number in the kernel's own packing; 0: none */
};

/* Fields 1, 6 and 7 of /proc/PID/stat. */
static int session_of(const struct sentry *sentry, pid_t process, struct session *ret_session)
{
    char name[32], line[STAT_MAX];
    (void)snprintf(name, sizeof(name), "%d/stat", process);
    auto_close int fd = openat(sentry->proc_outer, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -ESRCH;
    ssize_t got = read(fd, line, sizeof(line) - 1);
    if (got <= 0)
        return -ESRCH;
    line[got] = '\0';

    /* The name, in parentheses, may hold anything. */
    const char *after_name = strrchr(line, ')');
    int leader, terminal;
    if (after_name == NULL || sscanf(after_name + 1, " %*c %*d %*d %d %d", &leader, &terminal) != 2)
        return -ESRCH;
    *ret_session = (struct session){.process = process, .leader = leader, .terminal = (unsigned int)terminal};
    return 0;
}

bool terminal_wanted(const struct call *call)
{
    struct session session;
    return session_of(call->sentry, call->task->process->pid, &session) == 0 && session.leader == session.process &&
           session.terminal == 0;
}

static int find_terminal(struct sentry *sentry, unsigned int index, struct dentry **ret_dentry)
{
    char path[32];
    (void)snprintf(path, sizeof(path), "/dev/pts/%u", index);
    auto_dentry struct dentry *dentry = NULL;
    int error = vfs_find(sentry->vfs, path, &dentry);
    if (error < 0 || dentry->inode == NULL)
        return -ENXIO;
    *ret_dentry = take_ptr(dentry);
    return 0;
}

int terminal_of_caller(struct call *call, struct dentry **ret_dentry)
{
    struct session session;
    if (session_of(call->sentry, call->task->process->pid, &session) < 0)
        return -ENXIO;
    unsigned int number = session.terminal;
    unsigned int major = (number >> 8) & 0xfff, minor = (number & 0xff) | ((number >> 12) & 0xfff00);
    if (major < PTS_MAJOR_FIRST || major > PTS_MAJOR_LAST)
        return -ENXIO;

    return find_terminal(call->sentry, (major - PTS_MAJOR_FIRST) * 256 + minor, ret_dentry);
}

void terminal_give(const struct vfs_who *who, int front)
{
    struct vfs *vfs = who->sentry->vfs;
    unsigned int index;
    auto_dentry struct dentry *dentry = NULL;
    if (ioctl(front, TIOCGPTN, &index) < 0 || find_terminal(who->sentry, index, &dentry) < 0)
        return;
    const struct boot_mount *mount = vfs_mount(vfs, dentry);
    bool fixed_group = mount != NULL && strstr(mount->options, "gid=") != NULL;
    struct setattr set = {
        .valid = SETATTR_OWNER, .uid = who->cred->fsuid, .gid = fixed_group ? (gid_t)-1 : who->cred->fsgid};
    if (dentry->filesystem->setattr != NULL)
        (void)dentry->filesystem->setattr(vfs, dentry, who, &set);
}

bool terminal_is(const struct statx *attributes)
{
    return S_ISCHR(attributes->stx_mode) && attributes->stx_rdev_major >= PTS_MAJOR_FIRST && attributes->stx_rdev_major <= PTS_MAJOR_LAST;
}

void terminal_own(const struct process *process, int fd)
{
    (void)fcntl(fd, F_SETOWN, process->pid);
}

void terminal_own_inherited(const struct process *process)
{
    for (int number = STDIN_FILENO; number <= STDERR_FILENO; number++) {
        struct statx attributes;
        auto_close_unlocked int fd = (int)syscall(SYS_pidfd_getfd, process->pidfd, number, 0);
        if (fd >= 0 && unlocked_statx(fd, STATX_TYPE, &attributes) == 0 && terminal_is(&attributes))
            terminal_own(process, fd);
    }
}

/* The kernel opens it for whoever asks, as a new description: that is to have its owner before anybody else has it. */
int64_t terminal_other_end(struct call *call, int front)
{
    const int flags = arg_int(call, 2);
    bool paused = state_pause();
    auto_close_unlocked int fd = ioctl(front, TIOCGPTPEER, flags | O_NOCTTY | O_CLOEXEC);
    int error = fd < 0 ? -errno : 0;
    state_resume(paused);
    if (error < 0)
        return error;
    terminal_own(call->task->process, fd);
    const bool close_on_exec = (flags & O_CLOEXEC) != 0;
    if ((flags & O_NOCTTY) == 0 && terminal_wanted(call))
        return call_install_terminal(call, fd, close_on_exec);
    return call_give_fd(call, &fd, close_on_exec);
}
