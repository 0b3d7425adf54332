/* SPDX-License-Identifier: Apache-2.0 */
/* What a program that gains privileges does not get from whoever had its process before, and what it gets. */
#include "case.h"

#include <elf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <time.h>

static bool stack_is_random(void)
{
    /* The top of the stack lies where it always does if nothing moves it. */
    return (getauxval(AT_EXECFN) >> 12) != (0x7fffffffefffUL >> 12) && (getauxval(AT_EXECFN) >> 12) != 0x7ffffffffUL - 1;
}

static void say_inherited(const char *what)
{
    int signal = -1;
    struct rlimit stack = {0};
    struct itimerval timer = {0};
    struct itimerspec posix;
    (void)prctl(PR_GET_PDEATHSIG, &signal);
    (void)getrlimit(RLIMIT_STACK, &stack);
    (void)getitimer(ITIMER_REAL, &timer);
    bool kept = timer_gettime(0, &posix) == 0;
    say("%s: secure %lu, euid %u, death signal %d, personality %#x, %s, soft stack %ld MiB, dumpable %d, interval timer %s, POSIX timer %s",
        what, getauxval(AT_SECURE), geteuid(), signal, (unsigned int)personality(0xffffffff),
        stack_is_random() ? "moved" : "in place", stack.rlim_cur == RLIM_INFINITY ? -1L : (long)(stack.rlim_cur >> 20),
        prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), timer.it_value.tv_sec != 0 ? "runs" : "none", kept ? "there" : "gone");
}

HELPER(inherited)
{
    say_inherited(argc > 0 ? argv[argc - 1] : "");
    return 0;
}

static void leave_things(rlim_t stack)
{
    const struct itimerval hour = {.it_value.tv_sec = 3600};
    timer_t timer;
    struct rlimit limit;
    (void)prctl(PR_SET_PDEATHSIG, SIGUSR1);
    (void)personality(ADDR_NO_RANDOMIZE);
    (void)setitimer(ITIMER_REAL, &hour, NULL);
    (void)timer_create(CLOCK_MONOTONIC, NULL, &timer);
    (void)getrlimit(RLIMIT_STACK, &limit);
    limit.rlim_cur = stack;
    if (stack != 0 && setrlimit(RLIMIT_STACK, &limit) < 0)
        say("setrlimit: %s", error_name(errno));
}

static void execute(const char *program)
{
    execl(program, "secure", "helper", "inherited", program, (char *)NULL);
    say("%s: %s", program, error_name(errno));
}

static void make_programs(void)
{
    static const struct {
        uint32_t magic, permitted, inheritable, permitted_high, inheritable_high;
    } caps = {0x02000001, 1u << 10, 0, 0, 0}; /* CAP_NET_BIND_SERVICE, effective */
    copy_self("plain");
    copy_self("set-uid");
    chmod("set-uid", 04755);
    copy_self("set-gid");
    (void)!chown("set-gid", 0, 5);
    chmod("set-gid", 02755);
    copy_self("to-self");
    (void)!chown("to-self", 1000, 1000);
    chmod("to-self", 06755);
    copy_self("with-caps");
    if (setxattr("with-caps", "security.capability", &caps, sizeof(caps), 0) < 0)
        say("setxattr: %s", error_name(errno));
    put_file("script", "#!./set-uid helper\n", 0755);
}

static const char *const programs[] = {"./plain", "./set-uid", "./set-gid", "./to-self", "./with-caps"};

CASE(left_to_programs)
{
    static const rlim_t stacks[] = {0, 1 << 20, 64 << 20, RLIM_INFINITY};
    make_programs();
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
        for (size_t j = 0; j < sizeof(stacks) / sizeof(stacks[0]); j++)
            IN_CHILD("user")
            {
                become(1000, 1000);
                leave_things(stacks[j]);
                execute(programs[i]);
            }
    IN_CHILD("root")
    {
        leave_things(64 << 20);
        execute("./set-uid");
    }
    IN_CHILD("somebody else's")
    {
        leave_things(64 << 20);
        execute("./to-self");
    }
}

CASE(left_without_new_privileges)
{
    make_programs();
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
        IN_CHILD("user")
        {
            become(1000, 1000);
            leave_things(64 << 20);
            TRY(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
            execute(programs[i]);
        }
}

/* A set-id program that has not become one id runs others: they are secure too. */
HELPER(runs_another)
{
    (void)argc;
    (void)argv;
    leave_things(64 << 20);
    execute("./plain");
    return 1;
}

CASE(left_by_a_set_uid_program)
{
    make_programs();
    IN_CHILD("user")
    {
        become(1000, 1000);
        execl("./set-uid", "secure", "helper", "runs_another", (char *)NULL);
    }
}

/* What was set is as it was when the exec fails. */
CASE(failed_execs)
{
    make_programs();
    chmod("set-uid", 04711);
    IN_CHILD("user")
    {
        become(1000, 1000);
        leave_things(64 << 20);
        static char large[256 << 10];
        memset(large, 'x', sizeof(large) - 1);
        execl("./set-uid", "secure", "helper", large, (char *)NULL);
        say("too large: %s", error_name(errno));
        say_inherited("still");
        char *arguments[] = {"secure", NULL}, **nowhere = (char **)16;
        TRY(execve("./set-uid", arguments, nowhere));
        TRY(execve("./set-uid", nowhere, NULL));
        say_inherited("still");
    }
}

static void *execute_in_thread(void *program)
{
    execute(program);
    return NULL;
}

CASE(execs_by_a_thread)
{
    make_programs();
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
        IN_CHILD("user")
        {
            pthread_t thread;
            become(1000, 1000);
            leave_things(64 << 20);
            (void)pthread_create(&thread, NULL, execute_in_thread, (void *)(uintptr_t)programs[i]);
            (void)pthread_join(thread, NULL);
        }
}

/* --- the death signal and changes of credentials --- */

#define CHANGE(call)                                                                                                   \
    IN_CHILD(#call)                                                                                                    \
    {                                                                                                                  \
        int signal = -1;                                                                                               \
        (void)prctl(PR_SET_PDEATHSIG, SIGUSR1);                                                                        \
        long result = (long)(call);                                                                                    \
        (void)prctl(PR_GET_PDEATHSIG, &signal);                                                                        \
        say(#call " = %ld, death signal %d, dumpable %d", result, signal, prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));         \
    }

CASE(death_signal)
{
    CHANGE(0);
    CHANGE(syscall(SYS_setuid, 0));
    CHANGE(syscall(SYS_setuid, 1000));
    CHANGE(syscall(SYS_setgid, 1000));
    CHANGE(syscall(SYS_setreuid, 1000, -1));
    CHANGE(syscall(SYS_setreuid, -1, 1000));
    CHANGE(syscall(SYS_setregid, 1000, -1));
    CHANGE(syscall(SYS_setregid, -1, 1000));
    CHANGE(syscall(SYS_setresuid, 1000, -1, -1));
    CHANGE(syscall(SYS_setresuid, -1, 1000, -1));
    CHANGE(syscall(SYS_setresuid, -1, -1, 1000));
    CHANGE(syscall(SYS_setresgid, 1000, 1000, 1000));
    CHANGE(syscall(SYS_setfsuid, 1000));
    CHANGE(syscall(SYS_setfsuid, 0));
    CHANGE(syscall(SYS_setfsgid, 1000));
    CHANGE(syscall(SYS_setfsgid, -1));
    CHANGE(syscall(SYS_setgroups, 0, NULL));
    CHANGE(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
    CHANGE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    CHANGE(prctl(PR_CAPBSET_DROP, 0, 0, 0, 0));
    CHANGE(syscall(SYS_setuid, -1));
    CHANGE(prctl(PR_SET_PDEATHSIG, 65));
    CHANGE(prctl(PR_SET_PDEATHSIG, 0));
    CHANGE(prctl(PR_SET_PDEATHSIG, -1));
}

static void *change_in_thread(void *data)
{
    CHANGE(syscall(SYS_setuid, 1000));
    int signal = -1;
    (void)prctl(PR_SET_PDEATHSIG, SIGUSR2);
    (void)syscall(SYS_setresuid, 1000, 1000, 1000);
    (void)prctl(PR_GET_PDEATHSIG, &signal);
    say("the thread: %d", signal);
    return data;
}

CASE(death_signal_of_a_thread)
{
    pthread_t thread;
    int signal = -1;
    (void)prctl(PR_SET_PDEATHSIG, SIGUSR1);
    (void)pthread_create(&thread, NULL, change_in_thread, NULL);
    (void)pthread_join(thread, NULL);
    (void)prctl(PR_GET_PDEATHSIG, &signal);
    say("the first thread: %d", signal);
    IN_CHILD("child")
    {
        (void)prctl(PR_GET_PDEATHSIG, &signal);
        say("a child: %d", signal);
    }
}

/* Whoever dies takes along whom he could have killed. */
CASE(end_of_the_parent)
{
    make_programs();
    for (int i = 0; i < 2; i++) {
        int ends[2], seen[2];
        (void)!pipe(ends);
        (void)!pipe(seen);
        (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
        pid_t middle = fork_or_die();
        if (middle == 0) {
            become(1000, 1000);
            if (fork_or_die() == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void)dup2(ends[0], 0);
                (void)dup2(seen[1], 1);
                close(ends[1]);
                execl(programs[i], "secure", "helper", "waits", (char *)NULL);
            }
            char byte;
            close(seen[1]);
            (void)!read(seen[0], &byte, 1);
            _exit(0);
        }
        close(ends[0]);
        close(seen[1]);
        (void)waitpid(middle, NULL, 0);
        sleep_ms(100);
        close(ends[1]);
        say_wait(programs[i], -1);
    }
}

HELPER(waits)
{
    char byte;
    (void)argc;
    (void)argv;
    (void)!write(1, "x", 1);
    return read(0, &byte, 1) == 0 ? 7 : 8;
}

/* A program that sleeps, or one that names it as its interpreter. */
static void put_program(const char *path, const char *interpreter, uint64_t base, mode_t mode)
{
    static const unsigned char pause_for_ever[] = {0xb8, SYS_pause, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7};
    unsigned char image[4096] = {0};
    Elf64_Ehdr *header = (Elf64_Ehdr *)image;
    Elf64_Phdr *segments = (Elf64_Phdr *)(header + 1);
    *header = (Elf64_Ehdr){.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                           .e_type = base == 0 ? ET_DYN : ET_EXEC, .e_machine = EM_X86_64, .e_version = EV_CURRENT, .e_entry = base + 1024,
                           .e_phoff = sizeof(*header), .e_ehsize = sizeof(*header), .e_phentsize = sizeof(*segments), .e_phnum = 1};
    segments[0] = (Elf64_Phdr){.p_type = PT_LOAD, .p_vaddr = base, .p_filesz = sizeof(image), .p_memsz = sizeof(image),
                               .p_flags = PF_R | PF_X, .p_align = 4096};
    if (interpreter != NULL) {
        const size_t size = strlen(interpreter) + 1;
        segments[1] = (Elf64_Phdr){.p_type = PT_INTERP, .p_offset = 2048, .p_vaddr = base + 2048, .p_filesz = size, .p_memsz = size, .p_flags = PF_R};
        memcpy(image + 2048, interpreter, size);
        header->e_phnum = 2;
    }
    memcpy(image + 1024, pause_for_ever, sizeof(pause_for_ever));
    int fd = open(path, O_CREAT | O_WRONLY, 0755);
    (void)!write(fd, image, sizeof(image));
    fchmod(fd, mode);
    close(fd);
}

static void look_into(const char *what, const char *program)
{
    char path[64], byte;
    pid_t pid = fork_or_die();
    if (pid == 0) {
        execl(program, program, (char *)NULL);
        _exit(1);
    }
    snprintf(path, sizeof(path), "/proc/%d/exe", pid);
    char target[256];
    for (int i = 0; i < 1000; i++) {
        ssize_t size = readlink(path, target, sizeof(target) - 1);
        if (size < 0 || (size > 4 && memcmp(target + size - 4, program + strlen(program) - 4, 4) == 0))
            break;
        sleep_ms(2);
    }
    wait_state(pid, 'S');
    const struct iovec local = {&byte, 1}, remote = {(void *)0x10000400, 1};
    ssize_t got;
    for (int i = 0; (got = process_vm_readv(pid, &local, 1, &remote, 1, 0)) < 0 && errno == EFAULT && i < 1000; i++)
        sleep_ms(2); /* it is being loaded */
    say("%s: memory %s", what, got < 0 ? error_name(errno) : "read");
    snprintf(path, sizeof(path), "/proc/%d/maps", pid);
    int fd = open(path, O_RDONLY);
    say("%s: maps %s", what, fd < 0 ? error_name(errno) : "read");
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    TRY(syscall(SYS_pidfd_getfd, pidfd, 77, 0));
    kill(pid, SIGKILL);
    say_wait(what, pid);
}

/* What may be executed and not be read cannot be read by way of a process that runs it, be it the program or what the program names. */
CASE(programs_that_may_not_be_read)
{
    char here[256], interpreter[300];
    if (getcwd(here, sizeof(here)) == NULL)
        return;
    chmod(".", 0755);
    snprintf(interpreter, sizeof(interpreter), "%s/hidden", here);
    put_program("hidden", NULL, 0, 0711);
    put_program("open", NULL, 0x10000000, 0755);
    put_program("shut", NULL, 0x10000000, 0711);
    put_program("asks", interpreter, 0x10000000, 0755);
    IN_CHILD("user")
    {
        become(1000, 1000);
        look_into("an open one", "./open");
        look_into("one that is shut", "./shut");
        look_into("one with an interpreter that is shut", "./asks");
    }
    look_into("root", "./asks");
}

HELPER(pass_on)
{
    (void)argc;
    (void)argv;
    execl("./plain", "plain", "helper", "holds", (char *)NULL);
    return 1;
}

HELPER(holds)
{
    int found = 0;
    (void)argc;
    (void)argv;
    for (int number = 3; number < 30; number++) {
        char path[64], target[512];
        snprintf(path, sizeof(path), "/proc/self/fd/%d", number);
        ssize_t size = readlink(path, target, sizeof(target));
        found += size > 7 && memcmp(target + size - 7, "/hidden", 7) == 0;
    }
    say("descriptors of the hidden program: %d", found);
    return 0;
}

/* Nor by what is left over of its start if nothing can be closed. */
CASE(closing_is_filtered)
{
    struct sock_filter lines[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {sizeof(lines) / sizeof(lines[0]), lines};
    copy_self("hidden");
    copy_self("plain");
    chmod("hidden", 0711);
    chmod(".", 0755);
    IN_CHILD("user")
    {
        become(1000, 1000);
        TRY(open("hidden", O_RDONLY));
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
        execl("./hidden", "hidden", "helper", "pass_on", (char *)NULL);
        _exit(1);
    }
}
