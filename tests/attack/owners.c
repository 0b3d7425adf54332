/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A user has the signal of a ready descriptor, any signal, sent to a process of root's: by its id, by that of one of its threads, by
 * a group they are both in, by an id that is nobody's yet. Linux lets him name them, and judges when it sends.
 */
#include "attack.h"

#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <asm/sockios.h>
#include <termios.h>

enum { USER = 1000, ARRIVES_US = 50000 };

static int ids[2]; /* a pipe: the target says what it is */

static void *be_there(void *nothing)
{
    pid_t tid = (pid_t)syscall(SYS_gettid);
    (void)write(ids[1], &tid, sizeof(tid));
    while (pause() < 0)
        continue;
    return nothing;
}

struct target {
    pid_t pid, tid;
};

/* In our own process group, as what a script of root's starts is. */
static struct target start_target(void)
{
    struct target target = {.pid = fork()};
    if (target.pid == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, be_there, NULL);
        for (;;)
            pause();
    }
    EXPECT(read(ids[0], &target.tid, sizeof(target.tid)) == sizeof(target.tid));
    return target;
}

static int by_fcntl(int fd, int owner)
{
    return fcntl(fd, F_SETOWN, owner);
}

static int by_ioctl(int fd, int owner)
{
    return ioctl(fd, FIOSETOWN, &owner);
}

static int by_socket_ioctl(int fd, int owner)
{
    return ioctl(fd, SIOCSPGRP, &owner);
}

static int by_fcntl_of_thread(int fd, int owner)
{
    const struct f_owner_ex extended = {.type = F_OWNER_TID, .pid = owner};
    return fcntl(fd, F_SETOWN_EX, &extended);
}

static const struct way {
    const char *name;
    int (*set)(int fd, int owner);
} ways[] = {{"F_SETOWN", by_fcntl}, {"FIOSETOWN", by_ioctl}, {"SIOCSPGRP", by_socket_ioctl}, {"F_SETOWN_EX", by_fcntl_of_thread}};

static void strike(const struct way *way, int owner)
{
    int pair[2];
    if (setgid(USER) < 0 || setuid(USER) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        _exit(9);
    signal(SIGUSR1, SIG_IGN);
    (void)way->set(pair[0], owner);
    fcntl(pair[0], F_SETSIG, SIGUSR1);
    fcntl(pair[0], F_SETFL, O_ASYNC);
    (void)write(pair[1], "", 1);
    usleep(ARRIVES_US);
    _exit(0);
}

static void attack(const struct way *way, const char *what, const struct target *target, int owner)
{
    pid_t user = fork();
    if (user == 0)
        strike(way, owner);
    EXPECT(wait_within(user, 10) == 0);
    if (waitpid(target->pid, NULL, WNOHANG) != 0)
        complain("%s, %s: a process of root's has got a user's signal", way->name, what);
}

/* Who is not there yet may be root's when he comes. */
static void name_nobody(void)
{
    int pair[2];
    pid_t gone = fork();
    if (gone == 0)
        _exit(0);
    EXPECT(wait_within(gone, 10) == 0);
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    EXPECT(fcntl(pair[0], F_SETOWN, gone) < 0 && errno == ESRCH);
    close(pair[0]);
    close(pair[1]);
}

/* --- terminals, whose signals go to the group in the foreground if nobody is named --- */

/* A session of root's on a terminal, with a job in its foreground. */
struct terminal {
    int front, back;
    pid_t job;
};

static int async_by_flag(const struct terminal *terminal)
{
    return fcntl(terminal->back, F_SETFL, O_RDWR | O_ASYNC);
}

static int async_by_ioctl(const struct terminal *terminal)
{
    return ioctl(terminal->back, FIOASYNC, &(int){1});
}

static int async_of_none(const struct terminal *terminal)
{
    fcntl(terminal->back, F_SETOWN, 0);
    return async_by_flag(terminal);
}

static int async_of_another_end(const struct terminal *terminal)
{
    int other = ioctl(terminal->front, TIOCGPTPEER, O_RDWR | O_NOCTTY);
    fcntl(other, F_SETSIG, SIGUSR1);
    return fcntl(other, F_SETFL, O_RDWR | O_ASYNC);
}

static int async_of_a_second(const struct terminal *terminal)
{
    char name[32];
    snprintf(name, sizeof(name), "/proc/self/fd/%d", terminal->back);
    int other = open(name, O_RDWR | O_NOCTTY);
    fcntl(other, F_SETSIG, SIGUSR1);
    return fcntl(other, F_SETFL, O_RDWR | O_ASYNC);
}

static const struct async {
    const char *name;
    int (*ask)(const struct terminal *terminal);
} asyncs[] = {{"O_ASYNC", async_by_flag},
              {"FIOASYNC", async_by_ioctl},
              {"without an owner", async_of_none},
              {"TIOCGPTPEER", async_of_another_end},
              {"opened again", async_of_a_second}};

static int hold_session(struct terminal *terminal, const struct async *async)
{
    setsid();
    terminal->back = open(ptsname(terminal->front), O_RDWR);
    signal(SIGTTOU, SIG_IGN);
    terminal->job = fork();
    if (terminal->job == 0) {
        setpgid(0, 0);
        signal(SIGUSR1, SIG_DFL);
        for (;;)
            pause();
    }
    setpgid(terminal->job, terminal->job);
    EXPECT(terminal->back >= 0 && tcsetpgrp(terminal->back, terminal->job) == 0);
    fchown(terminal->back, USER, USER); /* as su and login do it */
    pid_t user = fork();
    if (user == 0) {
        if (setpgid(0, 0) < 0 || setgid(USER) < 0 || setuid(USER) < 0)
            _exit(9);
        fcntl(terminal->back, F_SETSIG, SIGUSR1);
        (void)async->ask(terminal);
        (void)write(terminal->front, "x\n", 2);
        usleep(ARRIVES_US);
        _exit(0);
    }
    EXPECT(wait_within(user, 10) == 0);
    bool hit = waitpid(terminal->job, NULL, WNOHANG) != 0;
    kill(terminal->job, SIGKILL);
    return hit ? 1 : complaints > 0 ? 2 : 0;
}

static void attack_terminal(const struct async *async)
{
    struct terminal terminal = {.front = posix_openpt(O_RDWR | O_NOCTTY)};
    EXPECT(terminal.front >= 0 && grantpt(terminal.front) == 0 && unlockpt(terminal.front) == 0);
    pid_t session = fork();
    if (session == 0)
        _exit(hold_session(&terminal, async));
    int status = wait_within(session, 20);
    if (status != 0)
        complain("terminal, %s: root's job has got a user's signal (status %#x)", async->name, (unsigned int)status);
    close(terminal.front);
}

int main(void)
{
    setpgid(0, 0);
    signal(SIGUSR1, SIG_IGN);
    EXPECT(pipe(ids) == 0);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        signal(SIGUSR1, SIG_DFL);
        struct target target = start_target();
        signal(SIGUSR1, SIG_IGN);
        attack(&ways[i], "a process", &target, target.pid);
        attack(&ways[i], "a thread", &target, target.tid);
        attack(&ways[i], "a group", &target, -getpgrp());
        kill(target.pid, SIGKILL);
        waitpid(target.pid, NULL, 0);
    }
    name_nobody();
    for (size_t i = 0; i < sizeof(asyncs) / sizeof(asyncs[0]); i++)
        attack_terminal(&asyncs[i]);
    check_alive("signals of descriptors");
    return finish();
}
