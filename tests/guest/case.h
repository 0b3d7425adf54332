/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame of the guest test programs. Each program is one area and a list of cases:
 *
 *     CASE(rename_onto_self) { TRY(rename("a", "a")); }
 *
 * A case runs in a child of its own, a session leader in an empty folder of its own, and prints lines that depend on
 * nothing but what the kernel promises: no pid, no time, no address. The same program runs under runc and under
 * postern, and the two must print the same.
 */
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

struct test_case {
    const char *name;
    void (*run)(void);
};

#define CASE(title)                                                                                            \
    static void case_##title(void);                                                                            \
    static const struct test_case entry_##title                                                                \
        __attribute__((used, section("test_cases"), aligned(sizeof(void *)))) = {#title, case_##title};        \
    static void case_##title(void)

/* One line, in one write, so that lines of several processes never mix and a fork never copies half of one. */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);

/* "TEXT = VALUE", or "TEXT = ENAME" for a call that failed. Returns the value and leaves errno. */
long say_result(const char *text, long result);
/* The same, with "ok" for every value that is no failure. */
long say_ok(const char *text, long result);

#define TRY(call) say_result(#call, (long)(call))
#define OK(call) (int)say_ok(#call, (long)(call))

const char *error_name(int error);
const char *signal_name(int number);

/* Says how a child ended: "TEXT: exit 3", "TEXT: killed by SIGTERM". */
void say_status(const char *text, int status);
/* Waits for one child and says how it ended. */
void say_wait(const char *text, pid_t pid);

/* Runs the block in a child and says how it ended; falling out of the block is exit 0. */
#define IN_CHILD(text)                                                                                         \
    for (pid_t in_child_pid = fork_or_die(), in_child_once = 1; in_child_once;                                 \
         in_child_once = 0, in_child_pid == 0 ? _exit(0) : say_wait(text, in_child_pid))                       \
        if (in_child_pid == 0)

pid_t fork_or_die(void);

/* In a child: becomes an ordinary user without groups or capabilities. */
void become(uid_t uid, gid_t gid);

/* A file with this content and mode, whatever the umask. */
void put_file(const char *path, const char *content, mode_t mode);
/* Says what is in a file: "TEXT: content" or the error. */
void say_file(const char *path);
/* Says type, mode, owner, links and size of a path, without following a link at its end. */
void say_stat(const char *path);
/* Says whether an open with these flags works. */
void say_open(const char *path, const char *flag_names, int flags, mode_t mode);
#define OPEN(path, flags, mode) say_open(path, #flags, flags, mode)

/* Copies the running program to a path (mode 0755), to be executed there. */
void copy_self(const char *path);

/* What the program does when started with an argument list "helper NAME ...": see each area's helpers. */
struct helper {
    const char *name;
    int (*run)(int argc, char **argv);
};

#define HELPER(title)                                                                                          \
    static int helper_##title(int argc, char **argv);                                                          \
    static const struct helper helper_entry_##title                                                            \
        __attribute__((used, section("test_helpers"), aligned(sizeof(void *)))) = {#title, helper_##title};    \
    static int helper_##title(int argc, char **argv)

/* The program's own path in the container. */
extern const char *self_path;

void sleep_ms(int ms);
/* Waits until a process is in a state of /proc/PID/stat ('S', 'T', 'Z'); false after two seconds. */
bool wait_state(pid_t pid, char state);
