/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who shares his working directory and umask with a process (CLONE_FS) could change them under a set-user-id program it executes;
 * so such a program gets no other ids then. Without the sharing it does.
 */
#include "attack.h"

#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

enum { USER = 1000, CHANGED_CODE = 40, PRIVILEGED_CODE = 41, PLAIN_CODE = 42, SHARED_FS = 0x200 /* CLONE_FS */ };
#define PROGRAM "/tmp/set-id-program"

static int look(unsigned int after_us)
{
    usleep(after_us);
    mode_t mask = umask(022);
    if (geteuid() != 0)
        return PLAIN_CODE;
    return mask == 0 ? CHANGED_CODE : PRIVILEGED_CODE;
}

static void make_program(const char *self)
{
    char buffer[65536];
    int in = open(self, O_RDONLY), out = open(PROGRAM, O_WRONLY | O_CREAT | O_TRUNC, 0700);
    for (ssize_t got; (got = read(in, buffer, sizeof(buffer))) > 0;)
        EXPECT(write(out, buffer, (size_t)got) == got);
    EXPECT(fchmod(out, 04755) == 0);
    close(in);
    close(out);
}

static int execute(unsigned long flags)
{
    umask(022);
    pid_t pid = (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
        execl(PROGRAM, PROGRAM, "look", (char *)NULL);
        _exit(1);
    }
    usleep(100000);
    umask(0);
    int status = wait_within(pid, 10);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int change(void *unused)
{
    (void)unused;
    for (int i = 0; i < 40; i++) {
        umask(0);
        usleep(2000);
    }
    _exit(0);
}

static void *share_after(void *delay)
{
    char *stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const double end = seconds() + *(int *)delay / 1e6;
    while (seconds() < end)
        ;
    (void)clone(change, stack + 65536, SHARED_FS | SIGCHLD, NULL);
    while (pause() < 0)
        ;
    return NULL;
}

/* One thread executes, another makes somebody who shares, earlier and later. */
static void share_meanwhile(void)
{
    enum { ROUNDS = 60, STEP_US = 67 };
    int changed = 0, privileged = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int delay = round * STEP_US;
        umask(022);
        pid_t pid = fork();
        if (pid == 0) {
            pthread_t thread;
            pthread_create(&thread, NULL, share_after, &delay);
            execl(PROGRAM, PROGRAM, "glance", (char *)NULL);
            _exit(1);
        }
        int status = wait_within(pid, 10);
        changed += WIFEXITED(status) && WEXITSTATUS(status) == CHANGED_CODE;
        privileged += WIFEXITED(status) && WEXITSTATUS(status) == PRIVILEGED_CODE;
    }
    if (changed > 0)
        complain("%d programs with root's rights had the umask of a user's process", changed);
    if (privileged == 0)
        complain("no program had rights at all");
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "look") == 0)
        return look(200000);
    if (argc == 2 && strcmp(argv[1], "glance") == 0)
        return look(30000);
    mkdir("/tmp", 01777);
    make_program(argv[0]);
    EXPECT(setgroups(0, NULL) == 0 && setgid(USER) == 0 && setuid(USER) == 0);
    EXPECT(execute(0) == PRIVILEGED_CODE);
    EXPECT(execute(SHARED_FS) == PLAIN_CODE);
    EXPECT(execute(0) == PRIVILEGED_CODE); /* has shared, but does no longer */
    share_meanwhile();
    check_alive("sharing");
    return finish();
}
