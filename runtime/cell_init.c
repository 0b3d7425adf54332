/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cell_init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "oci-spec/oci.h"
#include "postern/cleanup.h"
#include "postern/filter.h"
#include "postern/socket.h"
#include "runtime/privilege.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

enum { GUEST_ID = 0 /* in U */ };

static const struct oci_config *prepared;

void cell_init_prepare(const struct oci_config *config)
{
    prepared = config;
}

static void report_failure(int socket, const struct error *error) __attribute__((noreturn));
static void report_failure(int socket, const struct error *error)
{
    struct cell_message message = {.step = 0, .error = *error};
    (void)socket_send(socket, &message, sizeof(message), NULL, 0);
    _exit(1);
}

static int wait_for(int socket, enum cell_step step, int *ret_fd)
{
    struct cell_message message;
    int fd = -1;
    size_t count = 0;
    ssize_t got = socket_receive(socket, &message, sizeof(message), &fd, 1, &count);
    if (got != sizeof(message) || message.step != step)
        return -EPIPE; /* the runtime is gone: there is nobody to tell */
    if (ret_fd != NULL)
        *ret_fd = fd;
    else
        cleanup_close(&fd);
    return 0;
}

/* --- the network namespace: loopback is up, and low ports are the sentry's to refuse --- */

static int raise_loopback(struct error *error)
{
    auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
        return error_set(error, errno, "cannot raise the loopback interface");
    return 0;
}

static void write_sysctl(int procfs, const char *path, const char *value)
{
    auto_close int fd = openat(procfs, path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0)
        (void)!write(fd, value, strlen(value)); /* a kernel without it has nothing to relax */
}

static int set_limits(const struct oci_rlimits *limits, struct error *error)
{
    for (size_t i = 0; i < limits->count; i++) {
        const struct oci_rlimit *limit = &limits->items[i];
        if (limit->resource == RLIMIT_LOCKS)
            continue; /* the stamp: the sentry emulates this one */
        struct rlimit wanted = {.rlim_cur = limit->soft, .rlim_max = limit->hard};
        if (setrlimit((__rlimit_resource_t)limit->resource, &wanted) < 0)
            return error_set(error, errno, "process.rlimits[%zu]: cannot be set", i);
    }
    return 0;
}

static int connect_terminal(int console, struct error *error)
{
    if (setsid() < 0)
        return error_set(error, errno, "cannot start a session");
    if (console < 0)
        return 0;
    for (int i = 0; i < 3; i++)
        if (dup2(console, i) < 0)
            return error_set(error, errno, "cannot connect the terminal");
    if (ioctl(0, TIOCSCTTY, 0) < 0)
        return error_set(error, errno, "cannot make the terminal the controlling one");
    return 0;
}

/* A signal state nobody inherits by accident: our caller may have blocked or ignored some. */
static void reset_signals(void)
{
    sigset_t none;
    (void)sigemptyset(&none);
    for (int signal = 1; signal < NSIG; signal++)
        (void)sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int close_all_but(int kept, struct error *error)
{
    if (kept > 3 && close_range(3, (unsigned int)kept - 1, 0) < 0)
        return error_set(error, errno, "cannot close descriptors");
    if (close_range((unsigned int)kept + 1, ~0U, 0) < 0)
        return error_set(error, errno, "cannot close descriptors");
    return 0;
}

static int install_filter(int *ret_listener, struct error *error)
{
    struct sock_fprog program;
    int status = filter_build(&program, error);
    if (status < 0)
        return status;
    int listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                                SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &program);
    if (listener < 0)
        return error_set(error, errno, "cannot install the filter (Linux 5.19 or newer is needed)");
    *ret_listener = listener;
    return 0;
}

static int make_filesystems(int socket, int64_t offset, int *ret_procfs, struct error *error)
{
    if (setresgid(GUEST_ID, GUEST_ID, GUEST_ID) < 0 || setresuid(GUEST_ID, GUEST_ID, GUEST_ID) < 0)
        return error_set(error, errno, "cannot become the guest's user");
    int procfs = privilege_detached_mount("proc", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, error);
    if (procfs < 0)
        return procfs;
    struct error ignored = {0};
    int mqueue = privilege_detached_mount("mqueue", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, &ignored);
    struct cell_message message = {.step = CELL_MOUNTED, .boottime_offset_ns = offset};
    int fds[] = {procfs, mqueue};
    int status = socket_send(socket, &message, sizeof(message), fds, mqueue < 0 ? 1 : 2);
    *ret_procfs = procfs;
    return status < 0 ? error_set(error, status, "cannot reach the runtime") : 0;
}

void cell_init_set_oom_score(void)
{
    if (!prepared->process.oom_score_adj.set)
        return;
    auto_close int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (file >= 0)
        (void)dprintf(file, "%d", prepared->process.oom_score_adj.value);
}

static int set_up(int socket, int procfs, int console, struct error *error)
{
    int status = raise_loopback(error);
    if (status < 0)
        return status;
    write_sysctl(procfs, "sys/net/ipv4/ip_unprivileged_port_start", "0");
    write_sysctl(procfs, "sys/net/ipv4/ping_group_range", "0 0");
    if (prepared->hostname != NULL)
        (void)!sethostname(prepared->hostname, strlen(prepared->hostname)); /* the guest is shown the sentry's answer */
    status = set_limits(&prepared->process.rlimits, error);
    if (status == 0)
        status = connect_terminal(console, error);
    if (status == 0)
        status = privilege_enter_empty_root(error);
    if (status == 0)
        status = close_all_but(socket, error);
    if (status == 0)
        status = privilege_drop(GUEST_ID, GUEST_ID, NULL, 0, error);
    return status;
}

/* The value of PATH in the container's environment, or what execvp(3) would assume. */
static const char *search_path(void)
{
    for (size_t i = 0; i < prepared->process.env.count; i++)
        if (strncmp(prepared->process.env.items[i], "PATH=", 5) == 0)
            return prepared->process.env.items[i] + 5;
    return "/bin:/usr/bin";
}

/* Returns only on failure. */
static int execute(void)
{
    static char *no_environment[] = {NULL};
    char **arguments = prepared->process.args.items;
    char **environment = prepared->process.env.items != NULL ? prepared->process.env.items : no_environment;
    const char *name = arguments[0];
    if (strchr(name, '/') != NULL) {
        (void)execve(name, arguments, environment);
        return -errno;
    }

    int best = -ENOENT;
    const char *end;
    for (const char *part = search_path(); part != NULL; part = *end == '\0' ? NULL : end + 1) {
        end = strchrnul(part, ':');
        char path[4096 + 256];
        int size = snprintf(path, sizeof(path), "%.*s%s%s", (int)(end - part), part, end == part ? "./" : "/", name);
        if (size < 0 || (size_t)size >= sizeof(path))
            continue;
        (void)execve(path, arguments, environment);
        if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
            return -errno;
        if (errno == EACCES)
            best = -EACCES;
    }
    return best;
}

void cell_init_run(int socket, int64_t boottime_offset_ns)
{
    struct error error = {0};
    int procfs = -1, console = -1, listener = -1;

    reset_signals();
    (void)umask(0022);
    if (make_filesystems(socket, boottime_offset_ns, &procfs, &error) < 0)
        report_failure(socket, &error);
    if (wait_for(socket, CELL_CONFINE, &console) < 0)
        _exit(1);
    if (set_up(socket, procfs, console, &error) < 0)
        report_failure(socket, &error);
    /* The sentry must be able to read our execve's arguments; changing ids has forbidden it. */
    if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0 || install_filter(&listener, &error) < 0)
        report_failure(socket, &error);

    struct cell_message message = {.step = CELL_CONFINED};
    if (socket_send(socket, &message, sizeof(message), &listener, 1) < 0)
        _exit(1);
    (void)close(listener);
    if (wait_for(socket, CELL_EXECUTE, NULL) < 0)
        _exit(1);
    message.error.code = -execute();
    (void)socket_send(socket, &message, sizeof(message), NULL, 0);
    _exit(127);
}
