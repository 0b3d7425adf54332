/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A user's process becomes a set-user-id program while a call of another of its threads is still being served: its first thread's,
 * whose id the program then has. What that call brings (a result in memory, another working directory, umask or timer slack) must not
 * reach the program, nor must the call be judged by the program's rights. This program is linked to a fixed address, so that what was where the result goes is there in the new one.
 */
#include "attack.h"

#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

enum { USER = 1000, SECONDS = 12, WATCHED_MS = 15, HIT_MEMORY = 70, HIT_FOLDER, HIT_UMASK, UNTOUCHED, NO_EXEC };
#define PROGRAM "/tmp/set-id-program"

static int of_root; /* a file the user may read */
static char target[4096] __attribute__((aligned(4096)));

/* The set-id program: does anything about it change that it does not change itself? */
static int program(void)
{
    char before[256] = "", now[256] = "";
    mode_t mask = umask(0);
    (void)umask(mask);
    (void)!readlink("/proc/self/cwd", before, sizeof(before) - 1);
    for (int i = 0; i < WATCHED_MS; i++) {
        for (size_t at = 0; at < sizeof(target); at++)
            if (((volatile char *)target)[at] != 0)
                return HIT_MEMORY;
        usleep(1000);
    }
    (void)!readlink("/proc/self/cwd", now, sizeof(now) - 1);
    if (strcmp(before, now) != 0)
        return HIT_FOLDER;
    mode_t later = umask(0);
    return later == mask ? UNTOUCHED : HIT_UMASK;
}

static volatile int ready;

static void *execute(void *data)
{
    ready = 1;
    for (volatile int i = (int)(intptr_t)data; i > 0; i--)
        ;
    execl(PROGRAM, PROGRAM, "program", (char *)NULL);
    _exit(NO_EXEC);
}

/* What the first thread does until it is no more. */
static void call_for_ever(int kind)
{
    for (int i = 0;; i++) {
        switch (kind) {
        case 0:
            (void)!readlink("/proc/self/cwd", target, sizeof(target));
            break;
        case 1:
            (void)stat("/etc", (struct stat *)(void *)target);
            break;
        case 4:
            (void)fchmod(of_root, 0646);
            break;
        case 2:
            (void)chdir(i & 1 ? "/etc" : "/tmp");
            break;
        default:
            (void)getcwd(target, sizeof(target));
            (void)umask(i & 0777);
            break;
        }
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return program();
    char buffer[65536];
    int in = open(argv[0], O_RDONLY), out = open(PROGRAM, O_WRONLY | O_CREAT | O_TRUNC, 0700);
    for (ssize_t got; (got = read(in, buffer, sizeof(buffer))) > 0;)
        EXPECT(write(out, buffer, (size_t)got) == got);
    EXPECT(fchmod(out, 04755) == 0);
    close(in);
    close(out);
    int seen[NO_EXEC + 1] = {0};
    struct stat status_of_root;
    close(open("/tmp/of-root", O_WRONLY | O_CREAT, 0644));
    of_root = open("/tmp/of-root", O_RDONLY);
    srand(1);
    double end = seconds() + share_of(SECONDS);
    for (int round = 0; seconds() < end; round++) {
        int delay = rand() % 40000;
        pid_t pid = fork();
        if (pid == 0) {
            pthread_t thread;
            if (setgroups(0, NULL) || setgid(USER) || setuid(USER) ||
                pthread_create(&thread, NULL, execute, (void *)(intptr_t)delay) != 0)
                _exit(NO_EXEC);
            while (!ready)
                ;
            call_for_ever(round % 5);
        }
        int status = wait_within(pid, 20);
        int code = WIFEXITED(status) ? WEXITSTATUS(status) : NO_EXEC;
        seen[code >= HIT_MEMORY && code <= NO_EXEC ? code : NO_EXEC]++;
    }
    printf("memory %d, folder %d, umask %d of %d\n", seen[HIT_MEMORY], seen[HIT_FOLDER], seen[HIT_UMASK], seen[UNTOUCHED]);
    EXPECT(seen[HIT_MEMORY] == 0 && seen[HIT_FOLDER] == 0 && seen[HIT_UMASK] == 0 && seen[UNTOUCHED] > 4 * share_of(SECONDS));
    EXPECT(seen[NO_EXEC] == 0);
    EXPECT(fstat(of_root, &status_of_root) == 0 && (status_of_root.st_mode & 07777) == 0644);
    return finish();
}
