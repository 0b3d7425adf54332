/* SPDX-License-Identifier: Apache-2.0 */
#include "cell/cell.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <unistd.h>

#include "postern/cell.h"
#include "postern/cleanup.h"
#include "postern/network.h"
#include "postern/privilege.h"
#include "postern/socket.h"

/* A signal state nobody inherits by accident: the runtime's caller may have blocked or ignored some. */
void setup_signals(const struct cell_boot *boot)
{
    sigset_t blocked;
    (void)(boot->hold_signals ? sigfillset : sigemptyset)(&blocked);
    for (int signal = 1; signal < NSIG; signal++)
        (void)sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    (void)sigprocmask(SIG_SETMASK, &blocked, NULL);
}

/* Before the runtime hears of us, and so before any hook looks at the network. */
static int prepare_network(const struct cell_boot *boot, int procfs, struct error *error)
{
    if (boot->owns_network == 0)
        return 0;
    network_relax(procfs, "0 0"); /* the one group there is */
    return network_raise_loopback(error);
}

int setup_filesystems(const struct cell_boot *boot, int socket, int64_t boottime_offset_ns, int *ret_procfs, struct error *error)
{
    const unsigned int attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    auto_close int procfs = privilege_detached_mount("proc", attributes, error);
    if (procfs < 0)
        return procfs;
    int status = prepare_network(boot, procfs, error);
    if (status < 0)
        return status;
    struct cell_message message = {.step = CELL_MOUNTED, .boottime_offset_ns = boottime_offset_ns};
    status = socket_send(socket, &message, sizeof(message), &procfs, 1);
    if (status < 0)
        return error_set(error, status, "cannot reach the runtime");
    *ret_procfs = take_fd(&procfs);
    return 0;
}

static int write_sysctls(const struct cell_boot *boot, int procfs, struct error *error)
{
    auto_close int folder = openat(procfs, "sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return error_set(error, errno, "cannot open /proc/sys");
    for (uint32_t i = 0; i < boot->sysctl_count; i++) {
        const struct cell_sysctl *sysctl = &boot->sysctls[i];
        int status = proc_sys_write(folder, sysctl->path, sysctl->value);
        if (status < 0)
            return error_set(error, status, "linux.sysctl: cannot set \"%s\" to \"%s\"", sysctl->name, sysctl->value);
    }
    return 0;
}

/* What belongs to the namespaces and is done once for all their processes. */
int setup_namespaces(const struct cell_boot *boot, int procfs, struct error *error)
{
    int status = write_sysctls(boot, procfs, error);
    if (status < 0)
        return status;
    if (boot->owns_names != 0 && boot->hostname[0] != '\0')
        (void)!sethostname(boot->hostname, strlen(boot->hostname)); /* the guest is shown the sentry's answer */
    return privilege_enter_empty_root(error);
}

int setup_terminal(const struct cell_boot *boot, int console, struct error *error)
{
    if (setsid() < 0)
        return error_set(error, errno, "cannot start a session");
    if (console < 0)
        return 0;
    for (int i = 0; i < 3; i++)
        if ((boot->own_streams >> i & 1) == 0 && dup2(console, i) < 0)
            return error_set(error, errno, "cannot connect the terminal");
    if (ioctl(console, TIOCSCTTY, 0) < 0)
        return error_set(error, errno, "cannot make the terminal the controlling one");
    return 0;
}

int setup_personality(const struct cell_boot *boot, struct error *error)
{
    if (boot->has_personality == 0 || personality((unsigned long)boot->personality) >= 0)
        return 0;
    return error_set(error, errno, "linux.personality: the kernel does not take it");
}

/* Closes what the container's program must not find. Descriptors to preserve lie right above the standard streams. */
int setup_descriptors(const struct cell_boot *boot, int *socket, int *start, struct error *error)
{
    const int first = STDERR_FILENO + 1 + (int)boot->preserve_fds;
    const int higher = CELL_FD_FIRST_FREE;
    int moved = fcntl(*socket, F_DUPFD_CLOEXEC, higher);
    int moved_start = *start < 0 ? -1 : fcntl(*start, F_DUPFD_CLOEXEC, higher);
    if (moved < 0 || (*start >= 0 && moved_start < 0))
        return error_set(error, errno, "cannot place descriptors");
    *socket = dup3(moved, first, O_CLOEXEC) < 0 ? -1 : first;
    if (*socket >= 0 && moved_start >= 0)
        *start = dup3(moved_start, first + 1, O_CLOEXEC) < 0 ? -1 : first + 1;
    if (*socket < 0 || (moved_start >= 0 && *start < 0))
        return error_set(error, errno, "cannot place descriptors");
    if (close_range((unsigned int)first + (moved_start >= 0 ? 2 : 1), ~0U, 0) < 0)
        return error_set(error, errno, "cannot close descriptors");
    return 0;
}

/* Last: they are meant for the program, and may be too tight for us. */
int setup_limits(const struct cell_boot *boot, struct error *error)
{
    for (uint32_t i = 0; i < boot->limit_count; i++) {
        const struct cell_limit *limit = &boot->limits[i];
        const struct rlimit wanted = {.rlim_cur = limit->soft, .rlim_max = limit->hard};
        if (setrlimit((__rlimit_resource_t)limit->resource, &wanted) < 0 && limit->entry >= 0)
            return error_set(error, errno, "process.rlimits[%d]: %s cannot be set%s", limit->entry, limit->name,
                             errno == EPERM ? " (the hard limit is above the runtime's own, which it may not raise)" : "");
    }
    return 0;
}
