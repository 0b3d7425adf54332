/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says of a process: nothing of the host, no way out. */
#include "attack.h"

#include <dirent.h>

static bool names_host(const char *text)
{
    return strstr(text, getenv("ATTACK_TOKEN")) != NULL || strstr(text, getenv("ATTACK_ROOT")) != NULL ||
           strstr(text, "postern-sentry") != NULL || strstr(text, "postern-gofer") != NULL;
}

/* The environment is where the runner told us: no leak. */
static void check_text(const char *path)
{
    static char text[1 << 16];
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    if (fd < 0)
        return;
    ssize_t got;
    while ((got = read(fd, text, sizeof(text) - 1)) > 0) {
        text[got] = '\0';
        for (ssize_t i = 0; i < got; i++)
            if (text[i] == '\0')
                text[i] = '\n';
        if (names_host(text) && strstr(path, "environ") == NULL)
            complain("%s names something of the host", path);
    }
    close(fd);
}

static void check_link(const char *path)
{
    char target[4096];
    ssize_t got = readlink(path, target, sizeof(target) - 1);
    if (got < 0)
        return;
    target[got] = '\0';
    if (names_host(target))
        complain("%s leads to %s", path, target);
}

static void check_all(void)
{
    static const char *const files[] = {
        "maps", "smaps", "numa_maps", "mounts", "mountinfo", "mountstats", "cgroup", "cmdline", "stat", "status", "auxv",
        "cpuset", "fdinfo/0", "limits", "sched", "wchan", "stack", "syscall", "attr/current", "uid_map", "gid_map",
        "setgroups", "timers", "arch_status", "personality", "io", "net/unix", "net/tcp", "net/route", "environ"};
    static const char *const links[] = {"exe", "cwd", "root", "fd/0", "fd/1", "fd/2", "ns/user", "ns/mnt", "ns/pid"};
    static const char *const who[] = {"self", "1", "thread-self", "2", "3"};
    char path[256];
    for (size_t w = 0; w < sizeof(who) / sizeof(who[0]); w++) {
        for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
            snprintf(path, sizeof(path), "/proc/%s/%s", who[w], files[i]);
            check_text(path);
        }
        for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
            snprintf(path, sizeof(path), "/proc/%s/%s", who[w], links[i]);
            check_link(path);
        }
    }
    static const char *const general[] = {"cmdline", "mounts", "modules", "partitions", "swaps", "version", "filesystems",
                                          "keys", "key-users", "timer_list", "sched_debug", "kallsyms", "iomem", "cgroups",
                                          "interrupts", "diskstats", "locks", "config.gz", "net/unix"};
    for (size_t i = 0; i < sizeof(general) / sizeof(general[0]); i++) {
        snprintf(path, sizeof(path), "/proc/%s", general[i]);
        check_text(path);
    }
}

/* Ways a path might climb out. */
static void climb(void)
{
    static const char *const ways[] = {
        "/proc/self/root/../../../../../../..", "/proc/1/root/../../../..", "/proc/self/cwd/../../../../../../..",
        "/proc/self/task/../../../../../../..", "/../../../../../..", "/proc/self/fd/../../../../..", "/proc/2/root",
        "/proc/self/map_files/../../../../..", "/proc/thread-self/root/../../../..", "/dev/fd/../../../../../..",
        "/proc/3/root", "/proc/2/cwd", "/proc/3/cwd", "/proc/self/ns/../../../../../..",
    };
    char path[512];
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", ways[i], getenv("ATTACK_SECRET"));
        if (file_holds_secret(AT_FDCWD, path))
            complain("%s reads the host's file", path);
    }
    for (int fd = 0; fd < 64; fd++) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d/../../../../../..%s", fd, getenv("ATTACK_SECRET"));
        if (file_holds_secret(AT_FDCWD, path) || file_holds_secret(fd, getenv("ATTACK_SECRET") + 1))
            complain("descriptor %d leads to the host", fd);
    }
}

static void no_power(void)
{
    EXPECT(open("/proc/sysrq-trigger", O_WRONLY) == -1 || write(open("/proc/sysrq-trigger", O_WRONLY), "h", 1) == -1);
    EXPECT(open("/proc/kcore", O_RDONLY) == -1 || read(open("/proc/kcore", O_RDONLY), &(char){0}, 1) <= 0);
    int fd = open("/proc/sys/kernel/core_pattern", O_WRONLY);
    EXPECT(fd < 0 || write(fd, "|/tmp/x", 7) < 0);
    fd = open("/proc/self/mem", O_RDWR);
    char byte = 0;
    EXPECT(fd < 0 || pread(fd, &byte, 1, 0) <= 0); /* the zero page is never mapped */
    if (fd >= 0)
        EXPECT(pread(fd, &byte, 1, (off_t)0xffffffff81000000) <= 0);
    EXPECT(open("/proc/1/mem", O_RDWR) >= 0 || errno == EACCES || errno == EPERM || errno == ENOENT);
    char exe[256] = "";
    EXPECT(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0 && strncmp(exe, "/attack/", 8) == 0);
    struct stat root, up;
    EXPECT(stat("/", &root) == 0 && stat("/..", &up) == 0 && root.st_ino == up.st_ino && root.st_dev == up.st_dev);
}

int main(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        sleep(30);
        _exit(0);
    }
    check_all();
    climb();
    no_power();
    kill(pid, SIGKILL);
    check_alive("reading /proc");
    return finish();
}
