/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container with CAP_SYS_NICE, CAP_IPC_LOCK and CAP_SYS_RESOURCE: who has them not, or no longer, gets nothing of what they are good
 * for, and who has them no more than the runtime had to give. The host's own limits are higher here than those the guest is shown, and
 * what tells threads apart must not get lost on the way through a realtime policy.
 */
#include "attack.h"

#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum { USER = 1000, PAGES = 1 << 20, IO_REALTIME = 1 << 13, ROUNDS = 2000 };

static bool refused(long result, int error)
{
    return result == -1 && errno == error;
}

static pid_t child_of(void (*act)(void))
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    act();
    fflush(stdout);
    _exit(complaints);
}

static void in_child(void (*act)(void))
{
    int status = 0;
    waitpid(child_of(act), &status, 0);
    complaints += WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void become_user(void)
{
    EXPECT(setresgid(USER, USER, USER) == 0 && setresuid(USER, USER, USER) == 0);
}

/* --- those who have none --- */

static bool locks(void)
{
    void *pages = mmap(NULL, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool locked = mlock(pages, PAGES) == 0;
    munmap(pages, PAGES);
    return locked;
}

static void expect_nothing(void)
{
    const struct sched_param realtime = {1};
    const struct rlimit more = {RLIM_INFINITY, RLIM_INFINITY};
    EXPECT(refused(setpriority(PRIO_PROCESS, 0, -1), EACCES));
    EXPECT(refused(setpriority(PRIO_USER, 0, -1), EACCES));
    EXPECT(refused(sched_setscheduler(0, SCHED_FIFO, &realtime), EPERM));
    EXPECT(refused(syscall(SYS_ioprio_set, 1, 0, IO_REALTIME), EPERM));
    EXPECT(!locks());
    EXPECT(refused(mlockall(MCL_CURRENT | MCL_FUTURE), ENOMEM));
    for (int resource = 0; resource < RLIM_NLIMITS; resource++) {
        struct rlimit limit, beyond;
        EXPECT(getrlimit((__rlimit_resource_t)resource, &limit) == 0);
        if (limit.rlim_max == RLIM_INFINITY)
            continue;
        beyond = (struct rlimit){limit.rlim_cur, limit.rlim_max + 1};
        EXPECT(refused(syscall(SYS_setrlimit, resource, &beyond), EPERM));
        EXPECT(refused(syscall(SYS_prlimit64, 0, resource, &beyond, NULL), EPERM));
        EXPECT(refused(syscall(SYS_prlimit64, getpid(), resource, &more, NULL), EPERM));
        EXPECT(refused(syscall(SYS_prlimit64, getppid(), resource, &more, NULL), EPERM));
        beyond = (struct rlimit){limit.rlim_max + 1, limit.rlim_max};
        EXPECT(refused(syscall(SYS_setrlimit, resource, &beyond), EINVAL));
        EXPECT(refused(syscall(SYS_prlimit64, 0, resource, &beyond, NULL), EINVAL));
    }
}

static void as_a_user(void)
{
    become_user();
    expect_nothing();
    in_child(expect_nothing);
}

/* Raised while it was root, and root no more. */
static void given_up(void)
{
    EXPECT(locks());
    EXPECT(setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){65536, 65536}) == 0);
    EXPECT(locks());
    become_user();
    expect_nothing();
}

/* The sets are dropped, the user stays root. */
static void dropped(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2];
    EXPECT(syscall(SYS_capget, &header, sets) == 0);
    const uint32_t gone = 1u << CAP_SYS_NICE | 1u << CAP_IPC_LOCK | 1u << CAP_SYS_RESOURCE;
    sets[0].effective &= ~gone;
    sets[0].permitted &= ~gone;
    EXPECT(syscall(SYS_capset, &header, sets) == 0);
    expect_nothing();
}

/* Children made while the capability goes: each is on one side or the other. */
static void *fork_on(void *data)
{
    for (int i = 0; i < 200; i++)
        if (fork() == 0)
            _exit(geteuid() == USER && locks());
    return data;
}

static void while_it_goes(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, fork_on, NULL);
    usleep(2000);
    become_user();
    pthread_join(thread, NULL);
    int beyond = 0;
    for (int status; wait(&status) > 0;)
        beyond += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    EXPECT(beyond == 0);
}

/* --- those who have them --- */

static void not_without_end(void)
{
    struct rlimit limit;
    EXPECT(setrlimit(RLIMIT_NOFILE, &(struct rlimit){100, 100}) == 0);
    EXPECT(setrlimit(RLIMIT_NOFILE, &(struct rlimit){150, 200}) == 0);
    EXPECT(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 150 && limit.rlim_max == 200);
    EXPECT(refused(setrlimit(RLIMIT_NOFILE, &(struct rlimit){100, RLIM_INFINITY}), EPERM));
    EXPECT(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 150 && limit.rlim_max == 200);
    pid_t pid = fork();
    if (pid == 0)
        _exit(getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max != 200);
    int status = 1;
    waitpid(pid, &status, 0);
    EXPECT(status == 0);
}

/* The sentry copies what it judges. */
static struct sched_param shared_parameter;
static volatile bool ended;

static void *rewrite(void *data)
{
    while (!ended)
        shared_parameter.sched_priority = !shared_parameter.sched_priority;
    return data;
}

static void rewritten(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, rewrite, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        EXPECT(sched_setscheduler(0, SCHED_OTHER, &shared_parameter) == 0 || errno == EINVAL);
        EXPECT(sched_getscheduler(0) == SCHED_OTHER);
    }
    ended = true;
    pthread_join(thread, NULL);
}

/* --- threads that differ --- */

static bool realtime_is_there(void)
{
    bool there = sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){1}) == 0;
    EXPECT(sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){0}) == 0);
    return there;
}

static void *differ(void *data)
{
    EXPECT(syscall(SYS_setresuid, USER, USER, USER) == 0);
    EXPECT(refused(sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){1}), EPERM));
    *(volatile pid_t *)data = gettid();
    while (!ended)
        usleep(1000);
    EXPECT(syscall(SYS_geteuid) == USER);
    EXPECT(open("/tmp/secret", O_RDONLY) == -1 && errno == EACCES);
    return NULL;
}

static void expect_no_realtime(void)
{
    const struct sched_param one = {1};
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } attributes = {.size = 48, .policy = SCHED_RR, .priority = 1};
    EXPECT(refused(sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &one), EPERM));
    EXPECT(refused(syscall(SYS_sched_setattr, 0, &attributes, 0), EPERM));
    attributes.policy = 6;
    attributes.priority = 0;
    attributes.runtime = 1000000;
    attributes.deadline = attributes.period = 100000000;
    EXPECT(refused(syscall(SYS_sched_setattr, 0, &attributes, 0), EPERM));
}

static void threads_that_differ(void)
{
    pthread_t thread;
    volatile pid_t tid = 0;
    ended = false;
    int fd = open("/tmp/secret", O_CREAT | O_WRONLY, 0600);
    close(fd);
    pthread_create(&thread, NULL, differ, (void *)&tid);
    while (tid == 0)
        usleep(1000);
    EXPECT(refused(sched_setscheduler(tid, SCHED_FIFO, &(struct sched_param){1}), EPERM));
    expect_no_realtime();
    in_child(expect_no_realtime);
    ended = true;
    pthread_join(thread, NULL);
    expect_no_realtime();
    execl("/proc/self/exe", "ranks", "for good", (char *)NULL);
    complain("no exec");
}

static void *realtime_first(void *data)
{
    if (sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){1}) == 0)
        EXPECT(refused(syscall(SYS_setresuid, USER, USER, USER), EAGAIN) && syscall(SYS_geteuid) == 0);
    return data;
}

static void realtime_then_ids(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, realtime_first, NULL);
    pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
    (void)setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    if (argc > 1) {
        expect_no_realtime();
        fflush(stdout);
        return complaints;
    }
    (void)argv;
    mkdir("/tmp", 01777);
    EXPECT(setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){65536, 65536}) == 0);
    printf("realtime policies %s here\n", realtime_is_there() ? "can be had" : "cannot be had");
    in_child(as_a_user);
    in_child(given_up);
    in_child(dropped);
    in_child(while_it_goes);
    in_child(not_without_end);
    in_child(rewritten);
    in_child(threads_that_differ);
    in_child(realtime_then_ids);
    EXPECT(setpriority(PRIO_PROCESS, 0, -20) == 0);
    check_alive("ranks");
    return finish();
}
