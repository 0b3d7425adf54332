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
    check_alive("signals of descriptors");
    return finish();
}
