/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What capabilities beyond Docker's usual ones are good for: CAP_SYS_NICE, CAP_IPC_LOCK, CAP_IPC_OWNER, and CAP_SYS_RESOURCE where the
 * machine lets the runtime have it. The runner grants them to this area.
 */
#include "case.h"

#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>

enum { PAGES = 1 << 20 };
enum { IO_PROCESS = 1, IO_GROUP = 2, IO_USER = 3, IO_REALTIME = 1 << 13, IO_BEST_EFFORT = 2 << 13 };

struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
    uint32_t util_min, util_max;
};

static void say_rank(const char *text, pid_t tid)
{
    struct attributes attributes = {0};
    errno = 0;
    int nice = getpriority(PRIO_PROCESS, (id_t)tid);
    (void)syscall(SYS_sched_getattr, tid, &attributes, sizeof(attributes), 0);
    say("%s: nice %d, policy %u, flags %d, priority %u", text, nice, attributes.policy, (int)(attributes.flags & 1), attributes.priority);
}

static void say_limit(const char *text, __rlimit_resource_t resource)
{
    struct rlimit limit;
    getrlimit(resource, &limit);
    say("%s: %ld %ld", text, (long)limit.rlim_cur, (long)limit.rlim_max);
}

static pid_t sleeper(uid_t uid)
{
    pid_t pid = fork_or_die();
    if (pid == 0) {
        setpgid(0, 0);
        become(uid, uid);
        for (;;)
            pause();
    }
    setpgid(pid, pid);
    while (wait_state(pid, 'S') == false)
        ;
    return pid;
}

static void put_down(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* --- nice values and policies --- */

CASE(nice_values)
{
    TRY(setpriority(PRIO_PROCESS, 0, -10));
    say_rank("after that", 0);
    TRY(nice(-5));
    TRY(setpriority(PRIO_PROCESS, 0, -99));
    say_rank("the highest there is", 0);
    IN_CHILD("inherited, and lost by a user")
    {
        say_rank("child", 0);
        become(1000, 1000);
        TRY(setpriority(PRIO_PROCESS, 0, 5));
        TRY(setpriority(PRIO_PROCESS, 0, 4));
        TRY(setpriority(PRIO_PROCESS, (id_t)getppid(), 5));
    }
    TRY(setpriority(PRIO_PROCESS, 0, 19));
    TRY(setpriority(PRIO_PROCESS, 0, 0));
    TRY(setpriority(PRIO_PROCESS, 4000000, -1));
    TRY(setpriority(9, 0, -1));
}

CASE(nice_values_of_others)
{
    pid_t one = sleeper(64100), other = sleeper(64100);
    TRY(setpriority(PRIO_PROCESS, (id_t)one, -3));
    say_rank("one", one);
    TRY(setpriority(PRIO_PGRP, (id_t)other, -4));
    say_rank("other", other);
    TRY(setpriority(PRIO_USER, 64100, -6));
    say_rank("one", one);
    say_rank("other", other);
    TRY(getpriority(PRIO_USER, 64100));
    TRY(getpriority(PRIO_USER, 64101));
    TRY(setpriority(PRIO_USER, 64101, 1));
    put_down(one);
    put_down(other);
}

static void *wait_for_end(void *data)
{
    *(pid_t *)data = gettid();
    for (;;)
        pause();
    return NULL;
}

CASE(nice_values_of_threads)
{
    pthread_t thread;
    volatile pid_t tid = 0;
    TRY(pthread_create(&thread, NULL, wait_for_end, (void *)&tid));
    while (tid == 0)
        sched_yield();
    TRY(setpriority(PRIO_PROCESS, (id_t)tid, -2));
    say_rank("thread", tid);
    say_rank("process", 0);
    TRY(setpriority(PRIO_PGRP, 0, -7));
    say_rank("thread", tid);
    say_rank("process", 0);
}

CASE(policies)
{
    const struct sched_param none = {0}, some = {10};
    TRY(sched_setscheduler(0, SCHED_IDLE, &none));
    say_rank("idle", 0);
    TRY(sched_setscheduler(0, SCHED_BATCH, &none));
    TRY(sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &none));
    say_rank("reset on fork", 0);
    TRY(sched_setscheduler(0, SCHED_OTHER, &none));
    say_rank("no more", 0);
    TRY(sched_setscheduler(0, SCHED_FIFO, &some));
    say_rank("first in, first out", 0);
    TRY(sched_setparam(0, &(struct sched_param){20}));
    say_rank("of a higher priority", 0);
    IN_CHILD("inherited")
    {
        say_rank("child", 0);
        become(1000, 1000);
        TRY(sched_setscheduler(0, SCHED_RR, &some));
    }
    TRY(sched_setscheduler(0, SCHED_OTHER, &none));
    TRY(sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){100}));
    TRY(sched_setscheduler(0, SCHED_FIFO, &none));
    TRY(sched_setscheduler(0, SCHED_OTHER, &some));
    TRY(sched_setscheduler(0, 77, &none));
    TRY(sched_setscheduler(0, -1, &none));
    TRY(sched_setscheduler(0, SCHED_OTHER, NULL));
    TRY(sched_setscheduler(0, SCHED_OTHER, (void *)8));
    TRY(sched_setscheduler(-1, SCHED_OTHER, &none));
    TRY(sched_setscheduler(4000000, SCHED_OTHER, &none));
    TRY(sched_setparam(0, NULL));
}

static long set_attributes(const void *attributes, unsigned int flags)
{
    return syscall(SYS_sched_setattr, 0, attributes, flags);
}

CASE(attributes)
{
    struct attributes wanted = {.size = sizeof(wanted), .policy = SCHED_BATCH, .nice = -8};
    TRY(set_attributes(&wanted, 0));
    say_rank("batch", 0);
    wanted.nice = -99;
    TRY(set_attributes(&wanted, 0));
    say_rank("too high", 0);
    wanted = (struct attributes){.size = sizeof(wanted), .flags = 0x18};
    TRY(set_attributes(&wanted, 0));
    say_rank("nothing changed", 0);
    wanted = (struct attributes){.size = 48, .policy = SCHED_OTHER, .flags = 1, .nice = 3};
    TRY(set_attributes(&wanted, 0));
    say_rank("the first size", 0);
    wanted.size = 0;
    TRY(set_attributes(&wanted, 0));
    wanted.size = 40;
    TRY(set_attributes(&wanted, 0));
    say("size %u", wanted.size);
    wanted.size = 5000;
    TRY(set_attributes(&wanted, 0));
    say("size %u", wanted.size);
    struct {
        struct attributes known;
        uint64_t more;
    } longer = {.known = {.size = sizeof(longer), .policy = SCHED_OTHER}};
    TRY(set_attributes(&longer, 0));
    longer.more = 1;
    TRY(set_attributes(&longer, 0));
    wanted = (struct attributes){.size = sizeof(wanted), .policy = SCHED_OTHER, .flags = 1 << 20};
    TRY(set_attributes(&wanted, 0));
    TRY(set_attributes(&wanted, 1));
    TRY(set_attributes(NULL, 0));
    TRY(set_attributes((void *)8, 0));
}

CASE(policies_of_others)
{
    const struct sched_param none = {0};
    struct attributes wanted = {.size = sizeof(wanted), .policy = SCHED_BATCH, .nice = -1};
    pid_t target = sleeper(2000);
    TRY(sched_setscheduler(target, SCHED_IDLE, &none));
    say_rank("target", target);
    TRY(sched_setscheduler(target, SCHED_OTHER, &none));
    TRY(sched_setparam(target, &none));
    TRY(syscall(SYS_sched_setattr, target, &wanted, 0));
    say_rank("target", target);
    IN_CHILD("a stranger")
    {
        become(1000, 1000);
        TRY(sched_setscheduler(target, SCHED_IDLE, &none));
        TRY(syscall(SYS_sched_setattr, target, &wanted, 0));
    }
    put_down(target);
}

CASE(disk_ranks)
{
    pid_t target = sleeper(64200);
    TRY(syscall(SYS_ioprio_set, IO_PROCESS, 0, IO_REALTIME | 3));
    TRY(syscall(SYS_ioprio_get, IO_PROCESS, 0));
    TRY(syscall(SYS_ioprio_set, IO_PROCESS, 0, IO_BEST_EFFORT | 5));
    TRY(syscall(SYS_ioprio_get, IO_PROCESS, 0));
    TRY(syscall(SYS_ioprio_set, IO_PROCESS, target, IO_REALTIME | 1));
    TRY(syscall(SYS_ioprio_get, IO_PROCESS, target));
    TRY(syscall(SYS_ioprio_set, IO_GROUP, target, IO_REALTIME | 2));
    TRY(syscall(SYS_ioprio_get, IO_PROCESS, target));
    TRY(syscall(SYS_ioprio_set, IO_USER, 64200, IO_REALTIME | 4));
    TRY(syscall(SYS_ioprio_get, IO_PROCESS, target));
    TRY(syscall(SYS_ioprio_set, IO_PROCESS, 4000000, IO_REALTIME | 4));
    TRY(syscall(SYS_ioprio_set, IO_PROCESS, 0, 7 << 13));
    TRY(syscall(SYS_ioprio_set, 9, 0, IO_BEST_EFFORT));
    IN_CHILD("a user")
    {
        become(1000, 1000);
        TRY(syscall(SYS_ioprio_set, IO_PROCESS, 0, IO_REALTIME | 3));
        TRY(syscall(SYS_ioprio_set, IO_PROCESS, 0, IO_BEST_EFFORT | 6));
        TRY(syscall(SYS_ioprio_set, IO_PROCESS, target, IO_BEST_EFFORT | 6));
    }
    put_down(target);
}

/* Without the capability in effect nothing is left of it. */
CASE(dropped)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2];
    TRY(setpriority(PRIO_PROCESS, 0, -10));
    TRY(syscall(SYS_capget, &header, sets));
    sets[0].effective &= ~(1u << CAP_SYS_NICE);
    TRY(syscall(SYS_capset, &header, sets));
    TRY(setpriority(PRIO_PROCESS, 0, -11));
    TRY(sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){1}));
    TRY(syscall(SYS_ioprio_set, IO_PROCESS, 0, IO_REALTIME | 3));
    sets[0].effective |= 1u << CAP_SYS_NICE;
    TRY(syscall(SYS_capset, &header, sets));
    TRY(setpriority(PRIO_PROCESS, 0, -11));
}

/* --- locked memory --- */

static void lock_pages(const char *text)
{
    void *pages = mmap(NULL, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    say("%s", text);
    TRY(mlock(pages, PAGES));
    TRY(munlock(pages, PAGES));
    TRY(munmap(pages, PAGES));
}

CASE(locked_memory)
{
    struct rlimit small = {65536, 65536}, larger = {65536, 1 << 30};
    TRY(setrlimit(RLIMIT_MEMLOCK, &small));
    say_limit("after that", RLIMIT_MEMLOCK);
    lock_pages("beyond the limit");
    TRY(mlockall(MCL_CURRENT));
    TRY(munlockall());
    IN_CHILD("a child")
    {
        say_limit("inherited", RLIMIT_MEMLOCK);
        lock_pages("root");
        become(1000, 1000);
        say_limit("as a user", RLIMIT_MEMLOCK);
        lock_pages("a user");
        TRY(setrlimit(RLIMIT_MEMLOCK, &larger));
        TRY(prlimit(getppid(), RLIMIT_MEMLOCK, NULL, &larger));
        TRY(prlimit(0, RLIMIT_MEMLOCK, &(struct rlimit){4096, 65536}, NULL));
        say_limit("less", RLIMIT_MEMLOCK);
    }
    small = (struct rlimit){0, 0};
    TRY(setrlimit(RLIMIT_MEMLOCK, &small));
    say_limit("nothing", RLIMIT_MEMLOCK);
    lock_pages("beyond nothing");
}

HELPER(locker)
{
    (void)argc, (void)argv;
    say_limit("over an exec", RLIMIT_MEMLOCK);
    lock_pages("there");
    return 0;
}

CASE(locked_memory_over_exec)
{
    struct rlimit small = {65536, 65536};
    TRY(setrlimit(RLIMIT_MEMLOCK, &small));
    IN_CHILD("root")
        execl(self_path, self_path, "helper", "locker", (char *)NULL);
    IN_CHILD("a user")
    {
        become(1000, 1000);
        execl(self_path, self_path, "helper", "locker", (char *)NULL);
    }
}

CASE(locked_shared_memory)
{
    struct rlimit small = {0, 0};
    int id = shmget(IPC_PRIVATE, PAGES, 0600);
    TRY(setrlimit(RLIMIT_MEMLOCK, &small));
    TRY(shmctl(id, SHM_LOCK, NULL));
    TRY(shmctl(id, SHM_UNLOCK, NULL));
    IN_CHILD("a user")
    {
        become(1000, 1000);
        TRY(shmctl(id, SHM_LOCK, NULL));
    }
    TRY(shmctl(id, IPC_RMID, NULL));
}

/* --- IPC objects of others --- */

CASE(objects_of_others)
{
    int ids[3], ends[2];
    TRY(pipe(ends));
    IN_CHILD("their owner")
    {
        become(2000, 2000);
        ids[0] = shmget(IPC_PRIVATE, 4096, 0600);
        ids[1] = semget(IPC_PRIVATE, 1, 0600);
        ids[2] = msgget(IPC_PRIVATE, 0600);
        (void)!write(ends[1], ids, sizeof(ids));
    }
    (void)!read(ends[0], ids, sizeof(ids));
    struct shmid_ds shm;
    struct sembuf up = {0, 1, 0};
    struct {
        long type;
        char text[8];
    } message = {1, "hello"};
    void *address = shmat(ids[0], NULL, 0);
    say("attached %d", address != (void *)-1);
    TRY(shmctl(ids[0], IPC_STAT, &shm));
    TRY(semop(ids[1], &up, 1));
    TRY(semctl(ids[1], 0, GETVAL));
    TRY(msgsnd(ids[2], &message, 6, 0));
    TRY(msgrcv(ids[2], &message, 6, 0, 0));
    IN_CHILD("a stranger")
    {
        become(1000, 1000);
        say("attached %d", shmat(ids[0], NULL, 0) != (void *)-1);
        TRY(semop(ids[1], &up, 1));
        TRY(msgsnd(ids[2], &message, 6, IPC_NOWAIT));
    }
    IN_CHILD("removed by the owner")
    {
        become(2000, 2000);
        TRY(shmctl(ids[0], IPC_RMID, NULL));
        TRY(semctl(ids[1], 0, IPC_RMID));
        TRY(msgctl(ids[2], IPC_RMID, NULL));
    }
}

/* --- limits --- */

static bool has_resource(void)
{
    return prctl(PR_CAPBSET_READ, CAP_SYS_RESOURCE, 0, 0, 0) == 1;
}

CASE(hard_limits)
{
    if (!has_resource())
        return;
    TRY(setrlimit(RLIMIT_NOFILE, &(struct rlimit){100, 100}));
    TRY(setrlimit(RLIMIT_NOFILE, &(struct rlimit){200, 300}));
    say_limit("files", RLIMIT_NOFILE);
    TRY(setrlimit(RLIMIT_NICE, &(struct rlimit){30, 30}));
    TRY(setrlimit(RLIMIT_CORE, &(struct rlimit){1, 1}));
    TRY(setrlimit(RLIMIT_CORE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY}));
    say_limit("core", RLIMIT_CORE);
    IN_CHILD("a user")
    {
        become(1000, 1000);
        say_limit("files", RLIMIT_NOFILE);
        TRY(setrlimit(RLIMIT_NOFILE, &(struct rlimit){300, 400}));
        TRY(setrlimit(RLIMIT_NOFILE, &(struct rlimit){300, 300}));
        TRY(setrlimit(RLIMIT_NOFILE, &(struct rlimit){100, 150}));
        TRY(setrlimit(RLIMIT_NOFILE, &(struct rlimit){100, 300}));
        TRY(setpriority(PRIO_PROCESS, 0, -10));
        TRY(setpriority(PRIO_PROCESS, 0, -11));
    }
}

CASE(limits_as_a_file)
{
    TRY(setrlimit(RLIMIT_NOFILE, &(struct rlimit){100, 200}));
    TRY(setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){4096, 8192}));
    say_file("/proc/self/limits");
}
