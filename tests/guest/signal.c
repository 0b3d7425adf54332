/* SPDX-License-Identifier: Apache-2.0 */
/* Signals: delivery, masks, information, queues, interrupted calls, stopping, permission. */
#include "case.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

static volatile sig_atomic_t seen[65];
static volatile siginfo_t last;

static void note(int number)
{
    seen[number]++;
}

static void note_info(int number, siginfo_t *info, void *context)
{
    (void)context;
    seen[number]++;
    last = *info;
}

static void handle(int number, int flags)
{
    struct sigaction action = {.sa_flags = flags};
    if (flags & SA_SIGINFO)
        action.sa_sigaction = note_info;
    else
        action.sa_handler = note;
    sigaction(number, &action, NULL);
}

static sigset_t set_of(int number)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    return set;
}

/* Sends a signal to the caller after a while, from a child. */
static pid_t send_later(int number, int ms)
{
    pid_t pid = fork_or_die();
    if (pid == 0) {
        sleep_ms(ms);
        kill(getppid(), number);
        _exit(0);
    }
    return pid;
}

CASE(handler)
{
    handle(SIGUSR1, 0);
    TRY(raise(SIGUSR1));
    TRY(kill(getpid(), SIGUSR1));
    say("seen %d", seen[SIGUSR1]);
}

CASE(all_numbers)
{
    for (int number = 1; number <= 64; number++) {
        struct sigaction action = {.sa_handler = note};
        int result = (int)syscall(SYS_rt_sigaction, number, NULL, NULL, 8);
        if (sigaction(number, &action, NULL) || result)
            say("%d: %s", number, error_name(errno));
        else
            kill(getpid(), number);
        if (seen[number] != 1)
            say("%d seen %d", number, seen[number]);
    }
    TRY(kill(getpid(), 65));
    TRY(kill(getpid(), -1));
    TRY(kill(getpid(), 0));
}

CASE(mask_and_pending)
{
    handle(SIGUSR1, 0);
    handle(SIGUSR2, 0);
    sigset_t mask = set_of(SIGUSR1), pending, old;
    TRY(sigprocmask(SIG_BLOCK, &mask, NULL));
    raise(SIGUSR1);
    raise(SIGUSR1);
    raise(SIGUSR2);
    sigpending(&pending);
    say("seen %d %d pending %d", seen[SIGUSR1], seen[SIGUSR2], sigismember(&pending, SIGUSR1));
    TRY(sigprocmask(SIG_UNBLOCK, &mask, &old));
    say("seen %d was blocked %d", seen[SIGUSR1], sigismember(&old, SIGUSR1));
    TRY(sigprocmask(77, &mask, NULL));
    mask = set_of(SIGKILL);
    TRY(sigprocmask(SIG_BLOCK, &mask, NULL));
    sigprocmask(SIG_BLOCK, NULL, &old);
    say("kill blocked %d", sigismember(&old, SIGKILL));
    TRY(signal(SIGKILL, note) == SIG_ERR ? -1 : 0);
    TRY(signal(SIGSTOP, SIG_IGN) == SIG_ERR ? -1 : 0);
}

CASE(information)
{
    handle(SIGUSR1, SA_SIGINFO);
    kill(getpid(), SIGUSR1);
    say("code %d me %d uid %u", last.si_code, last.si_pid == getpid(), last.si_uid);
    union sigval value = {.sival_int = 4711};
    TRY(sigqueue(getpid(), SIGUSR1, value));
    say("code %d value %d", last.si_code, last.si_value.sival_int);
    TRY(syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1));
    say("code %d", last.si_code);
    TRY(syscall(SYS_tkill, getpid(), SIGUSR1));
    say("code %d", last.si_code);
    TRY(syscall(SYS_tgkill, getpid(), 99999, SIGUSR1));
    TRY(syscall(SYS_tgkill, 0, 0, SIGUSR1));
    handle(SIGCHLD, SA_SIGINFO);
    pid_t pid = fork_or_die();
    if (pid == 0)
        _exit(3);
    say_wait("child", pid);
    say("child code %d status %d pid %d", last.si_code, last.si_status, last.si_pid == pid);
}

CASE(sender_identity)
{
    handle(SIGUSR1, SA_SIGINFO);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        (void)!setresuid(0, 0, 0);
        kill(getppid(), SIGUSR1);
        _exit(0);
    }
    say_wait("child", pid);
    say("from the child %d uid %u code %d", last.si_pid == pid, last.si_uid, last.si_code);
}

static volatile int order[8], order_count;

static void note_order(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    order[order_count++ & 7] = info->si_value.sival_int;
}

CASE(queue_in_order)
{
    struct sigaction action = {.sa_sigaction = note_order, .sa_flags = SA_SIGINFO};
    sigaction(SIGRTMIN, &action, NULL);
    sigset_t mask = set_of(SIGRTMIN);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    for (int i = 1; i <= 5; i++)
        sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i});
    sigprocmask(SIG_UNBLOCK, &mask, NULL);
    say("%d: %d %d %d %d %d", order_count, order[0], order[1], order[2], order[3], order[4]);
}

CASE(sigqueueinfo)
{
    handle(SIGUSR1, SA_SIGINFO);
    siginfo_t info = {.si_code = SI_QUEUE, .si_pid = getpid(), .si_uid = 12};
    TRY(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &info));
    say("uid %u", last.si_uid);
    info.si_code = SI_USER;
    IN_CHILD("forged")
    {
        TRY(syscall(SYS_rt_sigqueueinfo, getppid(), SIGUSR1, &info));
    }
    info.si_code = 1;
    IN_CHILD("forged as the kernel")
    {
        TRY(syscall(SYS_rt_sigqueueinfo, getppid(), SIGUSR1, &info));
    }
}

CASE(read_interrupted)
{
    int fd[2];
    char byte;
    (void)!pipe(fd);
    handle(SIGUSR1, 0);
    pid_t pid = send_later(SIGUSR1, 50);
    TRY(read(fd[0], &byte, 1));
    waitpid(pid, NULL, 0);
    say("seen %d", seen[SIGUSR1]);
}

CASE(read_restarted)
{
    int fd[2];
    char byte = 0;
    (void)!pipe(fd);
    handle(SIGUSR1, SA_RESTART);
    pid_t parent = getpid(), pid = fork_or_die();
    if (pid == 0) {
        sleep_ms(50);
        kill(parent, SIGUSR1);
        sleep_ms(50);
        (void)!write(fd[1], "x", 1);
        _exit(0);
    }
    TRY(read(fd[0], &byte, 1));
    say("seen %d byte %c", seen[SIGUSR1], byte);
    waitpid(pid, NULL, 0);
}

CASE(sleep_interrupted)
{
    handle(SIGUSR1, SA_RESTART);
    pid_t pid = send_later(SIGUSR1, 50);
    struct timespec time = {10, 0}, left = {0, 0};
    TRY(nanosleep(&time, &left));
    say("left %d", left.tv_sec == 9);
    waitpid(pid, NULL, 0);
    pid = send_later(SIGUSR1, 50);
    TRY(poll(NULL, 0, 10000));
    waitpid(pid, NULL, 0);
    pid = send_later(SIGUSR1, 50);
    TRY(pause());
    waitpid(pid, NULL, 0);
    pid = send_later(SIGUSR1, 50);
    struct timeval tv = {10, 0};
    TRY(select(0, NULL, NULL, NULL, &tv));
    waitpid(pid, NULL, 0);
}

CASE(wait_interrupted)
{
    handle(SIGUSR1, 0);
    pid_t parent = getpid(), pid = fork_or_die();
    if (pid == 0) {
        sleep_ms(50);
        kill(parent, SIGUSR1);
        sleep_ms(100);
        _exit(2);
    }
    int status;
    TRY(waitpid(pid, &status, 0));
    say_wait("child", pid);
}

CASE(fifo_open_interrupted)
{
    mkfifo("fifo", 0644);
    handle(SIGUSR1, 0);
    pid_t pid = send_later(SIGUSR1, 100);
    TRY(open("fifo", O_RDONLY));
    say("seen %d", seen[SIGUSR1]);
    waitpid(pid, NULL, 0);
}

CASE(lock_interrupted)
{
    put_file("lock", "", 0644);
    int fd = open("lock", O_RDWR);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    fcntl(fd, F_SETLK, &lock);
    IN_CHILD("waiting for a lock")
    {
        handle(SIGALRM, 0);
        ualarm(100000, 0);
        TRY(fcntl(fd, F_SETLKW, &lock));
    }
    IN_CHILD("try")
    {
        TRY(fcntl(fd, F_SETLK, &lock));
    }
}

CASE(accept_interrupted)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    (void)!bind(fd, &(struct sockaddr){.sa_family = AF_UNIX}, sizeof(sa_family_t));
    TRY(listen(fd, 1));
    handle(SIGUSR1, 0);
    pid_t pid = send_later(SIGUSR1, 50);
    TRY(accept(fd, NULL, NULL));
    waitpid(pid, NULL, 0);
}

CASE(sigsuspend_and_wait)
{
    handle(SIGUSR1, 0);
    sigset_t mask = set_of(SIGUSR1), none;
    sigemptyset(&none);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    raise(SIGUSR1);
    TRY(sigsuspend(&none));
    say("seen %d", seen[SIGUSR1]);
    raise(SIGUSR1);
    int number;
    say("sigwait %s", error_name(sigwait(&mask, &number)));
    say("%s seen %d", signal_name(number), seen[SIGUSR1]);
    struct timespec time = {0, 20000000};
    TRY(sigtimedwait(&mask, NULL, &time));
    siginfo_t info;
    sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 9});
    number = sigtimedwait(&mask, &info, &time);
    say("%s value %d", signal_name(number), info.si_value.sival_int);
}

CASE(stop_and_continue)
{
    pid_t pid = fork_or_die();
    if (pid == 0) {
        sleep_ms(10000);
        _exit(0);
    }
    int status;
    TRY(kill(pid, SIGSTOP));
    say("stopped %d", waitpid(pid, &status, WUNTRACED) == pid);
    say_status("child", status);
    say("state T %d", wait_state(pid, 'T'));
    TRY(kill(pid, SIGCONT));
    say("continued %d", waitpid(pid, &status, WCONTINUED) == pid);
    say_status("child", status);
    siginfo_t info;
    kill(pid, SIGTSTP);
    TRY(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WEXITED | WCONTINUED | WNOHANG) >= 0 ? 0 : -1);
    kill(pid, SIGKILL);
    say_wait("child", pid);
}

CASE(stop_tells_the_parent)
{
    sigset_t mask = set_of(SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        raise(SIGSTOP);
        _exit(4);
    }
    siginfo_t info;
    sigwaitinfo(&mask, &info);
    say("code %d status %s", info.si_code == CLD_STOPPED, signal_name(info.si_status));
    kill(pid, SIGCONT);
    sigwaitinfo(&mask, &info);
    say("code continued or exited %d", info.si_code == CLD_CONTINUED || info.si_code == CLD_EXITED);
    say_wait("child", pid);
}

CASE(alarms)
{
    handle(SIGALRM, 0);
    TRY(alarm(100));
    TRY(alarm(0));
    struct itimerval timer = {.it_value = {0, 20000}}, old;
    TRY(setitimer(ITIMER_REAL, &timer, NULL));
    TRY(pause());
    say("seen %d", seen[SIGALRM]);
    TRY(getitimer(ITIMER_REAL, &old));
    say("left %ld.%ld", (long)old.it_value.tv_sec, (long)old.it_value.tv_usec);
    timer.it_interval.tv_usec = 10000;
    setitimer(ITIMER_REAL, &timer, NULL);
    for (int i = 0; i < 3; i++)
        pause();
    say("seen more %d", seen[SIGALRM] >= 4);
    TRY(setitimer(99, &timer, NULL));
}

CASE(alarm_is_not_inherited)
{
    alarm(100);
    IN_CHILD("child")
    {
        TRY(alarm(0));
    }
    say("still set %d", alarm(0) > 90);
}

CASE(signal_descriptor)
{
    sigset_t mask = set_of(SIGUSR1);
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    int fd = OK(signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC));
    struct signalfd_siginfo info;
    TRY(read(fd, &info, sizeof(info)));
    sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 31});
    say("read %d", read(fd, &info, sizeof(info)) == sizeof(info));
    say("%s value %d me %d", signal_name((int)info.ssi_signo), info.ssi_int, info.ssi_pid == (uint32_t)getpid());
    pid_t pid = fork_or_die();
    if (pid == 0)
        _exit(8);
    struct pollfd ready = {fd, POLLIN, 0};
    TRY(poll(&ready, 1, 5000));
    say("read %d", read(fd, &info, sizeof(info)) == sizeof(info));
    say("%s child %d status %d", signal_name((int)info.ssi_signo), info.ssi_pid == (uint32_t)pid, info.ssi_status);
    say_wait("child", pid);
}

CASE(permission_by_user)
{
    pid_t root = fork_or_die();
    if (root == 0) {
        sleep_ms(10000);
        _exit(0);
    }
    IN_CHILD("user")
    {
        become(1000, 1000);
        TRY(kill(root, 0));
        TRY(kill(root, SIGTERM));
        TRY(kill(1, 0));
        TRY(kill(getppid(), SIGCONT));
        pid_t same = fork_or_die();
        if (same == 0) {
            sleep_ms(10000);
            _exit(0);
        }
        TRY(kill(same, SIGTERM));
        say_wait("same user", same);
        TRY(kill(-getpgrp(), 0));
    }
    pid_t other = fork_or_die();
    if (other == 0) {
        become(1001, 1001);
        sleep_ms(10000);
        _exit(0);
    }
    sleep_ms(50);
    IN_CHILD("other user")
    {
        become(1000, 1000);
        TRY(kill(other, SIGTERM));
        TRY(syscall(SYS_tgkill, other, other, SIGTERM));
    }
    TRY(kill(other, SIGTERM));
    say_wait("by root", other);
    kill(root, SIGKILL);
    say_wait("root's", root);
}

CASE(permission_by_real_and_saved)
{
    pid_t target = fork_or_die();
    if (target == 0) {
        (void)!setresuid(1000, 1001, 1002);
        sleep_ms(10000);
        _exit(0);
    }
    sleep_ms(50);
    uid_t users[] = {1000, 1001, 1002};
    for (int i = 0; i < 3; i++) {
        IN_CHILD("sender")
        {
            become(users[i], users[i]);
            TRY(kill(target, 0));
        }
    }
    kill(target, SIGKILL);
    say_wait("target", target);
}

CASE(groups)
{
    pid_t one = fork_or_die();
    if (one == 0) {
        setpgid(0, 0);
        sleep_ms(10000);
        _exit(0);
    }
    setpgid(one, one);
    pid_t two = fork_or_die();
    if (two == 0) {
        setpgid(0, one);
        sleep_ms(10000);
        _exit(0);
    }
    setpgid(two, one);
    TRY(kill(-one, SIGTERM));
    say_wait("one", one);
    say_wait("two", two);
    TRY(kill(-one, SIGTERM));
    handle(SIGUSR1, 0);
    TRY(kill(0, SIGUSR1));
    say("seen %d", seen[SIGUSR1]);
    TRY(killpg(getpgrp(), SIGUSR1));
    say("seen %d", seen[SIGUSR1]);
    TRY(kill(99999, SIGTERM));
}

static const char read_only[] = "text";
static jmp_buf escape;
static void *volatile fault_address;

static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    last = *info;
    fault_address = info->si_addr;
    siglongjmp(escape, number);
}

CASE(fault_information)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGILL, &action, NULL);
    if (sigsetjmp(escape, 1) == 0)
        *(volatile char *)0x1234 = 1;
    say("%s code %d address %p", signal_name(last.si_signo), last.si_code, fault_address);
    if (sigsetjmp(escape, 1) == 0)
        *(volatile char *)(uintptr_t)read_only = 1;
    say("%s code %d", signal_name(last.si_signo), last.si_code);
    if (sigsetjmp(escape, 1) == 0)
        __asm__ volatile("ud2");
    say("%s code %d", signal_name(last.si_signo), last.si_code);
}

static volatile bool on_other_stack;
static char other_stack[65536];

static void note_stack(int number)
{
    char here;
    seen[number]++;
    on_other_stack = &here > other_stack && &here < other_stack + sizeof(other_stack);
}

CASE(alternate_stack)
{
    stack_t stack = {.ss_sp = other_stack, .ss_size = sizeof(other_stack)}, old;
    TRY(sigaltstack(&stack, NULL));
    struct sigaction action = {.sa_handler = note_stack, .sa_flags = SA_ONSTACK};
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    say("on the stack %d", on_other_stack);
    TRY(sigaltstack(NULL, &old));
    say("flags %d size %zu", old.ss_flags, old.ss_size);
    stack.ss_size = 16;
    TRY(sigaltstack(&stack, NULL));
}

CASE(flags)
{
    handle(SIGUSR1, (int)SA_RESETHAND);
    raise(SIGUSR1);
    struct sigaction action;
    sigaction(SIGUSR1, NULL, &action);
    say("reset %d", action.sa_handler == SIG_DFL);
    handle(SIGUSR2, 0);
    sigaction(SIGUSR2, NULL, &action);
    say("kept %d flags %#x", action.sa_handler == note, action.sa_flags & ~0x04000000);
    handle(SIGCHLD, SA_NOCLDWAIT);
    IN_CHILD("no zombies")
    {
        _exit(1);
    }
    handle(SIGCHLD, SA_NOCLDSTOP);
}

static void *wait_thread(void *number)
{
    sigset_t mask = set_of(SIGUSR1);
    sigwait(&mask, number);
    return NULL;
}

CASE(threads)
{
    sigset_t mask = set_of(SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &mask, NULL);
    pthread_t thread;
    int number = 0;
    pthread_create(&thread, NULL, wait_thread, &number);
    kill(getpid(), SIGUSR1);
    pthread_join(thread, NULL);
    say("the waiting thread got %s", signal_name(number));
    number = 0;
    pthread_create(&thread, NULL, wait_thread, &number);
    say("pthread_kill %s", error_name(pthread_kill(thread, SIGUSR1)));
    pthread_join(thread, NULL);
    say("the named thread got %s", signal_name(number));
}

CASE(fork_inherits_handlers)
{
    handle(SIGUSR1, 0);
    sigset_t mask = set_of(SIGUSR2);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    raise(SIGUSR2);
    IN_CHILD("child")
    {
        sigset_t now;
        raise(SIGUSR1);
        sigpending(&now);
        say("seen %d pending %d", seen[SIGUSR1], sigismember(&now, SIGUSR2));
        sigprocmask(SIG_SETMASK, NULL, &now);
        say("blocked %d", sigismember(&now, SIGUSR2));
    }
}

CASE(broken_pipe)
{
    int fd[2];
    (void)!pipe(fd);
    close(fd[0]);
    handle(SIGPIPE, 0);
    TRY(write(fd[1], "x", 1));
    say("seen %d", seen[SIGPIPE]);
    signal(SIGPIPE, SIG_IGN);
    TRY(write(fd[1], "x", 1));
    signal(SIGPIPE, SIG_DFL);
    IN_CHILD("default")
    {
        (void)!write(fd[1], "x", 1);
    }
    int pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    close(pair[0]);
    TRY(send(pair[1], "x", 1, MSG_NOSIGNAL));
}

CASE(many_while_calling)
{
    /* A storm of signals must neither lose a call's effect nor repeat it. */
    handle(SIGALRM, SA_RESTART);
    struct itimerval timer = {{0, 500}, {0, 500}};
    put_file("file", "content", 0644);
    setitimer(ITIMER_REAL, &timer, NULL);
    int bad = 0;
    for (int i = 0; i < 300; i++) {
        struct stat st;
        char name[32];
        snprintf(name, sizeof(name), "made%d", i);
        bad += stat("file", &st) != 0;
        bad += mkdir(name, 0755) != 0;
        bad += rmdir(name) != 0;
        int fd = open("file", O_RDONLY);
        bad += fd < 0;
        close(fd);
    }
    timer = (struct itimerval){{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &timer, NULL);
    say("bad %d, alarms %d", bad, seen[SIGALRM] > 0);
}

static int sockets_waited_for[2][2];

static void *open_beside(void *unused)
{
    (void)unused;
    return (void *)(intptr_t)(open("fifo", O_RDONLY) < 0 ? errno : 0);
}

static int receive_one(const int pair[2])
{
    char byte, control[CMSG_SPACE(64)];
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    return recvmsg(pair[0], &message, 0) < 0 ? errno : 0;
}

static void *receive_beside(void *pair)
{
    return (void *)(intptr_t)receive_one(pair);
}

/* Calls of several threads that wait, and a storm of signals for the process: whoever takes them, no call ends. First the main thread
 * is free to take them, then it waits like the others. */
CASE(waits_beside_signals_for_all)
{
    static void *(*const waits[])(void *) = {open_beside, open_beside, receive_beside, receive_beside};
    pthread_t threads[4];
    int on = 1;
    mkfifo("fifo", 0600);
    for (int i = 0; i < 2; i++) {
        socketpair(AF_UNIX, SOCK_DGRAM, 0, sockets_waited_for[i]);
        setsockopt(sockets_waited_for[i][0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
    }
    handle(SIGALRM, SA_RESTART);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, waits[i], sockets_waited_for[0]);
    const struct itimerval often = {{0, 700}, {0, 700}}, never = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &often, NULL);
    while (seen[SIGALRM] < 1000)
        ;
    pid_t pid = fork_or_die();
    if (pid == 0) {
        sleep_ms(700);
        (void)!write(sockets_waited_for[1][1], "x", 1);
        _exit(0);
    }
    say("main %s", error_name(receive_one(sockets_waited_for[1])));
    setitimer(ITIMER_REAL, &never, NULL);
    waitpid(pid, NULL, 0);
    int writer = open("fifo", O_WRONLY);
    (void)!write(sockets_waited_for[0][1], "x", 1);
    (void)!write(sockets_waited_for[0][1], "x", 1);
    for (int i = 0; i < 4; i++) {
        void *result;
        pthread_join(threads[i], &result);
        say("thread %d %s", i, error_name((int)(intptr_t)result));
    }
    close(writer);
}
