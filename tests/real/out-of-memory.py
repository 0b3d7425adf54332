# SPDX-License-Identifier: Apache-2.0
"""Memory is out. A user has made the sentry hold as much as he can, and takes the rest with many small processes: the largest one there
is the sentry. His processes are killed, the container lives on."""
import os
import subprocess

import patched
from sandbox import Sandbox

LIMIT, SCORE = 96 << 20, 500  # a score, because not every caller may have the sentry's below 0
PROGRAM = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WAITING = 300, SIZE = 100000, HOGS = 150, HOG_SIZE = 1 << 20 };

static void become_a_user(void)
{
    if (setgroups(0, NULL) != 0 || setgid(1000) != 0 || setuid(1000) != 0)
        _exit(99);
}

/* A message that says who sends it, to one who never reads: the sentry has it meanwhile. */
static void *send_one(void *unused)
{
    static char data[SIZE];
    char control[CMSG_SPACE(sizeof(struct ucred))] = "";
    struct iovec part = {data, SIZE};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    const struct ucred own = {getpid(), getuid(), getgid()};
    int ends[2];
    *header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_CREDENTIALS, .cmsg_len = CMSG_LEN(sizeof(own))};
    memcpy(CMSG_DATA(header), &own, sizeof(own));
    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) != 0)
        return unused;
    while (send(ends[0], "x", 1, MSG_DONTWAIT) == 1)
        continue;
    sendmsg(ends[0], &message, 0);
    return unused;
}

static void have_it_hold_much(void)
{
    become_a_user();
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 65536);
    for (int i = 0; i < WAITING; i++) {
        pthread_t thread;
        pthread_create(&thread, &small, send_one, NULL);
    }
    for (;;)
        pause();
}

static void hog(void)
{
    become_a_user();
    char *memory = mmap(NULL, HOG_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED)
        memset(memory, 1, HOG_SIZE);
    for (;;)
        pause();
}

int main(void)
{
    int status, killed = 0;
    struct stat found;
    if (fork() == 0)
        have_it_hold_much();
    sleep(4);
    for (int i = 0; i < HOGS; i++) {
        if (fork() == 0)
            hog();
        usleep(10000);
        while (waitpid(-1, &status, WNOHANG) > 0)
            killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    }
    sleep(1);
    while (waitpid(-1, &status, WNOHANG) > 0)
        killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    printf("%s %s\n", killed > 0 ? "killed" : "nobody was killed", stat("/etc/passwd", &found) == 0 ? "alive" : "dead");
    kill(-1, SIGKILL);
    return 0;
}
"""


def limited(config):
    config["process"]["oomScoreAdj"] = SCORE
    config["linux"]["resources"]["memory"] = {"limit": LIMIT, "swap": LIMIT}


def test(runtime):
    with Sandbox(runtime, "busybox") as box:
        subprocess.run(["gcc", "-O1", "-static", "-pthread", "-Wno-unused-result", "-x", "c", "-", "-o", os.path.join(box.root, "hold")],
                       input=PROGRAM, text=True, check=True)
        result = patched.run(box, ["/hold"], limited)
        assert (result.returncode, result.stdout) == (0, "killed alive\n"), result
