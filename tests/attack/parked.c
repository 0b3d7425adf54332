/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Openings of a FIFO that nobody answers, as many as will wait: the others hardly notice. And threads whose leader has ended have
 * their descriptors still.
 */
#include "attack.h"

#include <pthread.h>

enum { WAITERS = 1100, CALLS = 50, STALL_MS = 50 };

static void wait_without_end(void)
{
    EXPECT(mkfifo("/tmp/nobody", 0666) == 0);
    setpgid(0, 0);
    for (int i = 0; i < WAITERS; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            (void)open("/tmp/nobody", O_RDONLY);
            for (;;)
                pause();
        }
    }
    for (;;)
        pause();
}

static void flood(void)
{
    pid_t pid = fork();
    if (pid == 0)
        wait_without_end();
    sleep(4);
    double before = seconds();
    for (int i = 0; i < CALLS; i++)
        (void)access("/etc/nothing", R_OK);
    double each = (seconds() - before) / CALLS * 1000;
    printf("%.1f ms a call\n", each);
    if (each > STALL_MS)
        complain("waiting openings slow others down to %.0f ms a call", each);
    kill(-pid, SIGKILL);
    wait_within(pid, 5);
    check_alive("waiting openings");
}

static void *ask(void *data)
{
    usleep(100000); /* the leader has ended by now */
    struct stat status;
    int fd = open("/etc", O_RDONLY | O_DIRECTORY);
    _exit(fd >= 0 && fstat(fd, &status) == 0 && fchdir(fd) == 0 && fstat(999, &status) == -1 && errno == EBADF ? 0 : 1);
    return data;
}

static void without_leader(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, ask, NULL);
        syscall(SYS_exit, 0);
    }
    EXPECT(wait_within(pid, 5) == 0);
}

int main(void)
{
    mkdir("/tmp", 01777);
    without_leader();
    flood();
    return finish();
}
