/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One guest call takes long: a disk is slow, a lease is not given up, a program that is being started gets no processor, a FIFO from
 * outside (standard input is one) has no writer, a call is about thousands of processes. Whoever called waits, nobody else does. What a call of another process takes in the worst case
 * is compared with what a plain sleep takes that no sandbox has a hand in.
 */
#include "attack.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>

enum { SLACK_MS = 250, DIRTY_MIB = 256, BUSY = 8, EXECUTING = 4, CROWD = 4000, USER = 1000 };

struct worst {
    double call, sleep;
};

static void pulse_until(struct worst *worst, double end)
{
    while (seconds() < end) {
        struct stat status;
        double before = seconds();
        (void)stat("/etc/passwd", &status);
        int fd = open("/etc/passwd", O_RDONLY);
        close(fd);
        double after = seconds();
        usleep(1000);
        double slept = seconds() - after - 0.001;
        worst->call = after - before > worst->call ? after - before : worst->call;
        worst->sleep = slept > worst->sleep ? slept : worst->sleep;
    }
}

/* The children have a process group of their own and are ended at the end. Returns the worst, in ms. */
static double measure(const char *what, double time, void (*act)(void))
{
    struct worst worst = {0};
    pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        act();
        _exit(0);
    }
    setpgid(pid, pid);
    pulse_until(&worst, seconds() + share_of(time));
    kill(-pid, SIGKILL);
    wait_within(pid, 20);
    printf("%s: a call took %.0f ms at worst, a sleep %.0f ms too long\n", what, worst.call * 1000, worst.sleep * 1000);
    return (worst.call - worst.sleep) * 1000;
}

static void beside(const char *what, double time, void (*act)(void))
{
    double worst = measure(what, time, act);
    if (worst > SLACK_MS)
        complain("%s stopped others for %.0f ms", what, worst);
    check_alive(what);
}

/* Thousands of processes that begin and end are a load of their own: once more, if it seems so. */
static void beside_crowd(const char *what, double time, void (*act)(void))
{
    if (measure(what, time, act) > SLACK_MS)
        beside(what, time, act);
}

/* Of the lowest rank there is: among busy ones it gets a processor once in seconds. */
static void take_low_rank(void)
{
    EXPECT(setpriority(PRIO_PROCESS, 0, 19) == 0);
    EXPECT(sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){0}) == 0);
}

static void execute_for_ever(void)
{
    for (;;) {
        pid_t pid = vfork();
        if (pid == 0) {
            execl("/bin/true", "true", (char *)NULL);
            _exit(1);
        }
        waitpid(pid, NULL, 0);
    }
}

static void keep_busy(void)
{
    for (int i = 0; i < BUSY; i++)
        if (fork() == 0)
            for (volatile int n = 0;; n++)
                ;
}

static void starving_programs(void)
{
    keep_busy();
    for (int i = 0; i < EXECUTING; i++)
        if (fork() == 0)
            execute_for_ever();
    pause();
}

/* One of nice value 19 still gets some. */
static void starving_programs_of_low_rank(void)
{
    keep_busy();
    for (int i = 0; i < 2 * EXECUTING; i++)
        if (fork() == 0) {
            if (i < EXECUTING)
                take_low_rank();
            else
                EXPECT(setpriority(PRIO_PROCESS, 0, 19) == 0);
            execute_for_ever();
        }
    pause();
}

/* What is installed in a thread has to wait for that thread; so has what is sent to it, marked or answered. */
static void starving_callers(void)
{
    keep_busy();
    for (int i = 0; i < EXECUTING; i++)
        if (fork() == 0) {
            take_low_rank();
            for (;;) {
                int ends[2];
                struct stat status;
                (void)stat("/etc/passwd", &status);
                close(open("/etc/passwd", O_RDONLY));
                if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0) {
                    close(ends[0]);
                    close(ends[1]);
                }
            }
        }
    pause();
}

static void slow_disk(void)
{
    static char block[1 << 20];
    memset(block, 'x', sizeof(block));
    int fd = open("/tmp/dirty", O_CREAT | O_WRONLY, 0644);
    for (int i = 0; i < DIRTY_MIB; i++)
        EXPECT(write(fd, block, sizeof(block)) == sizeof(block));
    sync();
    (void)unlink("/tmp/dirty");
}

static void *lease_and_wait(void *data)
{
    int fd = open(data, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    signal(SIGIO, SIG_IGN);
    if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0)
        (void)fcntl(fd, F_SETLEASE, F_RDLCK);
    pid_t pid = fork();
    if (pid == 0) {
        (void)open(data, O_WRONLY);
        _exit(0);
    }
    pause();
    return NULL;
}

static void leases(void)
{
    (void)lease_and_wait("/tmp/leased too");
}

static void reopen_memory(void)
{
    int fd = (int)syscall(SYS_memfd_create, "m", 0u);
    char name[64];
    signal(SIGIO, SIG_IGN);
    (void)fcntl(fd, F_SETLEASE, F_RDLCK);
    (void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    (void)open(name, O_WRONLY);
    pause();
}

static void fifo_from_outside(void)
{
    (void)open("/dev/stdin", O_RDONLY);
    pause();
}

/* Takes and gives up descriptors as fast as it can, in many threads. */
static void *stir(void *data)
{
    (void)data;
    for (;;) {
        int fd = open("/etc", O_RDONLY | O_DIRECTORY);
        (void)fchdir(fd);
        close(fd);
    }
    return NULL;
}

static void many_callers(void)
{
    pthread_t thread;
    for (int i = 0; i < 16; i++)
        pthread_create(&thread, NULL, stir, NULL);
    pause();
}

/* What is about many processes, by one who may not signal everybody: each of them is looked at. */
static void crowd(void (*act)(void))
{
    EXPECT(setresgid(USER, USER, USER) == 0 && setresuid(USER, USER, USER) == 0);
    for (int i = 0; i < CROWD; i++) {
        pid_t pid = fork();
        if (pid < 0)
            break;
        for (; pid == 0;)
            pause();
    }
    for (;;)
        act();
}

static void signal_crowd(void)
{
    (void)kill(0, 0);
}

static void rank_crowd(void)
{
    (void)setpriority(PRIO_USER, 0, 0);
}

static void count_crowd(void)
{
    struct sysinfo info;
    (void)sysinfo(&info);
}

static void signals_for_a_crowd(void)
{
    crowd(signal_crowd);
}

static void ranks_for_a_crowd(void)
{
    crowd(rank_crowd);
}

static void counts_of_a_crowd(void)
{
    crowd(count_crowd);
}

/* Root of a container with more ids than one. */
static bool may_become_user(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(getuid() != 0 || setresuid(USER, USER, USER) != 0);
    return wait_within(pid, 5) == 0;
}

int main(void)
{
    struct stat input;
    mkdir("/tmp", 01777);
    beside("starving programs", 5, starving_programs);
    beside("starving programs of low rank", 8, starving_programs_of_low_rank);
    beside("starving callers", 6, starving_callers);
    beside("a slow disk", 4, slow_disk);
    beside("a lease", 3, leases);
    beside("a lease on a memory file", 3, reopen_memory);
    if (fstat(0, &input) == 0 && S_ISFIFO(input.st_mode))
        beside("a FIFO from outside", 2, fifo_from_outside);
    else
        complain("standard input is no FIFO");
    beside("many callers", 3, many_callers);
    if (may_become_user()) {
        beside_crowd("signals for a crowd", 3, signals_for_a_crowd);
        beside_crowd("ranks for a crowd", 3, ranks_for_a_crowd);
        beside_crowd("counts of a crowd", 3, counts_of_a_crowd);
    }
    return finish();
}
