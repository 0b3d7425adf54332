/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread of a root process gives up its ids, for itself alone, and tries to have them again in what it makes: threads and
 * children, seen at once or long after it has ended, made while others change, made slowly. None of these may be root.
 */
#include "attack.h"

#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum { USER = 1000, CROWD = 100, RACE_SECONDS = 3 };
#define SECRET "/tmp/roots-own"
#define PROGRAM "/tmp/set-id-program"

static void drop_to(uid_t uid)
{
    if (syscall(SYS_setresgid, uid, uid, uid) < 0 || syscall(SYS_setresuid, uid, uid, uid) < 0)
        complain("setresuid in a thread: %s", strerrorname_np(errno));
}

static uid_t own_uid(void)
{
    uid_t real = 9, effective = 9, saved = 9;
    (void)syscall(SYS_getresuid, &real, &effective, &saved);
    return real == effective && effective == saved ? real : (uid_t)-1;
}

static bool can_read_secret(void)
{
    int fd = open(SECRET, O_RDONLY);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* The exit code of a child that is to have these ids and no more. */
static void end_as(uid_t uid)
{
    bool fine = own_uid() == uid && can_read_secret() == (uid == 0);
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct caps[2];
    if (uid != 0 && (syscall(SYS_capget, &header, caps) < 0 || caps[0].permitted != 0 || caps[0].effective != 0))
        fine = false;
    _exit(fine ? 0 : 1);
}

static bool child_was_fine(pid_t pid)
{
    int status;
    return pid > 0 && waitpid(pid, &status, __WALL) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* fork(2) without what libc does around it. flags: 0, CLONE_VFORK, ... */
static pid_t fork_later(uid_t uid, unsigned int milliseconds)
{
    pid_t pid = (pid_t)syscall(SYS_fork);
    if (pid == 0) {
        usleep(milliseconds * 1000);
        end_as(uid);
    }
    return pid;
}

static void run_thread(void *(*body)(void *), void *data)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, body, data) != 0 || pthread_join(thread, NULL) != 0)
        complain("no thread");
}

/* --- what a thread makes --- */

static void *look(void *data)
{
    EXPECT(own_uid() == USER);
    EXPECT(!can_read_secret());
    EXPECT(syscall(SYS_setresuid, 0, 0, 0) == -1 && errno == EPERM);
    return data;
}

static void *drop_and_make_thread(void *data)
{
    drop_to(USER);
    run_thread(look, NULL);
    return data;
}

static void *drop_and_fork(void *ret_child)
{
    drop_to(USER);
    *(pid_t *)ret_child = fork_later(USER, 100);
    return NULL;
}

/* The child is a parent itself before anybody has seen it, and ends. */
static void *drop_and_fork_twice(void *data)
{
    int ends[2];
    char verdict = 0;
    drop_to(USER);
    (void)!pipe(ends);
    pid_t child = (pid_t)syscall(SYS_fork);
    if (child == 0) {
        if (syscall(SYS_fork) == 0) {
            usleep(100000);
            verdict = own_uid() == USER && !can_read_secret() ? 'y' : 'n';
            (void)!write(ends[1], &verdict, 1);
        }
        _exit(0);
    }
    (void)waitpid(child, NULL, __WALL);
    EXPECT(read(ends[0], &verdict, 1) == 1 && verdict == 'y');
    close(ends[0]);
    close(ends[1]);
    return data;
}

static int end_as_user(void *data)
{
    (void)data;
    end_as(USER);
    return 0;
}

static void *drop_and_share_memory(void *data)
{
    static char stack[65536];
    drop_to(USER);
    EXPECT(child_was_fine(clone(end_as_user, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL)));
    EXPECT(child_was_fine(clone(end_as_user, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, NULL)));
    EXPECT(child_was_fine(clone(end_as_user, stack + sizeof(stack), CLONE_FS | CLONE_FILES | SIGCHLD, NULL)));
    return data;
}

static void *drop_and_execute(void *data)
{
    drop_to(USER);
    execl("/proc/self/exe", "threads", "as", "1000", (char *)NULL);
    _exit(3);
    return data;
}

static void *no_new_privs_and_fork(void *data)
{
    EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    drop_to(USER);
    pid_t child = (pid_t)syscall(SYS_fork);
    if (child == 0) {
        usleep(50000);
        execl(PROGRAM, PROGRAM, "as", "1000", (char *)NULL);
        _exit(3);
    }
    *(pid_t *)data = child;
    return NULL;
}

static void check_what_is_made(void)
{
    pid_t child = -1;
    run_thread(drop_and_make_thread, NULL);
    run_thread(drop_and_fork, &child);
    EXPECT(child_was_fine(child));
    run_thread(drop_and_fork_twice, NULL);
    run_thread(drop_and_share_memory, NULL);
    run_thread(no_new_privs_and_fork, &child);
    EXPECT(child_was_fine(child));
    EXPECT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0);
    EXPECT(own_uid() == 0 && can_read_secret());
    EXPECT(child_was_fine(fork_later(0, 0)));
    child = fork();
    if (child == 0)
        run_thread(drop_and_execute, NULL);
    EXPECT(child_was_fine(child));
}

/* --- many, each another --- */

static void *one_of_a_crowd(void *data)
{
    uid_t uid = (uid_t)(uintptr_t)data;
    drop_to(uid);
    return (void *)(intptr_t)fork_later(uid, 300);
}

static void check_crowd(void)
{
    pthread_t threads[CROWD];
    void *children[CROWD];
    for (int i = 0; i < CROWD; i++)
        if (pthread_create(&threads[i], NULL, one_of_a_crowd, (void *)(uintptr_t)(2000 + i)) != 0)
            complain("no thread %d", i);
    for (int i = 0; i < CROWD; i++)
        (void)pthread_join(threads[i], &children[i]);
    int wrong = 0;
    for (int i = 0; i < CROWD; i++)
        wrong += !child_was_fine((pid_t)(intptr_t)children[i]);
    if (wrong > 0)
        complain("%d children of %d threads", wrong, CROWD);
}

/* --- at the same time --- */

static volatile bool stop;

static void *fork_for_ever(void *data)
{
    uid_t uid = (uid_t)(uintptr_t)data;
    intptr_t wrong = 0;
    if (uid != 0)
        drop_to(uid);
    while (!stop)
        wrong += !child_was_fine(fork_later(uid, 0));
    return (void *)wrong;
}

static void *check_uid_of_new(void *data)
{
    return (void *)(intptr_t)(own_uid() == (uid_t)(uintptr_t)data);
}

static void *make_threads_for_ever(void *data)
{
    intptr_t wrong = 0;
    drop_to((uid_t)(uintptr_t)data);
    while (!stop) {
        pthread_t thread;
        void *fine = NULL;
        if (pthread_create(&thread, NULL, check_uid_of_new, data) == 0 && pthread_join(thread, &fine) == 0)
            wrong += fine == NULL;
    }
    return (void *)wrong;
}

/* To and fro between two users, with root's right to. */
static void *change_for_ever(void *data)
{
    while (!stop) {
        (void)syscall(SYS_setresuid, -1, 3000, -1);
        EXPECT(syscall(SYS_geteuid) == 3000);
        (void)syscall(SYS_setresuid, -1, 0, -1);
        EXPECT(syscall(SYS_geteuid) == 0);
    }
    return data;
}

static void check_race(void)
{
    static void *(*const bodies[])(void *) = {fork_for_ever, fork_for_ever, make_threads_for_ever, change_for_ever};
    static const uid_t uids[] = {0, 1001, 1002, 0};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        (void)pthread_create(&threads[i], NULL, bodies[i], (void *)(uintptr_t)uids[i]);
    usleep((useconds_t)(share_of(RACE_SECONDS) * 1e6));
    stop = true;
    for (int i = 0; i < 4; i++) {
        void *wrong = NULL;
        (void)pthread_join(threads[i], &wrong);
        if (wrong != NULL && i < 3)
            complain("%ld times with ids that are not the maker's, which are %u", (long)(intptr_t)wrong, uids[i]);
    }
}

/* --- slowly: the kernel has begun to make the child when others change --- */

static int *slow_page(void)
{
    enum { SIZE = 1 << 20 };
    static const char block[65536] = {1};
    int fd = open("/tmp/page", O_RDWR | O_CREAT, 0600);
    for (int i = 0; i < SIZE / (int)sizeof(block); i++)
        (void)!write(fd, block, sizeof(block));
    (void)fsync(fd);
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)madvise(memory, SIZE, MADV_RANDOM);
    close(fd);
    return (int *)(void *)(memory + SIZE / 2);
}

static volatile int ready, go;

static void *drop_and_fork_slowly(void *data)
{
    uid_t uid = (uid_t)(uintptr_t)data;
    int *page = slow_page();
    if (uid != 0)
        drop_to(uid);
    ready = 1;
    while (!go)
        ;
    pid_t child = (pid_t)syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, page, NULL, NULL);
    if (child == 0)
        end_as(uid);
    return (void *)(intptr_t)child_was_fine(child);
}

static void fork_slowly(int round, uid_t uid, uid_t others)
{
    pthread_t thread;
    void *fine = NULL;
    (void)pthread_create(&thread, NULL, drop_and_fork_slowly, (void *)(uintptr_t)uid);
    while (!ready)
        ;
    go = 1;
    for (volatile int i = round * 700; i > 0; i--)
        ;
    drop_to(others);
    (void)pthread_join(thread, &fine);
    _exit(fine != NULL && own_uid() == others ? 0 : 1);
}

/* others: what the first thread becomes meanwhile; with the same ids, all are one again at that moment. */
static void check_slow_forks(uid_t uid, uid_t others)
{
    int wrong = 0;
    for (int round = 0; round < 60; round++) {
        pid_t pid = fork();
        if (pid == 0)
            fork_slowly(round, uid, others);
        wrong += !child_was_fine(pid);
    }
    if (wrong > 0)
        complain("%d of 60 slow forks by %u while another thread becomes %u", wrong, uid, others);
}

/* --- the mark --- */

static void *look_from_forged(void *data)
{
    EXPECT(own_uid() == USER);
    return data;
}

/* Threads that carry marks all the time: one that is root still, and another user's. */
static void *keep_root(void *data)
{
    (void)syscall(SYS_setresuid, -1, 3000, -1);
    (void)syscall(SYS_setresuid, -1, 0, -1);
    while (!stop)
        usleep(1000);
    return data;
}

static void *keep_other_user(void *data)
{
    drop_to(USER + 1);
    while (!stop)
        usleep(1000);
    return data;
}

static void *forge(void *data)
{
    drop_to(USER);
    for (unsigned long slack = 1; slack < 4200; slack += slack < 64 ? 1 : 37) {
        (void)prctl(PR_SET_TIMERSLACK, slack, 0, 0, 0);
        EXPECT(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0) == (int)slack);
        run_thread(look_from_forged, NULL);
        EXPECT(child_was_fine(fork_later(USER, 0)));
        int fd = open("/proc/thread-self/timerslack_ns", O_WRONLY), other = open("/proc/self/timerslack_ns", O_WRONLY);
        if (fd >= 0 && dprintf(fd, "%lu", slack + 1) > 0)
            run_thread(look_from_forged, NULL);
        if (other >= 0 && dprintf(other, "%lu", slack + 1) > 0)
            run_thread(look_from_forged, NULL);
        close(fd);
        close(other);
    }
    (void)prctl(PR_SET_TIMERSLACK, 0, 0, 0, 0);
    run_thread(look_from_forged, NULL);
    return data;
}

/* Out of a realtime policy and back the kernel forgets a thread's slack. */
static void *be_realtime(void *data)
{
    const struct sched_param first = {.sched_priority = 1}, none = {0};
    drop_to(USER);
    for (int i = 0; i < 10; i++) {
        (void)sched_setscheduler(0, SCHED_FIFO, &first);
        EXPECT(child_was_fine(fork_later(USER, 0)));
        (void)sched_setscheduler(0, SCHED_OTHER, &none);
        run_thread(look_from_forged, NULL);
        EXPECT(child_was_fine(fork_later(USER, 0)));
    }
    return data;
}

static void check_forgery(void)
{
    pthread_t root, other;
    stop = false;
    (void)pthread_create(&root, NULL, keep_root, NULL);
    (void)pthread_create(&other, NULL, keep_other_user, NULL);
    usleep(10000);
    run_thread(forge, NULL);
    run_thread(be_realtime, NULL);
    stop = true;
    (void)pthread_join(root, NULL);
    (void)pthread_join(other, NULL);
}

/* --- the frame --- */

static void in_child(void (*body)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        body();
        _exit(complaints == 0 ? 0 : 1);
    }
    int status = wait_within(pid, 60);
    if (status != 0)
        complain("status %#x", (unsigned int)status);
}

static void make_files(const char *self)
{
    char buffer[65536];
    int in = open(self, O_RDONLY), out = open(PROGRAM, O_WRONLY | O_CREAT | O_TRUNC, 0700);
    for (ssize_t got; (got = read(in, buffer, sizeof(buffer))) > 0;)
        EXPECT(write(out, buffer, (size_t)got) == got);
    EXPECT(fchmod(out, 04755) == 0);
    close(in);
    close(out);
    close(open(SECRET, O_CREAT | O_WRONLY, 0600));
    (void)chmod("/tmp", 01777);
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "as") == 0)
        end_as((uid_t)atoi(argv[2]));
    make_files(argv[0]);
    in_child(check_what_is_made);
    in_child(check_crowd);
    in_child(check_race);
    check_slow_forks(0, USER);
    check_slow_forks(USER, USER + 1);
    check_slow_forks(USER, USER);
    in_child(check_forgery);
    check_alive("threads");
    return finish();
}
