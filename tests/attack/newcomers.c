/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who comes in from outside (exec, a created container's init) runs the runtime's code until it executes its program. Nothing of it may be
 * reached meanwhile, by root or by a user. Each new process id is tried from the moment it is there, in every way there is to look into, take
 * from or signal a process.
 *
 *   newcomers SECONDS look|signal [PID]     in a process each as root and as a user; with no PID until there is /tmp/newcomers-over
 *
 * What is a program's own is no secret: it has the argument "newcomer" and its standard streams only. newcomers.py is the host's side.
 */
#include "attack.h"

#include <dirent.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/uio.h>

enum { USER = 1000, TRIES = 300, DESCRIPTORS = 80 };

static const char *who;
static unsigned long seen;

static int contains(const char *bytes, ssize_t size, const char *word)
{
    return size > 0 && memmem(bytes, (size_t)size, word, strlen(word)) != NULL;
}

/* A program's own files say nothing of these, nor does one that is about to be loaded. */
static void judge(pid_t pid, const char *file, const char *bytes, ssize_t size)
{
    static const char *const telling[] = {"HOST_SECRET", "postern-", "seccomp notify", "socket:", "/libexec/", "timens_offsets"};
    for (size_t i = 0; i < sizeof(telling) / sizeof(telling[0]); i++)
        if (contains(bytes, size, telling[i]))
            complain("%s: %s of newcomer %d says \"%s\"", who, file, pid, telling[i]);
}

static void read_files(pid_t pid)
{
    static const char *const files[] = {"environ", "cmdline", "maps",  "comm",   "status", "stat",   "smaps", "auxv",     "mountinfo",
                                        "io",      "limits",  "sched", "cgroup", "wchan",  "syscall", "stack", "net/unix", "task/%d/comm"};
    static char text[1 << 16];
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char name[64], path[96];
        snprintf(name, sizeof(name), files[i], pid);
        snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
        int fd = open(path, O_RDONLY);
        ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof(text));
        if (fd >= 0)
            close(fd);
        judge(pid, name, text, size);
    }
}

/* A program's file that is being loaded, or what loads it (sealed, and every program's); and what the host's side says the end with. */
static bool is_programs(const char *target, ssize_t size)
{
    static const char *const loaders[] = {"/postern", "/memfd:postern (deleted)"}; /* without root it is a memory file like any */
    for (size_t i = 0; i < sizeof(loaders) / sizeof(loaders[0]); i++)
        if (size == (ssize_t)strlen(loaders[i]) && memcmp(target, loaders[i], (size_t)size) == 0)
            return true;
    return size >= 5 && (memcmp(target, "/bin/", 5) == 0 || memcmp(target, "/tmp/", 5) == 0);
}

static void follow_links(pid_t pid)
{
    static const char *const links[] = {"exe", "cwd", "root"};
    char path[64], target[512];
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        snprintf(path, sizeof(path), "/proc/%d/%s", pid, links[i]);
        judge(pid, links[i], target, readlink(path, target, sizeof(target)));
    }
    for (int number = 3; number < DESCRIPTORS; number++) {
        snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, number);
        ssize_t size = readlink(path, target, sizeof(target) - 1);
        int fd = size < 0 ? -1 : open(path, O_RDONLY | O_NONBLOCK);
        if ((size >= 0 || fd >= 0) && !is_programs(target, size))
            complain("%s: descriptor %d of newcomer %d is %.*s", who, number, pid, (int)(size > 0 ? size : 0), target);
        if (fd >= 0)
            close(fd);
    }
}

static void take_descriptors(pid_t pid, int pidfd)
{
    for (int number = 3; number < DESCRIPTORS; number++) {
        int fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
        if (fd < 0)
            continue;
        char path[64], target[256];
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        ssize_t size = readlink(path, target, sizeof(target));
        if (!is_programs(target, size))
            complain("%s: took descriptor %d of newcomer %d: %.*s", who, number, pid, (int)(size > 0 ? size : 0), target);
        close(fd);
    }
}

/* Its stack and heap are where nobody knows; what is tried here is whether one may. */
static void reach_memory(pid_t pid)
{
    char byte;
    struct iovec local = {&byte, 1}, remote = {(void *)0x400000, 1};
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/mem", pid);
    int fd = open(path, O_RDWR);
    char comm[64] = "";
    snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
    int file = open(path, O_RDONLY);
    ssize_t size = file < 0 ? 0 : read(file, comm, sizeof(comm));
    if (file >= 0)
        close(file);
    if (fd >= 0 && !contains(comm, size, "newcomer"))
        judge(pid, "mem", "postern", pread(fd, &byte, 1, 0x400000) > 0 ? 7 : 0);
    if (fd >= 0)
        close(fd);
    errno = 0;
    (void)syscall(SYS_process_vm_readv, pid, &local, 1, &remote, 1, 0);
    (void)syscall(SYS_process_vm_writev, pid, &local, 1, &remote, 1, 0);
}

static void look(pid_t pid, int pidfd)
{
    read_files(pid);
    follow_links(pid);
    take_descriptors(pid, pidfd);
    reach_memory(pid);
}

/* Everything that could end it or hold it up. Whether it did the host knows. */
static void harass(pid_t pid, int pidfd)
{
    struct rlimit limit = {1, 1};
    int ends[2];
    kill(pid, SIGTERM);
    kill(pid, SIGSTOP);
    syscall(SYS_tkill, pid, SIGTERM);
    syscall(SYS_tgkill, pid, pid, SIGTERM);
    syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0);
    siginfo_t info = {.si_code = SI_QUEUE};
    syscall(SYS_rt_sigqueueinfo, pid, SIGTERM, &info);
    kill(-1, SIGTERM);
    kill(-pid, SIGTERM);
    syscall(SYS_prlimit64, pid, RLIMIT_CPU, &limit, NULL);
    syscall(SYS_prlimit64, pid, RLIMIT_NOFILE, &limit, NULL);
    setpriority(PRIO_PROCESS, (id_t)pid, 19);
    setpriority(PRIO_PGRP, (id_t)pid, 19);
    if (pipe2(ends, O_NONBLOCK) == 0) {
        fcntl(ends[0], F_SETOWN, pid);
        fcntl(ends[0], F_SETSIG, SIGTERM);
        fcntl(ends[0], F_SETFL, O_ASYNC | O_NONBLOCK);
        (void)write(ends[1], "x", 1);
        close(ends[0]);
        close(ends[1]);
    }
}

static int is_program(pid_t pid)
{
    char path[64], words[64];
    snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
    int fd = open(path, O_RDONLY);
    ssize_t size = fd < 0 ? 0 : read(fd, words, sizeof(words));
    if (fd >= 0)
        close(fd);
    return contains(words, size, "newcomer");
}

static int has_ended(int pidfd)
{
    struct pollfd entry = {.fd = pidfd, .events = POLLIN};
    return poll(&entry, 1, 0) != 0;
}

/* Newcomers get the next numbers. */
static void hunt(double duration, void (*attack)(pid_t pid, int pidfd))
{
    const double end = seconds() + duration;
    for (pid_t next = getpid() + 1; seconds() < end && access("/tmp/newcomers-over", F_OK) < 0; usleep(50))
        for (pid_t pid = next; pid < next + 8; pid++) {
            int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
            if (pidfd < 0)
                continue;
            seen++;
            for (int i = 0; i < TRIES && !has_ended(pidfd) && !is_program(pid); i++)
                attack(pid, pidfd);
            kill(pid, SIGCONT); /* as it may have become a program in time for SIGSTOP */
            close(pidfd);
            next = pid + 1;
        }
}

static void look_at_one(pid_t pid)
{
    char path[64], byte;
    struct iovec local = {&byte, 1}, remote = {&byte, 1};
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    look(pid, pidfd);
    snprintf(path, sizeof(path), "/proc/%d", pid);
    if (access(path, F_OK) == 0)
        complain("%s: /proc/%d is there", who, pid);
    if (kill(pid, 0) == 0 || errno != ESRCH)
        complain("%s: kill(%d, 0): %s", who, pid, strerror(errno));
    if (syscall(SYS_process_vm_readv, pid, &local, 1, &remote, 1, 0) >= 0 || errno != ESRCH)
        complain("%s: process_vm_readv of %d: %s", who, pid, strerror(errno));
    void *list;
    size_t size;
    if (syscall(SYS_get_robust_list, pid, &list, &size) == 0 || errno != ESRCH)
        complain("%s: get_robust_list of %d: %s", who, pid, strerror(errno));
    struct rlimit limit;
    if (syscall(SYS_prlimit64, pid, RLIMIT_NOFILE, NULL, &limit) == 0 || errno != ESRCH)
        complain("%s: prlimit64 of %d: %s", who, pid, strerror(errno));
    if (fcntl(0, F_SETOWN, pid) == 0 || errno != ESRCH)
        complain("%s: F_SETOWN to %d: %s", who, pid, strerror(errno));
    for (DIR *folder = opendir("/proc"); folder != NULL;) {
        struct dirent *entry = readdir(folder);
        if (entry == NULL)
            break;
        if (atoi(entry->d_name) == pid)
            complain("%s: /proc lists %d", who, pid);
    }
    harass(pid, pidfd);
}

static void attack_as(uid_t uid, double duration, const char *what, pid_t one)
{
    who = uid == 0 ? "root" : "a user";
    signal(SIGTERM, SIG_IGN);
    if (uid != 0 && (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0))
        who = "root again"; /* there is nobody else, without root */
    if (one > 0)
        look_at_one(one);
    else
        hunt(duration, strcmp(what, "signal") == 0 ? harass : look);
    printf("%s has seen %lu\n", who, seen);
    fflush(stdout);
    _exit(complaints != 0);
}

int main(int argc, char **argv)
{
    double duration = argc > 1 ? atof(argv[1]) : 0.5;
    const char *what = argc > 2 ? argv[2] : "look";
    pid_t one = argc > 3 ? atoi(argv[3]) : 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGTERM, SIG_IGN);
    (void)unlink("/tmp/newcomers-over"); /* of the time before */
    for (int i = 0; i < 2; i++)
        if (fork() == 0)
            attack_as(i == 0 ? 0 : USER, duration, what, one);
    int status;
    while (wait(&status) > 0)
        if (status != 0)
            complain("an attacker ended with %#x", status);
    return finish();
}
