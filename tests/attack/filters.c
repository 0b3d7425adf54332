/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A user puts a seccomp filter under a set-user-id program, so that its system calls lie to it, by every way to a filter there
 * is: with and without no_new_privs, by a thread, by a child with the same memory, from a program in a memory file, while another
 * thread executes or forks. Whatever comes of an exec: no program that has root's rights runs under a filter of the user's.
 */
#include "attack.h"

#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum { USER = 1000, CLEAN_ROOT = 40, CLEAN_USER, FILTERED_USER, FILTERED_ROOT, NO_EXEC = 50, LIE = 77 };
#define PROGRAM "/tmp/set-id-program"
#define SCRIPT "/tmp/script"

/* The filter's lie, by which a program knows that it is under it. */
static bool is_filtered(void)
{
    errno = 0;
    return syscall(SYS_sched_rr_get_interval, 0, NULL) < 0 && errno == LIE;
}

static int program(void)
{
    if (geteuid() == 0)
        return is_filtered() ? FILTERED_ROOT : CLEAN_ROOT;
    return is_filtered() ? FILTERED_USER : CLEAN_USER;
}

static struct sock_filter code[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_rr_get_interval, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | LIE),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};
static struct sock_fprog filter = {4, code};

static int load(unsigned int flags)
{
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
}

static int give_up_and_load(unsigned int flags)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -1 : load(flags);
}

static void execute(const char *path)
{
    execl(path, path, "program", (char *)NULL);
    _exit(NO_EXEC);
}

static void *executing(void *path)
{
    execute(path);
    return NULL;
}

static void *filtering(void *flags)
{
    (void)give_up_and_load((unsigned int)(uintptr_t)flags);
    return NULL;
}

static void run_thread(void *(*body)(void *), void *data)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, body, data) != 0 || pthread_join(thread, NULL) != 0)
        _exit(NO_EXEC);
}

/* --- the ways --- */

static void without_privilege(void)
{
    EXPECT(load(0) == -1 && errno == EACCES);
    EXPECT(load(SECCOMP_FILTER_FLAG_TSYNC) == -1 && errno == EACCES);
    EXPECT(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == -1 && errno == EACCES);
    EXPECT(load(SECCOMP_FILTER_FLAG_NEW_LISTENER) == -1 && errno == EACCES);
    EXPECT(!is_filtered());
    execute(PROGRAM);
}

static void plainly(void)
{
    EXPECT(give_up_and_load(0) == 0 && is_filtered());
    execute(PROGRAM);
}

static void by_a_script(void)
{
    EXPECT(give_up_and_load(0) == 0);
    execute(SCRIPT);
}

static void by_another_thread_for_all(void)
{
    run_thread(filtering, (void *)SECCOMP_FILTER_FLAG_TSYNC);
    EXPECT(is_filtered());
    EXPECT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    execute(PROGRAM);
}

static void by_another_thread_for_all_then_a_thread(void)
{
    run_thread(filtering, (void *)SECCOMP_FILTER_FLAG_TSYNC);
    run_thread(executing, PROGRAM);
}

static void by_another_thread_for_itself(void)
{
    run_thread(filtering, NULL);
    EXPECT(!is_filtered());
    execute(PROGRAM);
}

static void *fork_filtered(void *ret_child)
{
    (void)give_up_and_load(0);
    pid_t pid = (pid_t)syscall(SYS_fork);
    if (pid == 0) {
        usleep(100000);
        execute(PROGRAM);
    }
    *(pid_t *)ret_child = pid;
    return NULL;
}

static void by_a_thread_that_forks_and_ends(void)
{
    pid_t child = -1;
    int status;
    run_thread(fork_filtered, &child);
    if (waitpid(child, &status, __WALL) != child || !WIFEXITED(status))
        _exit(NO_EXEC);
    _exit(WEXITSTATUS(status));
}

static int filter_in_same_memory(void *data)
{
    (void)give_up_and_load((unsigned int)(uintptr_t)data);
    execute(PROGRAM);
    return 0;
}

static void by_a_child_with_the_same_memory(void)
{
    static char stack[65536];
    int status;
    pid_t child = clone(filter_in_same_memory, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL);
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
        _exit(NO_EXEC);
    EXPECT(!is_filtered());
    _exit(WEXITSTATUS(status));
}

static void by_the_parent_of_a_vfork(void)
{
    EXPECT(give_up_and_load(0) == 0);
    pid_t child = vfork();
    if (child == 0)
        execute(PROGRAM);
    int status;
    (void)waitpid(child, &status, 0);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : NO_EXEC);
}

/* Executes this program from a memory file; what it does there is `from_memory`. */
static void by_a_program_without_a_name(void)
{
    char buffer[65536];
    int in = open("/proc/self/exe", O_RDONLY), file = memfd_create("x", MFD_CLOEXEC);
    for (ssize_t got; (got = read(in, buffer, sizeof(buffer))) > 0;)
        EXPECT(write(file, buffer, (size_t)got) == got);
    char *arguments[] = {"x", "from-memory", NULL}, *environment[] = {NULL};
    (void)syscall(SYS_execveat, file, "", arguments, environment, AT_EMPTY_PATH);
    _exit(NO_EXEC);
}

static void from_memory(void)
{
    (void)load(0);
    (void)prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
    execute(PROGRAM);
}

/* --- races --- */

static volatile bool go;

static void *filter_soon(void *data)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        _exit(NO_EXEC);
    while (!go)
        ;
    for (volatile long i = 0; i < (long)(uintptr_t)data; i++)
        ;
    (void)load(SECCOMP_FILTER_FLAG_TSYNC);
    return NULL;
}

/* One thread executes while another puts the filter on all. */
static void race_exec(int round)
{
    pthread_t thread;
    (void)round;
    (void)pthread_create(&thread, NULL, filter_soon, (void *)(uintptr_t)(rand() % 30000));
    usleep(1000);
    go = true;
    for (volatile int i = rand() % 60000; i > 0; i--)
        ;
    execute(PROGRAM);
}

/* A page that is long in coming: it must be read from the disk first. */
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
    return (int *)(void *)(memory + SIZE / 2);
}

/* The kernel has copied the process's limits, and our mark among them, before it looks for filters. Between the two it writes the
 * number of a pidfd where the caller says. */
static void race_fork(int round)
{
    pthread_t thread;
    int *page = slow_page();
    (void)pthread_create(&thread, NULL, filter_soon, (void *)(uintptr_t)(round * 1000 + 1));
    usleep(1000);
    go = true;
    pid_t child = (pid_t)syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, page, NULL, NULL);
    if (child == 0)
        execute(PROGRAM);
    int status;
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
        _exit(NO_EXEC);
    _exit(WEXITSTATUS(status));
}

/* --- the frame --- */

static void become_user(void)
{
    if (setgroups(0, NULL) || setgid(USER) || setuid(USER))
        _exit(NO_EXEC);
}

static int outcome(pid_t pid)
{
    int status = wait_within(pid, 20);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const struct {
    const char *what;
    void (*way)(void);
    int expected; /* 0: anything but a root under the filter */
} ways[] = {
    {"without a right to", without_privilege, CLEAN_ROOT},
    {"plainly", plainly, FILTERED_USER},
    {"by a script", by_a_script, FILTERED_USER},
    {"by another thread, for all", by_another_thread_for_all, FILTERED_USER},
    {"by another thread, for all; a third executes", by_another_thread_for_all_then_a_thread, FILTERED_USER},
    {"by another thread, for itself", by_another_thread_for_itself, 0},
    {"by a thread that forks and ends", by_a_thread_that_forks_and_ends, FILTERED_USER},
    {"by a child with the same memory", by_a_child_with_the_same_memory, FILTERED_USER},
    {"by the parent of a vfork", by_the_parent_of_a_vfork, FILTERED_USER},
    {"from a memory file", by_a_program_without_a_name, CLEAN_ROOT},
};

static void try_ways(void)
{
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        pid_t pid = fork();
        if (pid == 0) {
            become_user();
            ways[i].way();
            _exit(NO_EXEC);
        }
        int got = outcome(pid);
        if (got == FILTERED_ROOT || got == NO_EXEC || got < 0 || (ways[i].expected != 0 && got != ways[i].expected))
            complain("%s: %d", ways[i].what, got);
    }
}

static void try_race(const char *what, void (*race)(int), int rounds)
{
    int seen[FILTERED_ROOT + 1] = {0};
    for (int round = 0; round < rounds; round++) {
        pid_t pid = fork();
        if (pid == 0) {
            srand((unsigned int)round);
            become_user();
            race(round);
        }
        int got = outcome(pid);
        if (got >= CLEAN_ROOT && got <= FILTERED_ROOT)
            seen[got]++;
    }
    printf("%s: %d root, %d user, %d filtered\n", what, seen[CLEAN_ROOT], seen[CLEAN_USER], seen[FILTERED_USER]);
    if (seen[FILTERED_ROOT] != 0)
        complain("%s: %d times of %d", what, seen[FILTERED_ROOT], rounds);
}

static void make_programs(const char *self)
{
    char buffer[65536];
    int in = open(self, O_RDONLY), out = open(PROGRAM, O_WRONLY | O_CREAT | O_TRUNC, 0700);
    for (ssize_t got; (got = read(in, buffer, sizeof(buffer))) > 0;)
        EXPECT(write(out, buffer, (size_t)got) == got);
    EXPECT(fchmod(out, 04755) == 0);
    close(in);
    close(out);
    out = open(SCRIPT, O_WRONLY | O_CREAT | O_TRUNC, 0700);
    EXPECT(dprintf(out, "#!%s program\n", PROGRAM) > 0 && fchmod(out, 0755) == 0);
    close(out);
}

/* Root may: who has CAP_SYS_ADMIN says what a set-id program runs under, in Linux too. The harness gives no such right, so his is
 * what a user's is. */
static void root_is_told_the_same(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(load(0) == -1 && errno == EACCES && !is_filtered() ? 0 : 1);
    EXPECT(outcome(pid) == 0);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "from-memory") == 0)
        from_memory();
    if (argc > 1)
        return program();
    make_programs(argv[0]);
    root_is_told_the_same();
    try_ways();
    try_race("exec against a filter for all", race_exec, 150);
    (void)chmod("/tmp", 01777);
    try_race("fork against a filter for all", race_fork, 150);
    check_alive("filters");
    return finish();
}
