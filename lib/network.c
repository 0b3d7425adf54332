/* SPDX-License-Identifier: Apache-2.0 */
#include "postern/network.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"

int network_raise_loopback(struct error *error)
{
    auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
        return error_set(error, errno, "cannot raise the loopback interface");
    return 0;
}

static void relax_one(int procfs, const char *path, const char *value)
{
    auto_close int fd = openat(procfs, path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0)
        (void)!write(fd, value, strlen(value)); /* a kernel without it has nothing to relax */
}

void network_relax(int procfs, const char *range)
{
    relax_one(procfs, "sys/net/ipv4/ip_unprivileged_port_start", "0");
    relax_one(procfs, "sys/net/ipv4/ping_group_range", range);
}

int proc_sys_write(int folder, const char *path, const char *value)
{
    struct open_how how = {.flags = O_WRONLY | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    auto_close int fd = (int)syscall(SYS_openat2, folder, path, &how, sizeof(how));
    if (fd < 0)
        return -errno;
    const ssize_t written = write(fd, value, strlen(value));
    return written < 0 ? -errno : 0;
}
