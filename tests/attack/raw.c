/* SPDX-License-Identifier: Apache-2.0 */
/* Every call number with hostile arguments: nothing hangs beyond a kill, and the sandbox goes on. */
#include "attack.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>

enum { LAST_NUMBER = 600, LANES = 8, CALL_MS = 150, PATTERNS = 9, GIVE_UP_SECONDS = 10 };

static char *garbage;   /* a page of noise */
static char *edge;      /* the last bytes of a page before one that is not mapped */
static char *endless;   /* a megabyte without a NUL */
static void **circle;   /* pointers to itself: an argv without end */

static void prepare(void)
{
    garbage = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 4096; i++)
        garbage[i] = (char)(i * 73 + 5);
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(pages + 4096, 4096);
    edge = pages + 4093;
    memset(edge, 'x', 3);
    endless = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(endless, 'y', 1 << 20);
    circle = mmap(NULL, 1 << 24, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; i < (1u << 24) / sizeof(void *); i++)
        circle[i] = endless;
}

static void fill(int pattern, long arguments[6])
{
    for (int i = 0; i < 6; i++) {
        const long values[PATTERNS] = {
            0,
            -1,
            (long)garbage,
            (long)edge,
            (long)endless,
            i % 2 == 0 ? (long)garbage : INT64_MAX,
            i == 0 ? -100 /* AT_FDCWD */ : (long)garbage,
            i == 0 ? 1 : i == 1 ? (long)circle : (long)circle,
            (long)(0xffff800000000000u + (unsigned long)i * 8),
        };
        arguments[i] = values[pattern];
    }
}

static void call(int number, int pattern)
{
    long a[6];
    fill(pattern, a);
    /* A kill of everything in reach is for another attack. */
    if ((number == SYS_kill || number == SYS_tkill || number == SYS_tgkill) && pattern == 0)
        a[0] = getpid();
    struct itimerval timer = {.it_value.tv_usec = CALL_MS * 1000};
    setitimer(ITIMER_REAL, &timer, NULL);
    syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    syscall(SYS_exit_group, 0);
}

/* Starts a child for one call. Its own process group is for the children it may happen to make. */
static pid_t start(int number, int pattern)
{
    pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        call(number, pattern);
    }
    return pid;
}

struct lane {
    pid_t pid;
    int number, pattern;
    double started;
};

static void reap(struct lane *lane)
{
    int status;
    double age = seconds() - lane->started;
    if (waitpid(lane->pid, &status, WNOHANG) == lane->pid) {
        kill(-lane->pid, SIGKILL);
        lane->pid = 0;
    } else if (age > GIVE_UP_SECONDS) {
        complain("call %d, pattern %d, cannot be killed", lane->number, lane->pattern);
        lane->pid = 0;
    } else if (age > 1) {
        kill(-lane->pid, SIGKILL);
        kill(lane->pid, SIGKILL);
    }
}

/* What calls have made and left is ours to wait for, as the init: a signal for a group looks at each of them. */
static void reap_others(const struct lane lanes[LANES])
{
    siginfo_t ended = {0};
    while (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid > 0) {
        for (int i = 0; i < LANES; i++)
            if (lanes[i].pid == ended.si_pid)
                return;
        waitpid(ended.si_pid, NULL, __WALL);
        ended.si_pid = 0;
    }
}

int main(int argc, char **argv)
{
    int first = argc > 1 ? atoi(argv[1]) : 0, last = argc > 2 ? atoi(argv[2]) : LAST_NUMBER;
    prepare();
    signal(SIGHUP, SIG_IGN);
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    struct lane lanes[LANES] = {0};
    int next = first * PATTERNS, end = (last + 1) * PATTERNS, busy = 0;
    while (next < end || busy > 0) {
        busy = 0;
        for (int i = 0; i < LANES; i++) {
            if (lanes[i].pid > 0)
                reap(&lanes[i]);
            if (lanes[i].pid <= 0 && next < end) {
                lanes[i] = (struct lane){start(next / PATTERNS, next % PATTERNS), next / PATTERNS, next % PATTERNS, seconds()};
                next++;
            }
            busy += lanes[i].pid > 0;
        }
        reap_others(lanes);
        usleep(200);
    }
    check_alive("raw calls");
    return finish();
}
