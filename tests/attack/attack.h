/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame of the attacks. Each program is one attack, run as a container's init under postern; it prints a line for
 * each thing that should not be, and exits with 0 only if there was none. The runner (run) sets in the environment:
 *   ATTACK_SECRET  a file of the host, outside the container's mounts, that begins with SECRET_TEXT
 *   ATTACK_ROOT    the host's path of the container's root: must be seen nowhere inside
 *   ATTACK_TOKEN   part of the names of everything the runner made on the host
 *   ATTACK_SHARE   of times and rounds: an attack that runs once more as another user is shorter
 */
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECRET_TEXT "this is the host's"

static int complaints;

__attribute__((format(printf, 1, 2))) static inline void complain(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    printf("BAD ");
    vprintf(format, list);
    printf("\n");
    fflush(stdout);
    va_end(list);
    complaints++;
}

#define EXPECT(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            complain("%s:%d: not: %s (errno %s)", __FILE__, __LINE__, #condition, strerrorname_np(errno));              \
    } while (0)

static inline double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline bool holds_secret(const char *text)
{
    return strncmp(text, SECRET_TEXT, sizeof(SECRET_TEXT) - 1) == 0;
}

/* How long to go on with something that is done for a time, and how often with what is done many times. */
static inline double share_of(double time)
{
    const char *share = getenv("ATTACK_SHARE");
    return share == NULL ? time : time * atof(share);
}

static inline int rounds_of(int rounds)
{
    return (int)share_of(rounds);
}

/* Does the file, if it can be read at all, hold the secret? */
static inline bool file_holds_secret(int dirfd, const char *path)
{
    char text[64] = "";
    int fd = openat(dirfd, path, O_RDONLY | O_NONBLOCK);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, text, sizeof(text) - 1);
    close(fd);
    return got > 0 && holds_secret(text);
}

/* Waits for a child, killing it after the time. Returns its status, or -1 if even that did not end it. */
static inline int wait_within(pid_t pid, double time)
{
    double end = seconds() + time;
    bool killed = false;
    int status;
    for (;;) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return killed ? SIGKILL : status;
        if (seconds() > end + 5)
            return -1;
        if (seconds() > end && !killed) {
            kill(pid, SIGKILL);
            killed = true;
        }
        usleep(500);
    }
}

/* After whatever was done: does the sandbox still work, promptly? */
static inline void check_alive(const char *after)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct stat status;
        int fd = open("/", O_RDONLY | O_DIRECTORY);
        bool fine = fd >= 0 && fstat(fd, &status) == 0 && stat("/etc", &status) == 0 && getuid() != (uid_t)-1;
        fine = fine && open("/no/such/file", O_RDONLY) == -1 && errno == ENOENT;
        if (!fine)
            _exit(1);
        execl("/bin/true", "true", (char *)NULL);
        _exit(2);
    }
    int status = pid < 0 ? -1 : wait_within(pid, 10);
    if (status != 0)
        complain("after %s the sandbox does not work any more (status %#x)", after, (unsigned int)status);
}

static inline int finish(void)
{
    if (complaints == 0)
        printf("held\n");
    return complaints == 0 ? 0 : 1;
}
