/* SPDX-License-Identifier: Apache-2.0 */
/* Processes and threads: birth, death, waiting, groups, sessions, prctl. */
#include "case.h"

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/times.h>
#include <linux/sched.h>

CASE(fork_exit_codes)
{
    for (int code = 0; code < 256; code += 51) {
        IN_CHILD("child")
        {
            _exit(code);
        }
    }
    IN_CHILD("beyond a byte")
    {
        _exit(0x1234);
    }
}

CASE(killed_by)
{
    int numbers[] = {SIGTERM, SIGKILL, SIGSEGV, SIGABRT, SIGPIPE, SIGALRM, SIGUSR1, SIGHUP};
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        IN_CHILD("child")
        {
            raise(numbers[i]);
            sleep_ms(5000);
        }
    }
}

CASE(faults)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    IN_CHILD("null pointer")
    {
        *(volatile int *)8 = 1;
    }
    IN_CHILD("undefined instruction")
    {
        __builtin_trap();
    }
    IN_CHILD("division by nought")
    {
        volatile int nought = 0, some = 7;
        _exit(some / nought);
    }
}

CASE(wait_variants)
{
    int status;
    TRY(waitpid(-1, &status, 0));
    TRY(waitpid(-1, &status, WNOHANG));
    TRY(waitpid(12345678, &status, 0));
    int gate[2];
    (void)!pipe(gate);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        char byte;
        close(gate[1]);
        (void)!read(gate[0], &byte, 1);
        _exit(5);
    }
    close(gate[0]);
    TRY(waitpid(pid, &status, WNOHANG));
    close(gate[1]);
    say("the child %d", waitpid(pid, &status, 0) == pid);
    say_status("child", status);
    TRY(waitpid(pid, &status, 0));
    TRY(waitpid(-1, &status, 0x12340));
}

CASE(waitid_info)
{
    siginfo_t info;
    pid_t pid = fork_or_die();
    if (pid == 0)
        _exit(9);
    TRY(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
    say("pid %d code %d status %d signal %s uid %u", info.si_pid == pid, info.si_code, info.si_status,
        signal_name(info.si_signo), info.si_uid);
    TRY(waitid(P_ALL, 0, &info, WEXITED));
    say("pid %d", info.si_pid == pid);
    TRY(waitid(P_ALL, 0, &info, WEXITED));
    TRY(waitid(P_PID, (id_t)pid, &info, 0));
    TRY(waitid(99, 0, &info, WEXITED));
}

CASE(wait_group)
{
    pid_t one = fork_or_die();
    if (one == 0) {
        setpgid(0, 0);
        _exit(1);
    }
    setpgid(one, one);
    pid_t two = fork_or_die();
    if (two == 0)
        _exit(2);
    int status;
    say("own group %d", waitpid(0, &status, 0) == two);
    say_status("two", status);
    TRY(waitpid(0, &status, 0));
    say("other group %d", waitpid(-one, &status, 0) == one);
    say_status("one", status);
}

CASE(wait_usage)
{
    struct rusage usage;
    pid_t pid = fork_or_die();
    if (pid == 0) { /* of a few pages the kernel does not count each */
        static volatile char touched[8 << 20];
        for (size_t i = 0; i < sizeof(touched); i += 4096)
            touched[i] = 1;
        _exit(0);
    }
    int status;
    memset(&usage, 0xff, sizeof(usage));
    say("wait4 %d", wait4(pid, &status, 0, &usage) == pid);
    say("sane %d", usage.ru_utime.tv_sec == 0 && usage.ru_maxrss >= 4 << 10 && usage.ru_maxrss < 1 << 20);
    say("children %ld", (long)getrusage(RUSAGE_CHILDREN, &usage));
    TRY(getrusage(77, &usage));
    struct tms times_now;
    say("times %d", times(&times_now) != (clock_t)-1);
}

CASE(orphan_goes_to_init)
{
    int pipe_fd[2];
    (void)!pipe(pipe_fd);
    IN_CHILD("parent")
    {
        if (fork_or_die() == 0) {
            for (int i = 0; i < 1000 && getppid() != 1; i++)
                sleep_ms(2);
            dprintf(pipe_fd[1], "parent is %d", getppid());
            _exit(0);
        }
    }
    close(pipe_fd[1]);
    char text[64] = "";
    (void)!read(pipe_fd[0], text, sizeof(text) - 1);
    say("orphan: %s", text);
}

CASE(subreaper)
{
    TRY(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
    int is = 0;
    TRY(prctl(PR_GET_CHILD_SUBREAPER, &is, 0, 0, 0));
    say("is %d", is);
    pid_t me = getpid();
    IN_CHILD("parent")
    {
        if (fork_or_die() == 0) {
            for (int i = 0; i < 1000 && getppid() != me; i++)
                sleep_ms(2);
            _exit(getppid() == me ? 44 : 45);
        }
    }
    int status;
    say("adopted %d", waitpid(-1, &status, 0) > 0);
    say_status("orphan", status);
}

CASE(zombie_is_visible)
{
    pid_t pid = fork_or_die();
    if (pid == 0)
        _exit(0);
    say("zombie %d", wait_state(pid, 'Z'));
    TRY(kill(pid, 0));
    say_wait("reaped", pid);
    TRY(kill(pid, 0));
}

CASE(parent_death_signal)
{
    int pipe_fd[2];
    (void)!pipe(pipe_fd);
    IN_CHILD("parent")
    {
        int ready[2];
        (void)!pipe(ready);
        if (fork_or_die() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            (void)!write(ready[1], "x", 1);
            sleep_ms(10000);
            (void)!write(pipe_fd[1], "survived", 8);
            _exit(0);
        }
        char byte;
        (void)!read(ready[0], &byte, 1);
    }
    close(pipe_fd[1]);
    char text[16];
    say("bytes from the child %zd", read(pipe_fd[0], text, sizeof(text)));
    int number = 0;
    prctl(PR_SET_PDEATHSIG, SIGUSR2);
    prctl(PR_GET_PDEATHSIG, &number);
    say("%s", signal_name(number));
    TRY(prctl(PR_SET_PDEATHSIG, 999));
}

CASE(groups_and_sessions)
{
    say("leader %d", getsid(0) == getpid() && getpgrp() == getpid());
    TRY(setsid());
    TRY(setpgid(0, 0));
    pid_t pid = fork_or_die();
    if (pid == 0) {
        say("same group %d", getpgrp() == getppid());
        TRY(setpgid(0, 0));
        say("own group %d", getpgrp() == getpid());
        say("session %d", getsid(0) == getppid());
        say("back %ld", (long)setpgid(0, getppid()));
        TRY(setpgid(0, 54321));
        TRY(setpgid(1, 0));
        say("new session %d", setsid() == getpid());
        TRY(setpgid(getppid(), 0));
        TRY(getsid(99999));
        TRY(getpgid(99999));
        TRY(setpgid(-1, 0));
        _exit(0);
    }
    say_wait("child", pid);
}

CASE(setpgid_after_exec)
{
    int ready[2];
    (void)!pipe(ready);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        dup2(ready[1], STDOUT_FILENO);
        close(ready[0]), close(ready[1]);
        execl("/bin/sh", "sh", "-c", "echo; sleep 5", NULL);
        _exit(1);
    }
    char byte;
    (void)!read(ready[0], &byte, 1);
    TRY(setpgid(pid, 0));
    kill(pid, SIGKILL);
    say_wait("child", pid);
}

CASE(pid_values)
{
    say("positive %d, small %d", getpid() > 0, getpid() < 100000);
    say("thread id is pid %d", (pid_t)syscall(SYS_gettid) == getpid());
    pid_t pid = fork_or_die();
    if (pid == 0)
        _exit(getppid() > 0 ? 0 : 1);
    say("grows %d", pid > getpid());
    say_wait("child", pid);
}

static void *count_thread(void *counter)
{
    for (int i = 0; i < 1000; i++)
        __atomic_fetch_add((int *)counter, 1, __ATOMIC_SEQ_CST);
    return counter;
}

CASE(threads)
{
    pthread_t threads[20];
    int counter = 0, joined = 0;
    for (int i = 0; i < 20; i++)
        if (pthread_create(&threads[i], NULL, count_thread, &counter))
            say("no thread %d", i);
    for (int i = 0; i < 20; i++) {
        void *result;
        joined += pthread_join(threads[i], &result) == 0 && result == &counter;
    }
    say("counter %d joined %d", counter, joined);
}

static void *ids_thread(void *unused)
{
    say("pid same %d, tid other %d", getpid() == getpgrp(), (pid_t)syscall(SYS_gettid) != getpid());
    return unused;
}

CASE(thread_ids)
{
    pthread_t thread;
    pthread_create(&thread, NULL, ids_thread, NULL);
    pthread_join(thread, NULL);
}

static void *exit_thread(void *unused)
{
    (void)unused;
    exit(31);
}

CASE(exit_from_thread)
{
    IN_CHILD("exit of the whole process")
    {
        pthread_t thread;
        pthread_create(&thread, NULL, exit_thread, NULL);
        sleep_ms(10000);
    }
}

static void *late_thread(void *unused)
{
    (void)unused;
    sleep_ms(50);
    _exit(32);
}

CASE(leader_ends_first)
{
    IN_CHILD("leader gone")
    {
        pthread_t thread;
        pthread_create(&thread, NULL, late_thread, NULL);
        pthread_exit(NULL);
    }
}

static void *fork_thread(void *unused)
{
    IN_CHILD("fork in a thread")
    {
        say("one thread, leader %d", (pid_t)syscall(SYS_gettid) == getpid());
        _exit(3);
    }
    return unused;
}

CASE(fork_from_thread)
{
    pthread_t thread;
    pthread_create(&thread, NULL, fork_thread, NULL);
    pthread_join(thread, NULL);
}

static void *chdir_thread(void *unused)
{
    (void)!chdir("below");
    umask(077);
    return unused;
}

CASE(threads_share_directory)
{
    mkdir("below", 0755);
    pthread_t thread;
    pthread_create(&thread, NULL, chdir_thread, NULL);
    pthread_join(thread, NULL);
    char path[256];
    say("cwd [%s] umask %03o", getcwd(path, sizeof(path)), umask(0));
}

CASE(children_copy_directory)
{
    mkdir("below", 0755);
    IN_CHILD("child")
    {
        (void)!chdir("below");
        umask(077);
    }
    char path[256];
    say("cwd [%s] umask %03o", getcwd(path, sizeof(path)), umask(0));
    (void)!chdir("below");
    IN_CHILD("second")
    {
        say("child's cwd [%s]", getcwd(path, sizeof(path)));
    }
}

CASE(fork_then_parent_moves)
{
    /* The child has what its parent had at the fork, though it asks only after the parent has changed. */
    mkdir("below", 0755);
    int gate[2];
    (void)!pipe(gate);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        char byte, path[256];
        close(gate[1]);
        (void)!read(gate[0], &byte, 1);
        say("child: [%s] umask %03o uid %u", getcwd(path, sizeof(path)), umask(0), getuid());
        _exit(0);
    }
    close(gate[0]);
    (void)!chdir("below");
    umask(0123);
    (void)!setresuid(1000, 1000, 1000);
    (void)!write(gate[1], "x", 1);
    say_wait("child", pid);
    say("parent: umask %03o uid %u", umask(0), getuid());
}

CASE(orphan_keeps_directory)
{
    mkdir("below", 0755);
    int gate[2], answer[2];
    (void)!pipe(gate);
    (void)!pipe(answer);
    IN_CHILD("parent")
    {
        (void)!chdir("below");
        if (fork_or_die() == 0) {
            char byte, path[256];
            close(gate[1]);
            (void)!read(gate[0], &byte, 1);
            dprintf(answer[1], "%s", getcwd(path, sizeof(path)) ? path : error_name(errno));
            _exit(0);
        }
    }
    close(gate[1]), close(answer[1]);
    char text[256] = "";
    (void)!read(answer[0], text, sizeof(text) - 1);
    say("orphan in [%s]", text);
}

static int clone_child(void *shared)
{
    *(int *)shared = 77;
    return 23;
}

CASE(clone_flags)
{
    static char stack[65536] __attribute__((aligned(16)));
    int shared = 0, status;
    pid_t pid = clone(clone_child, stack + sizeof(stack), CLONE_VM | SIGCHLD, &shared);
    say("made %d", pid > 0);
    waitpid(pid, &status, 0);
    say_status("memory shared", status);
    say("value %d", shared);
    shared = 0;
    pid = clone(clone_child, stack + sizeof(stack), CLONE_FILES | SIGCHLD, &shared);
    waitpid(pid, &status, 0);
    say("memory copied %d", shared);
    signal(SIGUSR1, SIG_IGN);
    pid = clone(clone_child, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGUSR1, &shared);
    TRY(waitpid(pid, &status, WNOHANG));
    say("wait for a clone %d", waitpid(pid, &status, __WCLONE) == pid);
    TRY(syscall(SYS_clone, CLONE_THREAD | SIGCHLD, 0, 0, 0, 0));
    TRY(syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0));
}

static int clone_chdir(void *unused)
{
    (void)unused;
    umask(055);
    return chdir("below");
}

CASE(clone_shared_fs)
{
    static char stack[65536] __attribute__((aligned(16)));
    mkdir("below", 0755);
    int status;
    pid_t pid = clone(clone_chdir, stack + sizeof(stack), CLONE_VM | CLONE_FS | SIGCHLD, NULL);
    waitpid(pid, &status, 0);
    say_status("child", status);
    char path[256];
    say("cwd [%s] umask %03o", getcwd(path, sizeof(path)), umask(0));
}

static int count_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 1000; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static int execute_sharing(void *program)
{
    char *const arguments[] = {program, NULL};
    execve("/no/such/program", arguments, NULL);
    if (open("/dev/null", O_RDONLY) < 0) /* shared still */
        return 2;
    execve(program, arguments, NULL);
    return 3;
}

/* What a program is started from is not left to who shared descriptors. */
CASE(exec_with_shared_descriptors)
{
    static char stack[65536] __attribute__((aligned(16)));
    const int flags[] = {CLONE_FILES, CLONE_FILES | CLONE_VM, CLONE_FILES | CLONE_FS, CLONE_FILES | CLONE_VM | CLONE_VFORK, CLONE_VM | CLONE_VFORK};
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        int status, before = count_descriptors();
        pid_t pid = clone(execute_sharing, stack + sizeof(stack), flags[i] | SIGCHLD, "/bin/true");
        waitpid(pid, &status, 0);
        say_status("child", status);
        say("%zu: %d more", i, count_descriptors() - before);
    }
}

enum { RINGS_ENOUGH = 6000 /* for the sentry to follow all later calls, sentry/syscalls/aio.c */, EXECUTIONS = 40, EXECUTION_US = 3000 };

static void *make_rings(void *nothing)
{
    for (;;) {
        unsigned long ring = 0;
        if (syscall(SYS_io_setup, 1, &ring) == 0)
            syscall(SYS_io_destroy, ring);
    }
    return nothing;
}

static void *open_paths(void *nothing)
{
    for (;;)
        close(open("/", O_PATH));
    return nothing;
}

static void *execute_true(void *unused)
{
    usleep((useconds_t)(random() % EXECUTION_US));
    execl("/bin/true", "true", (char *)NULL);
    return unused;
}

/* The call of one thread is followed by the sentry while another executes a program: that one runs. */
CASE(exec_beside_followed_calls)
{
    unsigned long ring = 0;
    int failed = 0;
    TRY(syscall(SYS_io_setup, RINGS_ENOUGH, &ring));
    for (int i = 0; i < EXECUTIONS; i++) {
        pid_t pid = fork_or_die();
        if (pid == 0) {
            pthread_t other;
            srandom((unsigned int)i);
            pthread_create(&other, NULL, make_rings, NULL);
            pthread_create(&other, NULL, open_paths, NULL);
            if (i % 2 == 0)
                execute_true(NULL);
            pthread_create(&other, NULL, execute_true, NULL);
            make_rings(NULL);
        }
        int status = -1;
        waitpid(pid, &status, 0);
        failed += status != 0;
    }
    say("%d failed", failed);
}

enum { STOPS = 300, STOPS_US = 300 };

static volatile sig_atomic_t done;

static void be_done(int number)
{
    (void)number;
    done = 1;
}

/* A process is stopped and goes on in the middle of calls that are followed: none fails for it, and it goes on. */
CASE(stopped_in_followed_calls)
{
    unsigned long ring = 0, other;
    TRY(syscall(SYS_io_setup, RINGS_ENOUGH, &ring));
    signal(SIGUSR1, be_done);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        int failed = 0;
        pthread_t thread;
        for (int i = 0; i < 2; i++) /* that take part in the stop, and begin it perhaps */
            pthread_create(&thread, NULL, i == 0 ? make_rings : open_paths, NULL);
        while (!done) {
            other = 0;
            failed += syscall(SYS_io_setup, 1, &other) < 0 || syscall(SYS_io_destroy, other) < 0;
            failed += close(open("/", O_PATH)) < 0;
        }
        _exit(failed != 0);
    }
    for (int i = 0; i < STOPS; i++) {
        usleep(STOPS_US);
        kill(pid, SIGSTOP);
        usleep(STOPS_US);
        kill(pid, SIGCONT);
    }
    kill(pid, SIGUSR1);
    say_wait("child", pid);
}

CASE(clone_settid)
{
    static char stack[65536] __attribute__((aligned(16)));
    pid_t parent_tid = 0, child_tid = 0;
    int shared, status;
    pid_t pid = clone(clone_child, stack + sizeof(stack), CLONE_VM | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD,
        &shared, &parent_tid, NULL, &child_tid);
    waitpid(pid, &status, 0);
    say("parent %d child %d", parent_tid == pid, child_tid == pid);
}

CASE(pidfd)
{
    int gate[2];
    (void)!pipe(gate);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        char byte;
        close(gate[1]);
        (void)!read(gate[0], &byte, 1);
        _exit(6);
    }
    int fd = OK(syscall(SYS_pidfd_open, pid, 0));
    TRY(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
    TRY(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0));
    say_wait("child", pid);
    TRY(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0));
    TRY(syscall(SYS_pidfd_open, 99999, 0));
    TRY(syscall(SYS_pidfd_open, -1, 0));
    TRY(syscall(SYS_pidfd_open, getpid(), 0x1234));
}

/* killall(1) signals by the folder it found the process in. */
CASE(folder_as_pidfd)
{
    char path[64];
    pid_t pid = fork_or_die();
    if (pid == 0)
        for (;;)
            pause();
    snprintf(path, sizeof(path), "/proc/%d", pid);
    int folder = OK(open(path, O_RDONLY | O_DIRECTORY)), named = OK(open(path, O_PATH));
    snprintf(path, sizeof(path), "/proc/%d/task/%d", pid, pid);
    int thread = OK(open(path, O_RDONLY | O_DIRECTORY));
    TRY(syscall(SYS_pidfd_send_signal, folder, 0, NULL, 0));
    TRY(syscall(SYS_pidfd_send_signal, named, 0, NULL, 0));
    TRY(syscall(SYS_pidfd_send_signal, thread, 0, NULL, 0));
    TRY(syscall(SYS_pidfd_send_signal, open("/proc", O_RDONLY), 0, NULL, 0));
    TRY(syscall(SYS_pidfd_send_signal, open("/proc/self/fd", O_RDONLY), 0, NULL, 0));
    TRY(syscall(SYS_pidfd_send_signal, open("/", O_RDONLY), 0, NULL, 0));
    TRY(syscall(SYS_pidfd_send_signal, folder, 99, NULL, 0));
    IN_CHILD("a user")
    {
        become(1000, 1000);
        TRY(syscall(SYS_pidfd_send_signal, folder, SIGTERM, NULL, 0));
    }
    TRY(syscall(SYS_pidfd_send_signal, open("/proc/1", O_RDONLY), SIGKILL, NULL, 0));
    TRY(syscall(SYS_pidfd_send_signal, folder, SIGTERM, NULL, 0));
    say_wait("child", pid);
    TRY(syscall(SYS_pidfd_send_signal, folder, SIGTERM, NULL, 0));
}

CASE(prctl_names)
{
    char name[16];
    TRY(prctl(PR_SET_NAME, "a-name-far-too-long-for-it"));
    TRY(prctl(PR_GET_NAME, name));
    say("[%s]", name);
    say_file("/proc/self/comm");
}

CASE(prctl_values)
{
    say("dumpable %d", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
    TRY(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
    say("dumpable %d", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
    TRY(prctl(PR_SET_DUMPABLE, 2, 0, 0, 0));
    TRY(prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0));
    TRY(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
    TRY(prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0));
    TRY(prctl(PR_SET_KEEPCAPS, 7, 0, 0, 0));
    TRY(prctl(PR_SET_TIMERSLACK, 60000, 0, 0, 0));
    TRY(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0));
    TRY(prctl(PR_GET_TSC, 0, 0, 0, 0));
    TRY(prctl(98765, 0, 0, 0, 0));
}

CASE(priorities)
{
    TRY(getpriority(PRIO_PROCESS, 0));
    TRY(nice(5));
    TRY(getpriority(PRIO_PROCESS, 0));
    IN_CHILD("inherited")
    {
        TRY(getpriority(PRIO_PROCESS, 0));
    }
    TRY(getpriority(PRIO_PROCESS, 99999));
    TRY(getpriority(77, 0));
    TRY(setpriority(PRIO_PROCESS, 0, 10));
    IN_CHILD("a user raising itself")
    {
        become(1000, 1000);
        TRY(setpriority(PRIO_PROCESS, 0, 5));
    }
}

CASE(scheduling)
{
    struct sched_param param = {0};
    TRY(sched_getscheduler(0));
    TRY(sched_getparam(0, &param));
    say("priority %d", param.sched_priority);
    TRY(sched_setscheduler(0, SCHED_BATCH, &param));
    TRY(sched_getscheduler(0));
    TRY(sched_get_priority_max(SCHED_FIFO));
    TRY(sched_get_priority_min(SCHED_OTHER));
    TRY(sched_yield());
    cpu_set_t set;
    TRY(sched_getaffinity(0, sizeof(set), &set));
    say("processors %d", CPU_COUNT(&set) > 0);
    TRY(sched_setaffinity(0, sizeof(set), &set));
    TRY(sched_getscheduler(99999));
}

CASE(many_children)
{
    int sum = 0, status;
    for (int i = 0; i < 100; i++)
        if (fork_or_die() == 0)
            _exit(i);
    for (int i = 0; i < 100; i++)
        if (wait(&status) > 0 && WIFEXITED(status))
            sum += WEXITSTATUS(status);
    say("sum %d", sum);
    TRY(wait(&status));
}

CASE(ignored_children)
{
    signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < 5; i++)
        if (fork_or_die() == 0)
            _exit(i);
    int status;
    TRY(wait(&status));
}

CASE(sigchld_on_exit)
{
    sigset_t mask;
    siginfo_t info;
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    pid_t pid = fork_or_die();
    if (pid == 0)
        _exit(13);
    say("%s", signal_name(sigwaitinfo(&mask, &info)));
    say("code %d status %d pid %d", info.si_code == CLD_EXITED, info.si_status, info.si_pid == pid);
    say_wait("child", pid);
}
