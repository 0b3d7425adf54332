/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An exec is finished for the caller from outside, step by step. A caller that does not take these steps (its code is exchanged
 * meanwhile, its own filter refuses them, its calls are dispatched elsewhere) must harm nobody but itself.
 */
#include "attack.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/xattr.h>

enum { ROUNDS = 24, STALL_MS = 2000, ROUND_MS = 250, STUB_TRIES = 400, STUB_FD = 100 };
#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif

static volatile bool calling;
static volatile char selector;
static unsigned char *code;
static int delay;

static long execute_at(const unsigned char *where)
{
    static char *const arguments[] = {"true", NULL};
    long result;
    __asm__ volatile("call *%%rbx" : "=a"(result) : "a"(SYS_execve), "D"("/bin/true"), "S"(arguments), "d"(NULL), "b"(where)
                     : "rcx", "r11", "memory");
    return result;
}

static void *exchange(void *data)
{
    while (!calling)
        ;
    for (volatile int i = 0; i < delay; i++)
        ;
    memcpy(code, data, 2);
    selector = 1; /* SYSCALL_DISPATCH_FILTER_BLOCK */
    return NULL;
}

/* syscall; nop; pause(2); ret */
static void write_code(void)
{
    static const unsigned char bytes[] = {0x0f, 0x05, 0x90, 0xb8, SYS_pause, 0, 0, 0, 0x0f, 0x05, 0xc3};
    code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(code, bytes, sizeof(bytes));
}

static void exchanged(const char *replacement, bool dispatched)
{
    pthread_t thread;
    write_code();
    if (dispatched)
        prctl(PR_SET_SYSCALL_USER_DISPATCH, 1, 0, 0, &selector);
    pthread_create(&thread, NULL, exchange, (void *)(uintptr_t)replacement);
    usleep(1000);
    calling = true;
    execute_at(code);
    for (;;)
        ;
}

static void refused_by_filter(void)
{
    struct sock_filter lines[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execveat, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(lines) / sizeof(lines[0]), lines};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0)
        _exit(2);
    execl("/bin/true", "true", (char *)NULL);
    for (;;)
        pause();
}

/* The rest of the container keeps being served while a child does its worst. */
static void beside(const char *what, pid_t pid)
{
    double worst = 0, end = seconds() + share_of(ROUND_MS / 1000.0);
    while (seconds() < end) {
        double before = seconds();
        close(open("/etc/passwd", O_RDONLY));
        if (seconds() - before > worst)
            worst = seconds() - before;
        usleep(1000);
    }
    kill(pid, SIGKILL);
    if (wait_within(pid, 5) == -1)
        complain("%s: cannot be reaped", what);
    if (worst * 1000 > STALL_MS)
        complain("%s stopped others for %.1f s", what, worst);
}

static void start_exchanged(const char *what, const char *replacement, bool dispatched)
{
    for (int round = 0; round < ROUNDS; round++) {
        delay = round * 5000;
        pid_t pid = fork();
        if (pid == 0)
            exchanged(replacement, dispatched);
        beside(what, pid);
    }
}

/* The file all programs start from comes by in a descriptor table that two processes share. */
static void spoil_stub(void)
{
    int held = -1;
    for (int i = 0; i < STUB_TRIES && held < 0; i++) {
        pid_t pid = (pid_t)syscall(SYS_clone, 0x400 /* CLONE_FILES */ | SIGCHLD, 0, 0, 0, 0);
        if (pid == 0) {
            execl("/bin/true", "true", (char *)NULL);
            _exit(1);
        }
        while (held < 0 && waitpid(pid, NULL, WNOHANG) == 0)
            held = fcntl(3, F_DUPFD, STUB_FD);
        if (held >= 0)
            waitpid(pid, NULL, 0);
    }
    if (held < 0)
        return;
    printf("holds the stub\n");
    char byte = 0;
    EXPECT(pwrite(held, &byte, 1, 0) == -1);
    EXPECT(ftruncate(held, 0) == -1);
    EXPECT(fchmod(held, 0) == -1);
    EXPECT(fchown(held, 12345, 12345) == -1);
    EXPECT(futimens(held, NULL) == -1);
    EXPECT(fsetxattr(held, "user.mark", "1", 1, 0) == -1);
    check_alive("spoiling the stub");
}

int main(void)
{
    delay = 0;
    start_exchanged("an endless loop in the call's place", "\xeb\xfe", false);
    start_exchanged("another call in the call's place", "\x90\x90", false);
    start_exchanged("an instruction that faults in the call's place", "\x0f\x0b", false);
    start_exchanged("calls dispatched elsewhere", "\x0f\x05", true);
    pid_t pid = fork();
    if (pid == 0)
        refused_by_filter();
    beside("a filter that refuses execveat", pid);
    spoil_stub();
    check_alive("going astray");
    return finish();
}
