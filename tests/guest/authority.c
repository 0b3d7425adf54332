/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what to whom: signals to groups and all, limits, priorities, memory and descriptors of others; machine-wide calls. */
#include "case.h"

#include <linux/capability.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/utsname.h>

/* A child under another id that sleeps until it is killed. The caller knows it is ready when this returns. */
static pid_t sleeper_in(uid_t uid, pid_t group)
{
    int ready[2];
    char byte;
    if (pipe(ready))
        _exit(1);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        if (group >= 0)
            setpgid(0, group);
        if (uid != 0)
            become(uid, uid);
        (void)!write(ready[1], "x", 1);
        for (;;)
            pause();
    }
    (void)!read(ready[0], &byte, 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static pid_t sleeper(uid_t uid)
{
    return sleeper_in(uid, -1);
}

static void put_down(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static bool alive(pid_t pid)
{
    return waitpid(pid, NULL, WNOHANG) == 0;
}

CASE(signal_matrix)
{
    static const uid_t ids[] = {0, 1000, 2000};
    for (int from = 0; from < 3; from++)
        for (int to = 0; to < 3; to++) {
            pid_t target = sleeper(ids[to]);
            IN_CHILD("sender")
            {
                if (ids[from])
                    become(ids[from], ids[from]);
                say("from %u to %u", ids[from], ids[to]);
                TRY(kill(target, 0));
                TRY(kill(target, SIGCONT));
                TRY(syscall(SYS_tkill, target, 0));
                TRY(syscall(SYS_tgkill, target, target, 0));
                TRY(kill(target, 65));
                TRY(kill(target, -1));
                int pidfd = (int)syscall(SYS_pidfd_open, target, 0);
                TRY(syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0));
                TRY(syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 77));
            }
            put_down(target);
        }
}

CASE(signal_nobody)
{
    for (int user = 0; user < 2; user++)
        IN_CHILD("sender")
        {
            if (user)
                become(1000, 1000);
            TRY(kill(4000000, 0));
            TRY(kill(4000000, 99));
            TRY(kill(-4000000, SIGTERM));
            TRY(kill(INT32_MIN, SIGTERM));
            TRY(syscall(SYS_tkill, 4000000, 0));
            TRY(syscall(SYS_tkill, 0, 0));
            TRY(syscall(SYS_tkill, -5, 0));
            TRY(syscall(SYS_tgkill, getpid(), 4000000, 0));
            TRY(syscall(SYS_tgkill, 0, 1, 0));
            TRY(syscall(SYS_tgkill, getpid(), 1, 0));
            TRY(syscall(SYS_pidfd_send_signal, 0, 0, NULL, 0));
            TRY(syscall(SYS_pidfd_send_signal, 999, 0, NULL, 0));
        }
}

CASE(signal_group_mixed)
{
    /* A group of three users' processes: a user reaches his own only, and that is success. */
    pid_t leader = sleeper_in(1000, 0), other = sleeper_in(2000, leader), own = sleeper_in(1000, leader);
    IN_CHILD("as 1000")
    {
        become(1000, 1000);
        TRY(kill(-leader, 0));
        TRY(kill(-leader, SIGTERM));
    }
    sleep_ms(50);
    say("leader %d other %d own %d", alive(leader), alive(other), alive(own));
    IN_CHILD("as 3000")
    {
        become(3000, 3000);
        TRY(kill(-leader, SIGTERM));
    }
    say("other %d", alive(other));
    IN_CHILD("as 2000, leader gone")
    {
        become(2000, 2000);
        TRY(kill(-leader, SIGTERM));
    }
    sleep_ms(50);
    say("other %d", alive(other));
    TRY(kill(-leader, SIGTERM));
}

CASE(signal_everybody)
{
    /* kill(-1) by a user: all of his but himself; nobody else's, and no complaint. */
    pid_t mine = sleeper(61000), other = sleeper(62000);
    IN_CHILD("as 61000")
    {
        become(61000, 61000);
        TRY(kill(-1, SIGKILL));
        say("still here");
    }
    sleep_ms(50);
    say("mine %d other %d", alive(mine), alive(other));
    IN_CHILD("as 63000")
    {
        become(63000, 63000);
        TRY(kill(-1, SIGKILL));
    }
    say("other %d", alive(other));
    put_down(other);
}

CASE(signal_continue_in_session)
{
    pid_t target = sleeper(2000);
    kill(target, SIGSTOP);
    wait_state(target, 'T');
    IN_CHILD("same session")
    {
        become(1000, 1000);
        TRY(kill(target, SIGTERM));
        TRY(kill(target, SIGCONT));
    }
    say("runs %d", wait_state(target, 'S'));
    IN_CHILD("another session")
    {
        setsid();
        become(1000, 1000);
        TRY(kill(target, SIGCONT));
    }
    put_down(target);
}

CASE(signal_init)
{
    IN_CHILD("as 1000")
    {
        become(1000, 1000);
        TRY(kill(1, SIGTERM));
        TRY(kill(1, SIGKILL));
        TRY(kill(1, 0));
    }
    TRY(kill(1, 0));
}

CASE(queue_to_others)
{
    pid_t target = sleeper(2000);
    for (int user = 0; user < 2; user++)
        IN_CHILD("sender")
        {
            siginfo_t info = {.si_code = SI_QUEUE};
            if (user)
                become(1000, 1000);
            TRY(syscall(SYS_rt_sigqueueinfo, target, SIGCONT, &info));
            TRY(syscall(SYS_rt_sigqueueinfo, target, SIGURG, &info));
            TRY(syscall(SYS_rt_tgsigqueueinfo, target, target, SIGURG, &info));
            info.si_code = SI_USER;
            TRY(syscall(SYS_rt_sigqueueinfo, target, SIGURG, &info));
            TRY(syscall(SYS_rt_sigqueueinfo, -1, SIGURG, &info));
            TRY(syscall(SYS_rt_tgsigqueueinfo, 0, 1, SIGURG, &info));
        }
    put_down(target);
}

static void say_limit(const char *what, const struct rlimit *limit)
{
    say("%s: %lld %lld", what, (long long)limit->rlim_cur, (long long)limit->rlim_max);
}

CASE(limit_locks)
{
    struct rlimit limit = {0};
    TRY(getrlimit(RLIMIT_LOCKS, &limit));
    say_limit("locks", &limit);
    limit = (struct rlimit){10, 20};
    TRY(setrlimit(RLIMIT_LOCKS, &limit));
    IN_CHILD("inherits")
    {
        TRY(getrlimit(RLIMIT_LOCKS, &limit));
        say_limit("locks", &limit);
        limit = (struct rlimit){20, 30};
        TRY(setrlimit(RLIMIT_LOCKS, &limit));
        limit = (struct rlimit){21, 20};
        TRY(setrlimit(RLIMIT_LOCKS, &limit));
        limit = (struct rlimit){20, 20};
        TRY(setrlimit(RLIMIT_LOCKS, &limit));
    }
    TRY(syscall(SYS_prlimit64, 0, RLIMIT_LOCKS, NULL, &limit));
    say_limit("locks", &limit);
    TRY(syscall(SYS_prlimit64, getpid(), RLIMIT_LOCKS, NULL, &limit));
    TRY(syscall(SYS_getrlimit, RLIMIT_LOCKS, NULL));
    TRY(syscall(SYS_setrlimit, RLIMIT_LOCKS, 1));
}

/* The host's kernel has another value of this one, and neither a file nor a word of it comes out. */
CASE(limit_core)
{
    const rlim_t soft[] = {0, 1, 5000, RLIM_INFINITY};
    struct rlimit limit = {0}, old = {0};
    TRY(getrlimit(RLIMIT_CORE, &limit));
    for (size_t i = 0; i < sizeof(soft) / sizeof(soft[0]); i++) {
        limit.rlim_cur = soft[i];
        TRY(setrlimit(RLIMIT_CORE, &limit));
        TRY(syscall(SYS_prlimit64, 0, RLIMIT_CORE, NULL, &old));
        say("soft %lld", (long long)old.rlim_cur);
    }
    limit = (struct rlimit){7000, 9000};
    TRY(syscall(SYS_prlimit64, getpid(), RLIMIT_CORE, &limit, NULL));
    IN_CHILD("inherits")
    {
        TRY(getrlimit(RLIMIT_CORE, &limit));
        say_limit("core", &limit);
        char text[4096];
        int fd = open("/proc/self/limits", O_RDONLY);
        ssize_t got = read(fd, text, sizeof(text) - 1);
        text[got > 0 ? got : 0] = '\0';
        char *line = strstr(text, "Max core");
        say("%.*s", line ? (int)strcspn(line, "\n") : 0, line ? line : "");
        limit = (struct rlimit){8000, 9500};
        TRY(setrlimit(RLIMIT_CORE, &limit));
        become(1000, 1000);
        TRY(setrlimit(RLIMIT_CORE, &limit));
        limit = (struct rlimit){8500, 9000};
        TRY(setrlimit(RLIMIT_CORE, &limit));
        limit = (struct rlimit){9500, 9000};
        TRY(setrlimit(RLIMIT_CORE, &limit));
    }
    TRY(syscall(SYS_getrlimit, RLIMIT_CORE, 8));
}

CASE(limit_others)
{
    pid_t target = sleeper(2000);
    struct rlimit limit = {0}, low = {100, 200}, wrong = {2, 1};
    for (uid_t uid = 0; uid <= 2000; uid += 1000)
        IN_CHILD("limits")
        {
            if (uid)
                become(uid, uid);
            say("as %u", uid);
            TRY(prlimit(target, RLIMIT_LOCKS, NULL, &limit));
            TRY(prlimit(target, RLIMIT_NOFILE, NULL, NULL));
            TRY(prlimit(target, RLIMIT_NOFILE, &wrong, NULL));
            TRY(prlimit(target, (enum __rlimit_resource)99, NULL, NULL));
            TRY(prlimit(4000000, RLIMIT_NOFILE, NULL, NULL));
            TRY(prlimit(-1, RLIMIT_NOFILE, NULL, NULL));
        }
    IN_CHILD("as 2000")
    {
        become(2000, 2000);
        TRY(prlimit(target, RLIMIT_NOFILE, &low, NULL));
        TRY(prlimit(target, RLIMIT_NOFILE, NULL, &limit));
        say_limit("its files", &limit);
        TRY(prlimit(target, RLIMIT_LOCKS, &low, NULL));
        TRY(prlimit(target, RLIMIT_LOCKS, NULL, &limit));
        say_limit("its locks", &limit);
    }
    put_down(target);
}

CASE(priority_of_others)
{
    pid_t target = sleeper(2000);
    for (uid_t uid = 1000; uid <= 2000; uid += 1000)
        IN_CHILD("priority")
        {
            struct sched_param parameter = {0};
            cpu_set_t processors;
            sched_getaffinity(0, sizeof(processors), &processors);
            become(uid, uid);
            say("as %u", uid);
            TRY(setpriority(PRIO_PROCESS, (id_t)target, 5));
            TRY(setpriority(PRIO_PROCESS, (id_t)target, 4));
            errno = 0;
            say("%d %s", getpriority(PRIO_PROCESS, (id_t)target), error_name(errno));
            TRY(sched_setscheduler(target, SCHED_BATCH, &parameter));
            TRY(sched_setparam(target, &parameter));
            TRY(sched_setaffinity(target, sizeof(processors), &processors));
            TRY(sched_setscheduler(target, SCHED_FIFO, &(struct sched_param){1}));
            TRY(syscall(SYS_ioprio_set, 1, target, 3 << 13));
            TRY(setpriority(PRIO_PROCESS, 4000000, 5));
            TRY(sched_setscheduler(4000000, SCHED_OTHER, &parameter));
            TRY(setpriority(99, 0, 5));
            TRY(setpriority(PRIO_PROCESS, 0, 7));
            TRY(getpriority(PRIO_PROCESS, 0));
        }
    put_down(target);
}

CASE(priority_of_users)
{
    pid_t target = sleeper(64000);
    IN_CHILD("as 64000")
    {
        become(64000, 64000);
        TRY(setpriority(PRIO_PROCESS, 0, 9));
        TRY(getpriority(PRIO_USER, 64000));
        TRY(getpriority(PRIO_USER, 0));
        TRY(getpriority(PRIO_USER, 64001));
    }
    put_down(target);
}

CASE(memory_of_others)
{
    static char secret[] = "secret";
    for (uid_t uid = 0; uid <= 2000; uid += 1000)
        for (int dumpable = 0; dumpable < 2; dumpable++) {
            pid_t target = sleeper(2000);
            IN_CHILD("reader")
            {
                char buffer[8] = "";
                struct iovec here = {buffer, 7}, there = {secret, 7};
                if (uid)
                    become(uid, uid);
                if (dumpable)
                    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
                say("as %u", uid);
                TRY(process_vm_readv(target, &here, 1, &there, 1, 0));
                TRY(process_vm_readv(getpid(), &here, 1, &there, 1, 0));
                say("%s", buffer);
                TRY(process_vm_readv(target, &here, 1, &there, 1, 5));
                TRY(process_vm_writev(4000000, &here, 1, &there, 1, 0));
            }
            put_down(target);
        }
}

CASE(descriptors_of_others)
{
    int pipes[2];
    if (pipe(pipes))
        return;
    pid_t target = sleeper(0), foreign = sleeper(2000);
    for (int user = 0; user < 2; user++)
        IN_CHILD("getfd")
        {
            if (user)
                become(1000, 1000);
            int pidfd = (int)syscall(SYS_pidfd_open, user ? foreign : target, 0);
            int fd = (int)syscall(SYS_pidfd_getfd, pidfd, pipes[1], 0);
            say("%s", fd >= 0 ? "got it" : error_name(errno));
            if (fd >= 0) {
                TRY(write(fd, "x", 1));
                TRY(fcntl(fd, F_GETFD));
            }
            TRY(syscall(SYS_pidfd_getfd, pidfd, 999, 0));
            TRY(syscall(SYS_pidfd_getfd, pidfd, 0, 1));
            TRY(syscall(SYS_pidfd_getfd, 0, 0, 0));
            TRY(syscall(SYS_pidfd_getfd, 999, 0, 0));
        }
    put_down(target);
    put_down(foreign);
}

CASE(capabilities_of_others)
{
    pid_t target = sleeper(2000);
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, target};
    struct __user_cap_data_struct data[2] = {{1, 1, 1}, {1, 1, 1}};
    TRY(syscall(SYS_capget, &head, data));
    say("%x %x %x", data[0].effective, data[0].permitted, data[0].inheritable);
    TRY(syscall(SYS_capset, &head, data));
    head.pid = 1;
    TRY(syscall(SYS_capget, &head, data));
    say("%x %x", data[0].effective, data[1].effective);
    head.pid = 4000000;
    TRY(syscall(SYS_capget, &head, data));
    head.pid = -1;
    TRY(syscall(SYS_capget, &head, data));
    head = (struct __user_cap_header_struct){0x12345678, 0};
    TRY(syscall(SYS_capget, &head, NULL));
    say("version %x", head.version);
    head.version = 7;
    TRY(syscall(SYS_capget, &head, data));
    TRY(syscall(SYS_capset, &head, data));
    head = (struct __user_cap_header_struct){_LINUX_CAPABILITY_VERSION_1, 0};
    TRY(syscall(SYS_capget, &head, data));
    TRY(syscall(SYS_capget, NULL, data));
    TRY(syscall(SYS_capget, &head, 1));
    TRY(syscall(SYS_capset, &head, NULL));
    put_down(target);
}

/* --- credentials of threads: raw calls change one thread alone --- */

static pid_t forked_by_thread;
static int thread_step[2], main_step[2];

static void *changing_thread(void *data)
{
    char byte;
    (void)data;
    syscall(SYS_setresuid, -1, 1234, -1);
    say("thread: %u", (unsigned)syscall(SYS_geteuid));
    forked_by_thread = fork_or_die();
    if (forked_by_thread == 0) {
        say("child of thread: %u", (unsigned)syscall(SYS_geteuid));
        if (fork_or_die() == 0)
            _exit((int)syscall(SYS_geteuid) == 1234 ? 3 : 4);
        int status;
        wait(&status);
        say("its child: %d", WEXITSTATUS(status));
        _exit(0);
    }
    waitpid(forked_by_thread, NULL, 0);
    (void)!write(main_step[1], "x", 1);
    (void)!read(thread_step[0], &byte, 1);
    syscall(SYS_setresuid, -1, 0, -1);
    say("thread again: %u", (unsigned)syscall(SYS_geteuid));
    return NULL;
}

CASE(threads_differ)
{
    pthread_t thread;
    char byte;
    if (pipe(thread_step) || pipe(main_step))
        return;
    pthread_create(&thread, NULL, changing_thread, NULL);
    (void)!read(main_step[0], &byte, 1);
    say("main: %u", (unsigned)syscall(SYS_geteuid));
    IN_CHILD("child of main")
        say("%u", (unsigned)syscall(SYS_geteuid));
    put_file("made-by-main", "", 0600);
    (void)!write(thread_step[1], "x", 1);
    pthread_join(thread, NULL);
    say("main: %u", (unsigned)syscall(SYS_geteuid));
    say_stat("made-by-main");
}

static void *idle_thread(void *data)
{
    (void)!read(*(int *)data, &(char){0}, 1);
    say("idle thread: %u %u", (unsigned)syscall(SYS_getuid), (unsigned)syscall(SYS_getgid));
    return NULL;
}

CASE(threads_change_together)
{
    pthread_t threads[5];
    int hold[2];
    if (pipe(hold))
        return;
    for (int i = 0; i < 5; i++)
        pthread_create(&threads[i], NULL, idle_thread, &hold[0]);
    TRY(setgid(77)); /* libc has every thread make the call */
    TRY(setuid(78));
    IN_CHILD("forked after")
        say("%u %u", (unsigned)syscall(SYS_getuid), (unsigned)syscall(SYS_getgid));
    (void)!write(hold[1], "xxxxx", 5);
    for (int i = 0; i < 5; i++)
        pthread_join(threads[i], NULL);
    TRY(setuid(0));
}

CASE(no_new_privs_of_threads)
{
    TRY(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    TRY(prctl(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0));
    TRY(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
    TRY(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
    IN_CHILD("set")
    {
        TRY(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        IN_CHILD("inherited")
            TRY(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    }
    TRY(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
}

CASE(seccomp_by_users)
{
    struct seccomp_program {
        unsigned short length;
        const void *filter;
    };
    static const struct {
        uint16_t code;
        uint8_t jt, jf;
        uint32_t k;
    } allow[] = {{0x06, 0, 0, 0x7fff0000}}, refuse_sync[] = {
        {0x20, 0, 0, 0}, {0x15, 0, 1, 162}, {0x06, 0, 0, 0x00050000 | EXDEV}, {0x06, 0, 0, 0x7fff0000}};
    struct seccomp_program program = {1, allow}, refuse = {4, refuse_sync};
    IN_CHILD("user")
    {
        become(1000, 1000);
        TRY(syscall(SYS_seccomp, 1, 0, &program));
        TRY(prctl(PR_SET_SECCOMP, 2, &program));
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        TRY(syscall(SYS_seccomp, 1, 0, &program));
        TRY(prctl(PR_SET_SECCOMP, 2, &program));
        TRY(syscall(SYS_seccomp, 1, 0x4000, &program));
        TRY(syscall(SYS_seccomp, 9, 0, &program));
        TRY(syscall(SYS_seccomp, 1, 0, &refuse));
        TRY(syscall(SYS_sync));
        TRY(getuid());
        IN_CHILD("exec under a filter")
        {
            execl(self_path, self_path, "helper", "nothing", NULL);
            say("%s", error_name(errno));
        }
    }
}

HELPER(nothing)
{
    (void)argc, (void)argv;
    return 0;
}

CASE(machine_refused)
{
    struct timeval now = {1, 0};
    struct timespec then = {1, 0};
    struct timex adjust = {.modes = 0};
    for (int user = 0; user < 2; user++)
        IN_CHILD("machine")
        {
            if (user)
                become(1000, 1000);
            TRY(settimeofday(&now, NULL));
            TRY(clock_settime(CLOCK_REALTIME, &then));
            TRY(clock_settime(CLOCK_MONOTONIC, &then));
            say("adjtimex reads %d", adjtimex(&adjust) >= 0);
            adjust.modes = ADJ_FREQUENCY;
            TRY(adjtimex(&adjust));
            TRY(sethostname("x", 1));
            TRY(setdomainname("x", 1));
            TRY(syscall(SYS_vhangup));
            TRY(syscall(SYS_acct, NULL));
            TRY(syscall(SYS_swapoff, "x"));
            TRY(syscall(SYS_reboot, 1, 2, 3, 4));
            TRY(syscall(SYS_mount, "x", "/", "tmpfs", 0, NULL));
            TRY(syscall(SYS_umount2, "/", 2));
            TRY(unshare(CLONE_NEWNS));
            TRY(unshare(CLONE_FS | CLONE_FILES));
            TRY(unshare(0));
            TRY(syscall(SYS_clone, CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0));
        }
}

CASE(names_and_persona)
{
    struct utsname names;
    TRY(uname(&names));
    say("%s %s", names.sysname, names.machine);
    TRY(syscall(SYS_uname, 1));
    TRY(personality(0xffffffff));
    IN_CHILD("persona")
    {
        TRY(personality(ADDR_NO_RANDOMIZE));
        TRY(personality(0xffffffff));
        IN_CHILD("inherited")
            TRY(personality(0xffffffff));
    }
    struct sysinfo info;
    TRY(sysinfo(&info));
    say("sane %d", info.totalram > 0 && info.freeram <= info.totalram && info.mem_unit > 0 && info.uptime >= 0 && info.procs > 0);
    TRY(syscall(SYS_sysinfo, 1));
}

CASE(prctl_oddities)
{
    TRY(prctl(9999, 0, 0, 0, 0));
    TRY(prctl(-1, 0, 0, 0, 0));
    TRY(prctl(PR_CAPBSET_READ, 0, 0, 0, 0));
    TRY(prctl(PR_CAPBSET_READ, 41, 0, 0, 0));
    TRY(prctl(PR_CAPBSET_READ, -1L, 0, 0, 0));
    TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 0, 1, 0));
    TRY(prctl(PR_CAP_AMBIENT, 77, 0, 0, 0));
    TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0));
    TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
    TRY(prctl(PR_SET_KEEPCAPS, 2, 0, 0, 0));
    TRY(prctl(PR_SET_DUMPABLE, 2, 0, 0, 0));
    TRY(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
    TRY(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
    TRY(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
    TRY(prctl(PR_SET_SECUREBITS, 0x1000, 0, 0, 0));
    TRY(prctl(PR_SET_PDEATHSIG, 99, 0, 0, 0));
    TRY(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
    int set = 0;
    TRY(prctl(PR_GET_CHILD_SUBREAPER, &set, 0, 0, 0));
    say("%d", set);
    TRY(prctl(PR_SET_TSC, 77, 0, 0, 0));
    TRY(prctl(PR_SET_TIMING, 1, 0, 0, 0));
    TRY(prctl(PR_GET_TIMING, 0, 0, 0, 0));
    TRY(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
    TRY(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
    TRY(prctl(PR_SET_MM, PR_SET_MM_ARG_START, 0, 0, 0));
}

CASE(groups_calls)
{
    gid_t groups[3] = {9, 3, 7}, bad[1] = {(gid_t)-1};
    TRY(syscall(SYS_setgroups, 3, groups));
    memset(groups, 0, sizeof(groups));
    TRY(syscall(SYS_getgroups, 0, NULL));
    TRY(syscall(SYS_getgroups, 2, groups));
    TRY(syscall(SYS_getgroups, -1, groups));
    TRY(syscall(SYS_getgroups, 3, groups));
    say("%u %u %u", groups[0], groups[1], groups[2]);
    TRY(syscall(SYS_getgroups, 3, 1));
    TRY(syscall(SYS_setgroups, 1, bad));
    TRY(syscall(SYS_setgroups, 65537, groups));
    TRY(syscall(SYS_setgroups, -1, groups));
    TRY(syscall(SYS_setgroups, 3, 1));
    TRY(syscall(SYS_getresuid, 1, 1, 1));
    IN_CHILD("user")
    {
        become(5, 5);
        TRY(syscall(SYS_setgroups, 0, NULL));
        TRY(syscall(SYS_setgroups, 65537, groups));
    }
}
