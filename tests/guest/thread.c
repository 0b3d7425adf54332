/* SPDX-License-Identifier: Apache-2.0 */
/* What each thread has of its own, and what the threads and children it makes have of it: ids, no_new_privs, seccomp filters, timer slack. */
#include "case.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

static void *call_body(void *body)
{
    ((void (*)(void))body)();
    return NULL;
}

/* In a thread, whose end is waited for. */
static void in_thread(void (*body)(void))
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, call_body, (void *)body) != 0 || pthread_join(thread, NULL) != 0)
        say("no thread");
}

/* --- ids --- */

static void drop(uid_t uid)
{
    (void)syscall(SYS_setresgid, uid, uid, uid);
    (void)syscall(SYS_setresuid, uid, uid, uid);
}

static void say_ids(const char *who)
{
    uid_t r, e, s;
    gid_t rg, eg, sg;
    (void)syscall(SYS_getresuid, &r, &e, &s);
    (void)syscall(SYS_getresgid, &rg, &eg, &sg);
    int fd = open("roots", O_RDONLY);
    say("%s: %u %u %u, %u %u %u, nnp %d, %s", who, r, e, s, rg, eg, sg, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
        fd >= 0 ? "reads root's file" : "does not");
    if (fd >= 0)
        close(fd);
}

static void say_new_thread(void)
{
    say_ids("a thread of it");
}

static void say_children(const char *whose)
{
    say("%s:", whose);
    in_thread(say_new_thread);
    pid_t pid = (pid_t)syscall(SYS_fork);
    if (pid == 0) {
        say_ids("a child");
        in_thread(say_new_thread);
        pid = (pid_t)syscall(SYS_fork);
        if (pid == 0)
            say_ids("a grandchild");
        (void)waitpid(pid, NULL, __WALL);
        _exit(0);
    }
    (void)waitpid(pid, NULL, __WALL);
}

/* A child that says something when it is told to, by when the thread that made it has ended. */
static pid_t left_child;
static int left_child_waits[2];

static void leave_child(void (*saying)(const char *who), const char *who)
{
    char byte;
    (void)!pipe(left_child_waits);
    left_child = (pid_t)syscall(SYS_fork);
    if (left_child == 0) {
        (void)!read(left_child_waits[0], &byte, 1);
        saying(who);
        _exit(0);
    }
}

static void hear_left_child(void)
{
    (void)!write(left_child_waits[1], "x", 1);
    (void)waitpid(left_child, NULL, __WALL);
    close(left_child_waits[0]);
    close(left_child_waits[1]);
}

static void dropping(void)
{
    drop(1000);
    say_ids("the thread");
    say_children("the thread's");
    leave_child(say_ids, "a child of a thread that has ended");
}

CASE(ids_of_one_thread)
{
    put_file("roots", "", 0600);
    in_thread(dropping);
    say_ids("the first thread");
    hear_left_child();
    say_children("the first thread's");
    in_thread(dropping);
    hear_left_child();
    TRY(setuid(2000)); /* libc's: all threads */
    say_children("after setuid");
}

static pthread_barrier_t barrier;

static void *wait_and_say(void *name)
{
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    say_ids(name);
    say_children(name);
    pthread_barrier_wait(&barrier);
    return NULL;
}

CASE(all_threads_at_once)
{
    pthread_t thread;
    put_file("roots", "", 0600);
    pthread_barrier_init(&barrier, NULL, 2);
    (void)pthread_create(&thread, NULL, wait_and_say, "the other thread");
    pthread_barrier_wait(&barrier);
    TRY(setresuid(1000, 1000, 0));
    say_children("after setresuid");
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    (void)pthread_join(thread, NULL);
    TRY(syscall(SYS_setresuid, -1, 0, -1));
    say_children("alone");
    in_thread(dropping);
    hear_left_child();
    say_children("and after a thread of its own ids");
}

static void to_and_fro(void)
{
    TRY(syscall(SYS_setresuid, -1, 1000, -1));
    say_children("as 1000");
    TRY(syscall(SYS_setresuid, -1, 0, -1));
    say_children("as 0");
    TRY(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    say_children("without new privileges");
}

CASE(to_and_fro)
{
    put_file("roots", "", 0600);
    in_thread(to_and_fro);
    say_ids("the first thread");
}

static void execute_ids(void)
{
    drop(1000);
    pid_t pid = (pid_t)syscall(SYS_fork); /* the child executes too */
    (void)waitpid(pid, NULL, __WALL);
    execl("/proc/self/exe", "thread", "helper", "ids", (char *)NULL);
    say("%s", error_name(errno));
}

HELPER(ids)
{
    (void)argc;
    (void)argv;
    say_ids("executed");
    say_children("executed");
    return 0;
}

CASE(exec_by_a_thread)
{
    put_file("roots", "", 0600);
    IN_CHILD("it")
    {
        in_thread(execute_ids);
    }
}

/* --- filters --- */

static struct sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
static struct sock_fprog program = {1, allow};

static void say_seccomp(const char *who)
{
    char line[256], mode[32] = "none", count[32] = "none";
    FILE *file = fopen("/proc/thread-self/status", "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "Seccomp: %31s", mode) != 1)
            (void)sscanf(line, "Seccomp_filters: %31s", count);
    if (file != NULL)
        fclose(file);
    say("%s: %d, Seccomp %s, Seccomp_filters %s, nnp %d", who, prctl(PR_GET_SECCOMP, 0, 0, 0, 0), mode, count,
        prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
}

static void say_seccomp_of_thread(void)
{
    say_seccomp("a thread");
}

static void filtering(void)
{
    say_seccomp("the thread, before");
    TRY(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
    TRY(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    TRY(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
    say_seccomp("the thread, with one");
    TRY(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL));
    TRY(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, 1));
    TRY(prctl(PR_SET_SECCOMP, 7, &program));
    say_seccomp("the thread, after some that failed");
    in_thread(say_seccomp_of_thread);
    TRY(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
    say_seccomp("the thread, with two");
    IN_CHILD("child")
    {
        say_seccomp("a child");
        execl("/proc/self/exe", "thread", "helper", "seccomp", (char *)NULL);
    }
}

HELPER(seccomp)
{
    (void)argc;
    (void)argv;
    say_seccomp("executed");
    in_thread(say_seccomp_of_thread);
    return 0;
}

CASE(filters_of_one_thread)
{
    become(1000, 1000);
    say_seccomp("at first");
    in_thread(filtering);
    say_seccomp("the first thread");
    IN_CHILD("child")
    {
        say_seccomp("a child");
    }
}

static void filtering_all(void)
{
    TRY(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    TRY(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program));
    say_seccomp("the thread");
}

CASE(filters_for_all_threads)
{
    become(1000, 1000);
    in_thread(filtering_all);
    say_seccomp("the first thread");
    in_thread(say_seccomp_of_thread);
    IN_CHILD("child")
    {
        say_seccomp("a child");
    }
}

CASE(how_filters_are_refused)
{
    static struct sock_fprog empty = {0, allow}, large = {4097, allow}, nowhere = {1, NULL};
    for (int privileged = 0; privileged < 2; privileged++)
        IN_CHILD("child")
        {
            become(1000, 1000);
            if (privileged)
                TRY(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
            for (unsigned long flags = 0; flags < 256; flags++) {
                long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, NULL);
                if (result != -1 || errno != EFAULT)
                    say("flags %#lx = %s", flags, error_name(errno));
            }
            TRY(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 123, 0));
            TRY(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0x80000000, &program));
            TRY(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &empty));
            TRY(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &large));
            TRY(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &nowhere));
            TRY(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL));
            TRY(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, &program));
            TRY(syscall(SYS_seccomp, 17, 0, NULL));
            TRY(prctl(PR_SET_SECCOMP, 0, 0));
            TRY(prctl(PR_SET_SECCOMP, 3, 0));
            TRY(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL));
            TRY(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &empty));
            TRY(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &nowhere));
            uint32_t action = SECCOMP_RET_ALLOW;
            TRY(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
            TRY(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 1, &action));
            TRY(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, NULL));
            say_seccomp("afterwards");
        }
}

/* --- timer slack --- */

static void say_slack(const char *who)
{
    char text[64] = "";
    int fd = open("/proc/self/timerslack_ns", O_RDONLY);
    if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
        snprintf(text, sizeof(text), "%s\n", error_name(errno));
    if (fd >= 0)
        close(fd);
    say("%s: %d, the process's %.*s", who, prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0), (int)strcspn(text, "\n"), text);
}

static void say_slack_of_thread(void)
{
    say_slack("a thread");
    TRY(prctl(PR_SET_TIMERSLACK, 77, 0, 0, 0));
    say_slack("a thread, with its own");
    TRY(prctl(PR_SET_TIMERSLACK, 0, 0, 0, 0));
    say_slack("a thread, with what it was made with");
}

CASE(timer_slack)
{
    static const unsigned long values[] = {50000, 1, 848, 4095, 4096, 4097, 49999, 50001, 123456789, INT32_MAX};
    say_slack("at first");
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        TRY(prctl(PR_SET_TIMERSLACK, values[i], 0, 0, 0));
        say_slack("set");
        in_thread(say_slack_of_thread);
        say_slack("afterwards");
        IN_CHILD("child")
        {
            say_slack("a child");
            TRY(prctl(PR_SET_TIMERSLACK, 1234, 0, 0, 0));
            TRY(prctl(PR_SET_TIMERSLACK, 0, 0, 0, 0));
            say_slack("a child, with what it was made with");
            execl("/proc/self/exe", "thread", "helper", "slack", (char *)NULL);
        }
    }
    TRY(prctl(PR_SET_TIMERSLACK, 0, 0, 0, 0));
    say_slack("as at first");
}

HELPER(slack)
{
    (void)argc;
    (void)argv;
    say_slack("executed");
    in_thread(say_slack_of_thread);
    return 0;
}

static void dropping_with_slack(void)
{
    TRY(prctl(PR_SET_TIMERSLACK, 31, 0, 0, 0));
    drop(1000);
    say_slack("the thread");
    in_thread(say_slack_of_thread);
    IN_CHILD("child")
    {
        say_slack("a child");
        say_ids("a child");
    }
    TRY(prctl(PR_SET_TIMERSLACK, 33, 0, 0, 0));
    say_ids("the thread");
    say_slack("the thread");
}

CASE(timer_slack_and_ids)
{
    put_file("roots", "", 0600);
    in_thread(dropping_with_slack);
    say_slack("the first thread");
    say_ids("the first thread");
}

/* --- folders and umask --- */

static void say_where(const char *who)
{
    char folder[256] = "", root[256] = "", link[256] = "", line[256], shown[32] = "none";
    if (getcwd(folder, sizeof(folder)) == NULL)
        snprintf(folder, sizeof(folder), "%s", error_name(errno));
    ssize_t length = readlink("/proc/thread-self/cwd", link, sizeof(link) - 1);
    link[length < 0 ? 0 : length] = '\0';
    length = readlink("/proc/thread-self/root", root, sizeof(root) - 1);
    root[length < 0 ? 0 : length] = '\0';
    FILE *file = fopen("/proc/thread-self/status", "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        (void)sscanf(line, "Umask: %31s", shown);
    if (file != NULL)
        fclose(file);
    mode_t mask = umask(0777);
    (void)umask(mask);
    const char *end = strrchr(folder, '/'), *link_end = strrchr(link, '/');
    say("%s: %s, shown as %s, root %s, umask %03o, shown as %s", who, end != NULL && end[1] != '\0' ? end : folder,
        link_end != NULL && link_end[1] != '\0' ? link_end : link, root, (unsigned int)mask, shown);
}

static void say_where_of_thread(void)
{
    say_where("a thread");
}

static void move_in_thread(void)
{
    TRY(chdir("/usr/bin"));
    (void)umask(011);
    say_where("a thread that moves");
}

static void say_where_of_made(const char *whose)
{
    say("%s:", whose);
    in_thread(say_where_of_thread);
    IN_CHILD("child")
    {
        say_where("a child");
        IN_CHILD("grandchild")
        {
            say_where("a grandchild");
        }
        TRY(chdir("/sys"));
        in_thread(say_where_of_thread);
        say_where("a child that moves");
    }
}

static void going_its_way(void)
{
    TRY(unshare(CLONE_FS));
    say_where("the thread");
    TRY(chdir("/etc"));
    (void)umask(077);
    say_where("the thread, elsewhere");
    TRY(mkdir("made-there", 0777));
    say_stat("/etc/made-there");
    TRY(rmdir("made-there"));
    say_where_of_made("the thread's");
    in_thread(move_in_thread);
    say_where("the thread, after one of its own has moved");
    leave_child(say_where, "a child of a thread that has moved on and ended");
    TRY(chdir("/"));
    TRY(chroot("/usr"));
    say_where("the thread, in its own root");
    say_where_of_made("the thread's");
}

CASE(folder_of_one_thread)
{
    TRY(chdir("/tmp"));
    (void)umask(022);
    in_thread(going_its_way);
    hear_left_child();
    say_where("the first thread");
    say_where_of_made("the first thread's");
    in_thread(move_in_thread);
    say_where("the first thread, after another has moved");
    TRY(unshare(CLONE_FS));
    TRY(chdir("/tmp"));
    say_where("alone");
}

static void two_ways(void)
{
    TRY(unshare(CLONE_FS));
    TRY(chdir("/etc"));
    drop(1000);
    say_where("the thread");
    say_ids("the thread");
    TRY(open("passwd", O_WRONLY));
    IN_CHILD("child")
    {
        say_where("a child");
        say_ids("a child");
    }
    TRY(prctl(PR_SET_TIMERSLACK, 99, 0, 0, 0));
    say_where("the thread");
}

CASE(folder_and_ids)
{
    TRY(chdir("/tmp"));
    in_thread(two_ways);
    say_where("the first thread");
    TRY(setuid(1000));
    in_thread(two_ways);
    say_where("the first thread");
    say_ids("the first thread");
}

static void execute_there(void)
{
    TRY(unshare(CLONE_FS));
    TRY(chdir("/etc"));
    (void)umask(070);
    execl("/proc/self/exe", "thread", "helper", "where", (char *)NULL);
}

HELPER(where)
{
    (void)argc;
    (void)argv;
    say_where("executed");
    in_thread(move_in_thread);
    say_where("executed");
    return 0;
}

CASE(folder_and_exec)
{
    TRY(chdir("/tmp"));
    IN_CHILD("child")
    {
        in_thread(execute_there);
    }
}

static pthread_barrier_t all_there;

static void *one_of_many(void *number)
{
    char name[32], seen[256] = "";
    snprintf(name, sizeof(name), "d%ld", (long)(intptr_t)number);
    (void)mkdir(name, 0755);
    long wrong = unshare(CLONE_FS) != 0 || chdir(name) != 0;
    pthread_barrier_wait(&all_there);
    for (int i = 0; i < 5; i++) {
        wrong += getcwd(seen, sizeof(seen)) == NULL || strcmp(strrchr(seen, '/') + 1, name) != 0;
        wrong += chdir("..") != 0 || chdir(name) != 0;
    }
    return (void *)wrong;
}

CASE(folders_of_many_threads)
{
    enum { MANY = 40, ROUNDS = 30 };
    long wrong = 0;
    pthread_barrier_init(&all_there, NULL, MANY);
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t threads[MANY];
        for (long i = 0; i < MANY; i++)
            wrong += pthread_create(&threads[i], NULL, one_of_many, (void *)(intptr_t)i) != 0;
        for (int i = 0; i < MANY; i++) {
            void *result;
            (void)pthread_join(threads[i], &result);
            wrong += (long)(intptr_t)result;
        }
    }
    say("%ld wrong", wrong);
}

/* --- descriptors --- */

static int given;

static void own_descriptors(void)
{
    struct stat status;
    TRY(unshare(CLONE_FILES));
    close(given);
    given = open("/etc", O_RDONLY | O_DIRECTORY);
    TRY(fstat(given, &status));
    TRY(fchdir(given));
    say_where("the thread");
    TRY(openat(given, "no-such", O_RDONLY));
    OK(openat(given, "passwd", O_RDONLY));
}

static void own_descriptors_by_close_range(void)
{
    TRY(syscall(SYS_close_range, given, given, 2 /* CLOSE_RANGE_UNSHARE */));
    TRY(fchdir(given));
    int other = open("/usr", O_RDONLY | O_DIRECTORY);
    TRY(dup2(other, given) == given);
    TRY(fchdir(given));
    say_where("the thread");
}

CASE(descriptors_of_one_thread)
{
    /* Postern asks the host for descriptors of a thread, which Linux 6.9 was the first to tell; before, unshare fails. */
    if (syscall(SYS_pidfd_open, getpid(), O_EXCL /* PIDFD_THREAD */) < 0)
        return;
    given = open("/tmp", O_RDONLY | O_DIRECTORY);
    int number = given;
    in_thread(own_descriptors);
    given = number;
    TRY(chdir("/"));
    TRY(fchdir(number));
    say_where("the first thread");
    in_thread(own_descriptors_by_close_range);
    TRY(fchdir(number));
    say_where("the first thread");
}

CASE(unshare_refused)
{
    TRY(unshare(0));
    TRY(unshare(CLONE_FS | CLONE_FILES | CLONE_SYSVSEM)); /* alone it has them already */
    TRY(unshare(CLONE_THREAD));
    TRY(unshare(CLONE_VM));
    TRY(unshare(CLONE_SIGHAND));
}

static void unshare_in_thread(void)
{
    TRY(unshare(CLONE_THREAD | CLONE_FS));
    TRY(unshare(CLONE_VM));
    TRY(unshare(CLONE_SIGHAND));
    TRY(chdir("/etc"));
}

CASE(unshare_refused_to_threads)
{
    TRY(chdir("/tmp"));
    in_thread(unshare_in_thread);
    say_where("the first thread");
}

static void *open_paths(void *nothing)
{
    for (;;)
        close(open("/", O_PATH));
    return nothing;
}

enum { CHANGES = 400, QUEUED = 100 };

static volatile int values;

static void add_value(int number, siginfo_t *about, void *context)
{
    (void)number;
    (void)context;
    values += about->si_code == SI_QUEUE ? about->si_value.sival_int : 0;
}

/* The C library tells the other threads by signals, and these by whom they come from; what is queued comes as often as it was, with its value. */
CASE(signals_in_followed_calls)
{
    pthread_t thread;
    const struct sigaction action = {.sa_sigaction = add_value, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigset_t queued;
    sigemptyset(&queued);
    sigaddset(&queued, SIGRTMIN);
    sigaction(SIGRTMIN, &action, NULL);
    pthread_create(&thread, NULL, open_paths, NULL);
    pthread_sigmask(SIG_BLOCK, &queued, NULL); /* it is the other's to take */
    for (int i = 0; i < CHANGES; i++)
        if (setresgid((gid_t)-1, i % 2 == 0 ? 1000 : 0, (gid_t)-1) < 0)
            say("setresgid: %s", strerror(errno));
    for (int i = 0; i < QUEUED; i++) {
        sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 1});
        usleep(200);
    }
    for (int i = 0; i < 1000 && values < QUEUED; i++)
        usleep(1000);
    say("%d values", values);
    pthread_cancel(thread);
    pthread_join(thread, NULL);
    say("cancelled");
}
