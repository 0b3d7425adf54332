/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every trapped call with arguments that mean something, and some that do not, in many threads at once: over memory that is rewritten
 * meanwhile, over descriptors that are closed and opened meanwhile, interrupted by signals, beside threads that end and execute. Nothing comes of
 * it that Linux never shows (an errno of the kernel's own), and the sandbox goes on. Made for a sentry with sanitizers (tests/harness/sanitized).
 */
#include "attack.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>

enum { SECONDS = 6, LANES = 3, CALLERS = 4, CALLS = 4000, LIFE_MS = 1000, PAGES = 64, PAGE = 4096, FDS = 48, NUMBERS = 336, KERNELS_OWN = 512 };

static char *memory; /* shared by all threads of a process; behind its end there is nothing */
static _Thread_local uint64_t state;

static const char *const paths[] = {
    "storm-a", "storm-b", "storm-folder", "storm-folder/x", "storm-fifo", "storm-socket", "storm-link", ".", "..", "", "/tmp", "/attack/storm",
    "/proc/self/status", "/proc/self/fd/0", "/proc/self/fd", "/proc/self/exe", "/proc/self/maps", "/proc/self/cwd", "/proc/self/mem",
    "/proc/self/ns/user", "/proc/self/fdinfo/3", "/proc/thread-self/comm", "/proc/self/task", "/proc/1/maps", "/proc/meminfo", "/proc/net/unix",
    "/proc/sys/kernel/hostname", "/sys/fs/cgroup", "/dev/null", "/dev/ptmx", "/dev/pts/0", "/dev/tty", "/dev/stdin", "/dev/mqueue/storm",
    "/dev/shm/storm", "user.storm", "security.capability", "system.posix_acl_access", "trusted.storm",
};

/* What would end the storm itself, or wait for what never comes. */
static const int left_out[] = {SYS_exit, SYS_exit_group, SYS_rt_sigreturn, SYS_pause, SYS_fork, SYS_vfork, SYS_clone, SYS_wait4, SYS_waitid,
                               SYS_mmap, SYS_munmap, SYS_brk, SYS_mprotect, SYS_mremap, SYS_madvise, SYS_shmat, SYS_setitimer, SYS_alarm,
                               SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_futex, SYS_arch_prctl, SYS_set_robust_list, SYS_rseq};

static uint64_t chance(uint64_t of)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % of;
}

static long odd_number(void)
{
    static const long numbers[] = {0, 1, -1, 2, 3, 8, 16, 255, 4095, PAGE, 65536, INT32_MAX, INT32_MIN, UINT32_MAX, INT64_MAX, INT64_MIN, -100, 1000};
    return numbers[chance(sizeof(numbers) / sizeof(numbers[0]))];
}

static char *some_place(void)
{
    return memory + (chance((PAGES - 2) * PAGE) & ~(uint64_t)7);
}

static long path(void)
{
    return (long)strcpy(some_place(), paths[chance(sizeof(paths) / sizeof(paths[0]))]);
}

static long address(void)
{
    struct sockaddr_un *name = (void *)some_place();
    name->sun_family = (sa_family_t)(chance(8) ? AF_UNIX : chance(20));
    snprintf(name->sun_path, sizeof(name->sun_path), "%sstorm-%d", chance(2) ? "/tmp/" : "", (int)chance(4));
    if (name->sun_path[0] != '/' && chance(2))
        name->sun_path[0] = '\0';
    return (long)name;
}

static long message(void)
{
    struct msghdr *header = (void *)some_place();
    struct iovec *parts = (void *)some_place();
    struct cmsghdr *control = (void *)some_place();
    for (int i = 0; i < 4; i++)
        parts[i] = (struct iovec){some_place(), chance(5000)};
    *control = (struct cmsghdr){chance(80), (int)chance(2), (int)chance(4)};
    for (size_t i = 0; i < 8; i++)
        ((int *)(control + 1))[i] = (int)chance(FDS);
    *header = (struct msghdr){chance(2) ? (void *)address() : NULL, (socklen_t)chance(130), parts, chance(9) ? chance(5) : (size_t)odd_number(),
                              chance(2) ? control : NULL, chance(120), 0};
    return (long)header;
}

static long argument(int position)
{
    switch (chance(position == 0 ? 5 : 9)) {
    case 0:
        return (long)chance(FDS);
    case 1:
        return path();
    case 2:
        return odd_number();
    case 3:
        return position == 0 ? -100 /* AT_FDCWD */ : message();
    case 4:
        return (long)chance(32);
    case 5:
        return address();
    case 6:
        return (long)(memory + PAGES * PAGE - chance(16));
    default:
        return (long)some_place();
    }
}

static bool is_left_out(int number)
{
    for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
        if (left_out[i] == number)
            return true;
    return false;
}

static void one_call(void)
{
    int number = (int)chance(NUMBERS);
    long a[6];
    for (int i = 0; i < 6; i++)
        a[i] = argument(i);
    if (number == SYS_kill || number == SYS_tkill)
        a[1] = 0;
    if (number == SYS_tgkill || number == SYS_rt_sigqueueinfo || number == SYS_rt_tgsigqueueinfo)
        a[number == SYS_rt_sigqueueinfo ? 1 : 2] = 0;
    if (number == SYS_prlimit64 && (pid_t)a[0] == 1)
        a[0] = 0; /* with init's limits the storm would end */
    bool rare = number == SYS_execve || number == SYS_execveat || number == SYS_chroot || (number >= SYS_setuid && number <= SYS_setsid);
    if (is_left_out(number) || (rare && chance(40) != 0))
        return;
    if (syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]) == -1 && errno >= KERNELS_OWN)
        complain("call %d gives errno %d", number, errno);
}

static void *make_calls(void *seed)
{
    state = (uint64_t)(uintptr_t)seed * 7919 + 1;
    if (chance(3) == 0)
        (void)unshare(CLONE_FILES);
    for (int i = 0; i < CALLS; i++) {
        one_call();
        if (chance(2000) == 0)
            syscall(SYS_exit, 0);
    }
    return NULL;
}

/* What others' calls point to, while they are made. */
static void *rewrite(void *seed)
{
    state = (uint64_t)(uintptr_t)seed * 104729 + 1;
    for (;;) {
        long *place = (void *)some_place();
        *place = chance(2) ? odd_number() : (long)some_place();
        (void)path();
    }
    return NULL;
}

static void *exchange_descriptors(void *seed)
{
    state = (uint64_t)(uintptr_t)seed * 31337 + 1;
    for (int on = 1, pair[2];; usleep((useconds_t)chance(200))) {
        (void)close(3 + (int)chance(FDS - 3));
        (void)open((const char *)path(), O_RDWR | O_NONBLOCK);
        if (chance(8) == 0 && socketpair(AF_UNIX, chance(2) ? SOCK_STREAM : SOCK_DGRAM, 0, pair) == 0)
            (void)setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
        if (chance(16) == 0)
            (void)!pipe(pair);
        if (chance(16) == 0)
            (void)syscall(SYS_memfd_create, "storm", 0);
        if (chance(16) == 0)
            (void)syscall(SYS_pidfd_open, 1 + chance(40), 0);
    }
    return NULL;
}

static void nothing(int number)
{
    (void)number;
}

static void limit(int resource, rlim_t most)
{
    const struct rlimit value = {most, most};
    (void)setrlimit(resource, &value);
}

static void child(uintptr_t seed)
{
    pthread_t threads[CALLERS], other;
    const struct itimerval often = {{0, 7000}, {0, 7000}};
    const struct sigaction action = {.sa_handler = nothing};
    state = seed * 2654435761u + 1;
    limit(RLIMIT_NOFILE, FDS);
    limit(RLIMIT_FSIZE, 1 << 20);
    limit(RLIMIT_CORE, 0);
    memory = mmap(NULL, (PAGES + 1) * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    munmap(memory + PAGES * PAGE, PAGE);
    (void)!chdir("/tmp");
    if (seed % 3 == 1)
        (void)!setresuid(1000, 1000, seed % 2 == 0 ? 0 : 1000);
    (void)sigaction(SIGALRM, &action, NULL);
    (void)signal(SIGXFSZ, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)setitimer(ITIMER_REAL, &often, NULL);
    (void)pthread_create(&other, NULL, exchange_descriptors, (void *)seed);
    (void)pthread_create(&other, NULL, rewrite, (void *)seed);
    for (uintptr_t i = 0; i < CALLERS; i++)
        (void)pthread_create(&threads[i], NULL, make_calls, (void *)(seed * CALLERS + i));
    usleep((useconds_t)chance(LIFE_MS * 1000));
    if (seed % 4 == 0)
        (void)execl("/bin/true", "true", (char *)NULL);
    if (seed % 4 == 1)
        syscall(SYS_exit, 0);
    _exit(complaints != 0);
}

static void prepare(void)
{
    (void)mkdir("/tmp", 01777);
    (void)!chdir("/tmp");
    (void)mkdir("storm-folder", 0777);
    (void)mkfifo("storm-fifo", 0666);
    (void)close(open("storm-a", O_CREAT | O_RDWR, 0666));
    (void)!symlink("storm-a", "storm-link");
}

int main(void)
{
    struct {
        pid_t pid;
        double since;
    } lanes[LANES] = {0};
    uintptr_t seed = (uintptr_t)time(NULL) & 0xffffff, first = seed;
    prepare();
    for (double end = seconds() + share_of(SECONDS); seconds() < end; usleep(2000)) {
        for (int i = 0; i < LANES; i++) {
            int status = 0;
            if (lanes[i].pid > 0 && seconds() > lanes[i].since + 1.5 * LIFE_MS / 1000)
                (void)kill(lanes[i].pid, SIGKILL);
            if (lanes[i].pid > 0 && waitpid(lanes[i].pid, &status, WNOHANG) == 0)
                continue;
            complaints += WIFEXITED(status) && WEXITSTATUS(status) == 1;
            lanes[i].since = seconds();
            lanes[i].pid = fork();
            if (lanes[i].pid == 0)
                child(seed);
            seed++;
        }
    }
    for (int i = 0; i < LANES; i++)
        if (lanes[i].pid > 0 && (kill(lanes[i].pid, SIGKILL) < 0 || wait_within(lanes[i].pid, 10) == -1))
            complain("a child cannot be ended");
    printf("seeds %lu to %lu\n", (unsigned long)first, (unsigned long)seed);
    check_alive("the storm");
    return finish();
}
