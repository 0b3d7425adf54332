/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking as much as can be had of what a machine has but one limit for, or one for each of its users: asynchronous requests, inotify
 * instances, queued signals, terminals, message queues. `hoard hold` keeps it and says how much it was; what that leaves the host is for hoard.py.
 */
#include "attack.h"

#include <linux/aio_abi.h>
#include <sched.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { MOST = 200000, EVENTS = 100, STACK = 65536 };

static long machine_limit;

static long setup(unsigned events)
{
    aio_context_t context = 0;
    return syscall(SYS_io_setup, events, &context);
}

static int take_requests(void)
{
    int taken = 0;
    while (taken < MOST && setup(EVENTS) == 0)
        taken += EVENTS;
    while (taken < MOST && setup(1) == 0)
        taken++;
    return taken;
}

/* A memory outlives the process that set something up in it where another shares it. */
static int *shared_count;

static int set_up_and_end(void *last)
{
    if (setup(EVENTS) == 0)
        __atomic_add_fetch(shared_count, EVENTS, __ATOMIC_RELAXED);
    if (last != NULL)
        pause();
    return 0;
}

static pid_t take_by_sharing(int *ret_taken)
{
    pid_t pid = fork();
    if (pid != 0) {
        for (int i = 0; i < 300 && shared_count[1] == 0; i++)
            usleep(100000);
        *ret_taken = *shared_count;
        return pid;
    }
    for (int i = 0; i < 500; i++) {
        char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        pid_t child = clone(set_up_and_end, stack + STACK, CLONE_VM | SIGCHLD, NULL);
        waitpid(child, NULL, 0);
        munmap(stack, STACK);
    }
    shared_count[1] = 1;
    pause();
    _exit(0);
}

static int count_until_failure(long (*take)(void))
{
    int taken = 0;
    while (taken < MOST && take() >= 0)
        taken++;
    return taken;
}

static long take_inotify(void)
{
    return inotify_init1(0);
}

static long take_signal(void)
{
    static siginfo_t info = {.si_code = SI_QUEUE};
    return syscall(SYS_rt_sigqueueinfo, getpid(), SIGRTMIN + 3, &info);
}

static long take_terminal(void)
{
    return open("/dev/ptmx", O_RDWR | O_NOCTTY);
}

static long take_queue(void)
{
    static int number;
    char name[32];
    snprintf(name, sizeof(name), "hoard%d-%d", getpid(), number++);
    long queue = syscall(SYS_mq_open, name, O_CREAT | O_RDWR, 0600, NULL);
    return queue < 0 ? -1 : close((int)queue);
}

/* With as many processes as it takes, for each has its limits too; they stay. */
static int take_with_children(long (*take)(void))
{
    int all = 0;
    for (int i = 0; i < 40; i++) {
        int ends[2], taken = 0;
        (void)!pipe(ends);
        if (fork() == 0) {
            taken = count_until_failure(take);
            (void)!write(ends[1], &taken, sizeof(taken));
            pause();
        }
        close(ends[1]);
        (void)!read(ends[0], &taken, sizeof(taken));
        close(ends[0]);
        all += taken;
        if (taken == 0)
            break;
    }
    return all;
}

int main(int argc, char **argv)
{
    sigset_t blocked;
    sigfillset(&blocked);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    FILE *file = fopen("/proc/sys/fs/aio-max-nr", "r");
    if (file != NULL)
        (void)!fscanf(file, "%ld", &machine_limit);
    if (argc > 1 && strcmp(argv[1], "hold") == 0) {
        int requests = take_requests(), instances = take_with_children(take_inotify), signals = take_with_children(take_signal),
            terminals = take_with_children(take_terminal), queues = take_with_children(take_queue);
        printf("%d %d %d %d %d\n", requests, instances, signals, terminals, queues);
        fflush(stdout);
        pause();
        return 0;
    }
    shared_count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int taken, status;
    pid_t holder = take_by_sharing(&taken), pid = fork();
    if (pid == 0) {
        int more = take_requests();
        if (taken + more > machine_limit / 4)
            complain("%d and %d requests of the machine's %ld", taken, more, machine_limit);
        _exit(complaints > 0);
    }
    EXPECT(wait_within(pid, 60) == 0);
    kill(holder, SIGKILL);
    waitpid(holder, &status, 0);
    /* It comes back with the end of those who had it. */
    pid = fork();
    if (pid == 0)
        _exit(take_requests() < machine_limit / 8);
    EXPECT(wait_within(pid, 60) == 0);
    EXPECT(mmap(NULL, 1 << 21, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0) == MAP_FAILED);
    EXPECT(syscall(SYS_memfd_create, "huge", 4 /* MFD_HUGETLB */) < 0);
    check_alive("hoarding");
    return finish();
}
