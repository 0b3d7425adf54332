/* SPDX-License-Identifier: Apache-2.0 */
/* What is left: names of the machine, limits, calls that do not exist. */
#include "case.h"

#include <sched.h>
#include <sys/time.h>
#include <time.h>

#include <sys/personality.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

CASE(machine)
{
    struct utsname names;
    TRY(uname(&names));
    say("%s %s %s", names.sysname, names.nodename, names.machine);
    char name[64];
    TRY(gethostname(name, sizeof(name)));
    say("%s", name);
    struct sysinfo info;
    TRY(sysinfo(&info));
    say("memory %d processes %d", info.totalram > 0 && info.freeram <= info.totalram, info.procs > 0);
    TRY(syscall(SYS_uname, (void *)8));
    TRY(syscall(SYS_sysinfo, (void *)8));
    TRY(personality(0xffffffff));
    unsigned cpu, node;
    TRY(syscall(SYS_getcpu, &cpu, &node, NULL));
    say("processors %d", sysconf(_SC_NPROCESSORS_ONLN) > 0);
}

CASE(limits)
{
    struct rlimit limit;
    static const struct {
        int resource;
        const char *name;
    } wanted[] = {{RLIMIT_NOFILE, "files"}, {RLIMIT_CPU, "cpu"}, {RLIMIT_FSIZE, "fsize"}, {RLIMIT_AS, "as"},
        {RLIMIT_LOCKS, "locks"}, {RLIMIT_NICE, "nice"}, {RLIMIT_RTPRIO, "rtprio"}, {RLIMIT_DATA, "data"}};
    for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        if (getrlimit((__rlimit_resource_t)wanted[i].resource, &limit))
            say("%s %s", wanted[i].name, error_name(errno));
        else
            say("%s %ld %ld", wanted[i].name, (long)limit.rlim_cur, (long)limit.rlim_max);
    }
    limit = (struct rlimit){100, 200};
    TRY(setrlimit(RLIMIT_NOFILE, &limit));
    limit = (struct rlimit){300, 200};
    TRY(setrlimit(RLIMIT_NOFILE, &limit));
    limit = (struct rlimit){100, 300};
    TRY(setrlimit(RLIMIT_NOFILE, &limit));
    IN_CHILD("inherited")
    {
        getrlimit(RLIMIT_NOFILE, &limit);
        say("%ld %ld", (long)limit.rlim_cur, (long)limit.rlim_max);
    }
    TRY(syscall(SYS_prlimit64, 0, 77, NULL, &limit));
    TRY(syscall(SYS_prlimit64, 99999, RLIMIT_NOFILE, NULL, &limit));
    TRY(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, (void *)8));
}

CASE(limit_that_means_nothing)
{
    struct rlimit limit = {1234, 5678}, got;
    TRY(setrlimit(RLIMIT_LOCKS, &limit));
    getrlimit(RLIMIT_LOCKS, &got);
    say("%ld %ld", (long)got.rlim_cur, (long)got.rlim_max);
    IN_CHILD("inherited")
    {
        getrlimit(RLIMIT_LOCKS, &got);
        say("%ld %ld", (long)got.rlim_cur, (long)got.rlim_max);
        struct stat st;
        TRY(stat(".", &st));
        TRY(mkdir("made", 0755));
    }
    limit = (struct rlimit){0, 0};
    TRY(setrlimit(RLIMIT_LOCKS, &limit));
    TRY(access("made", F_OK));
}

CASE(processor_limit)
{
    struct rlimit none = {0, 0}, limit = {1, 2};
    setrlimit(RLIMIT_CORE, &none);
    IN_CHILD("a second of work")
    {
        setrlimit(RLIMIT_CPU, &limit);
        for (;;)
            continue;
    }
}

CASE(random_bytes)
{
    unsigned char one[32] = {0}, two[32] = {0};
    TRY(getrandom(one, sizeof(one), 0));
    TRY(getrandom(two, sizeof(two), GRND_NONBLOCK));
    say("differ %d", memcmp(one, two, sizeof(one)) != 0);
    TRY(getrandom(one, 4, 0x1234));
    TRY(syscall(SYS_getrandom, (void *)8, 16, 0));
}

CASE(no_such_call)
{
    TRY(syscall(1000));
    TRY(syscall(-1));
    TRY(syscall(5000, 1, 2, 3));
    TRY(syscall(184));
    TRY(syscall(174));
    TRY(syscall(SYS_nfsservctl));
    TRY(syscall(SYS_vserver));
}

CASE(usage)
{
    struct rusage usage;
    TRY(getrusage(RUSAGE_SELF, &usage));
    say("memory %d", usage.ru_maxrss > 0);
    TRY(getrusage(RUSAGE_THREAD, &usage));
    TRY(getloadavg((double[1]){0}, 1));
}

CASE(reading_many_files)
{
    /* Open, stat and close in every order, from several processes at once. */
    for (int i = 0; i < 20; i++) {
        char name[16];
        snprintf(name, sizeof(name), "f%d", i);
        put_file(name, "content", 0644);
    }
    pid_t pids[6];
    for (int i = 0; i < 6; i++) {
        pids[i] = fork_or_die();
        if (pids[i] == 0) {
            int bad = 0;
            for (int j = 0; j < 300; j++) {
                char name[16], text[8];
                struct stat one, two;
                snprintf(name, sizeof(name), "f%d", (i * 7 + j) % 20);
                int fd = open(name, O_RDONLY);
                bad += fd < 0 || fstat(fd, &one) || stat(name, &two) || one.st_ino != two.st_ino;
                bad += read(fd, text, sizeof(text)) != 7;
                close(fd);
            }
            _exit(bad ? 1 : 0);
        }
    }
    for (int i = 0; i < 6; i++)
        say_wait("reader", pids[i]);
}

CASE(making_and_removing_at_once)
{
    pid_t pids[4];
    for (int i = 0; i < 4; i++) {
        pids[i] = fork_or_die();
        if (pids[i] == 0) {
            int bad = 0;
            for (int j = 0; j < 150; j++) {
                char name[32], moved[32];
                snprintf(name, sizeof(name), "p%d-%d", i, j);
                snprintf(moved, sizeof(moved), "q%d-%d", i, j);
                int fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0644);
                bad += fd < 0;
                close(fd);
                bad += rename(name, moved) != 0;
                bad += access(name, F_OK) == 0;
                bad += unlink(moved) != 0;
            }
            _exit(bad ? 1 : 0);
        }
    }
    for (int i = 0; i < 4; i++)
        say_wait("worker", pids[i]);
    TRY(rmdir("/tmp/case.making_and_removing_at_once"));
}

CASE(what_is_the_same)
{
    int file = open("file", O_CREAT | O_RDWR, 0600), copy = dup(file), again = open("file", O_RDWR);
    pid_t self = getpid();
    TRY(syscall(SYS_kcmp, self, self, 0, file, copy));
    say("another opening: %d", syscall(SYS_kcmp, self, self, 0, file, again) > 0);
    for (int kind = 1; kind < 7; kind++)
        say("%d: %ld", kind, syscall(SYS_kcmp, self, self, kind, 0, 0));
    TRY(syscall(SYS_kcmp, self, self, 0, file, 999));
    TRY(syscall(SYS_kcmp, self, self, 99, 0, 0));
    TRY(syscall(SYS_kcmp, self, 999999, 1, 0, 0));
    TRY(syscall(SYS_kcmp, 0, self, 1, 0, 0));
    pid_t child = fork_or_die();
    if (child == 0) {
        pause();
        _exit(0);
    }
    TRY(syscall(SYS_kcmp, self, child, 0, file, file));
    say("memories: %d", syscall(SYS_kcmp, self, child, 1, 0, 0) > 0);
    IN_CHILD("user")
    {
        become(1000, 1000);
        TRY(syscall(SYS_kcmp, getpid(), child, 1, 0, 0));
        TRY(syscall(SYS_kcmp, child, getpid(), 1, 0, 0));
    }
    kill(child, SIGKILL);
    say_wait("child", child);
}

CASE(setting_the_clock)
{
    struct timeval time = {.tv_usec = 2000000};
    struct timespec exact = {.tv_nsec = -1};
    TRY(syscall(SYS_settimeofday, 8, 0));
    TRY(syscall(SYS_settimeofday, 0, 8));
    TRY(settimeofday(&time, NULL));
    time.tv_usec = 0;
    TRY(settimeofday(&time, NULL));
    time.tv_sec = -1;
    TRY(settimeofday(&time, NULL));
    TRY(syscall(SYS_settimeofday, 0, 0));
    TRY(clock_settime(CLOCK_REALTIME, &exact));
    TRY(syscall(SYS_clock_settime, CLOCK_REALTIME, 8));
    exact.tv_nsec = 0;
    TRY(clock_settime(CLOCK_REALTIME, &exact));
    TRY(clock_settime(CLOCK_MONOTONIC, &exact));
}

CASE(unknown_flags_of_unshare)
{
    TRY(unshare(1));
    TRY(unshare(CLONE_PTRACE));
    TRY(unshare(CLONE_NEWNS | 1));
}
