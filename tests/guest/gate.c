/* SPDX-License-Identifier: Apache-2.0 */
/* What a program could notice of the gate its calls go through: registers, signals, stacks, its memory's map. */
#include "case.h"

#include <setjmp.h>
#include <sys/mman.h>
#include <sys/time.h>

/* A call site like the C library's; all registers but rax, rcx and r11 come back as they went. */
CASE(registers_are_kept)
{
    uint64_t in[12], out[12], result;
    for (uint64_t i = 0; i < 12; i++)
        in[i] = 0x1111111111111111 * (i + 1);
    __asm__ volatile("mov %[in], %%rcx\n\t"
                     "push %%rbx\n\tpush %%rbp\n\tpush %[out]\n\t"
                     "mov (%%rcx), %%rdi\n\tmov 8(%%rcx), %%rsi\n\tmov 16(%%rcx), %%rdx\n\tmov 24(%%rcx), %%r10\n\t"
                     "mov 32(%%rcx), %%r8\n\tmov 40(%%rcx), %%r9\n\tmov 48(%%rcx), %%rbx\n\tmov 56(%%rcx), %%r12\n\t"
                     "mov 64(%%rcx), %%r13\n\tmov 72(%%rcx), %%r14\n\tmov 80(%%rcx), %%r15\n\tmov 88(%%rcx), %%rbp\n\t"
                     "mov $107, %%eax\n\tsyscall\n\t"
                     "pop %%rcx\n\t"
                     "mov %%rdi, (%%rcx)\n\tmov %%rsi, 8(%%rcx)\n\tmov %%rdx, 16(%%rcx)\n\tmov %%r10, 24(%%rcx)\n\t"
                     "mov %%r8, 32(%%rcx)\n\tmov %%r9, 40(%%rcx)\n\tmov %%rbx, 48(%%rcx)\n\tmov %%r12, 56(%%rcx)\n\t"
                     "mov %%r13, 64(%%rcx)\n\tmov %%r14, 72(%%rcx)\n\tmov %%r15, 80(%%rcx)\n\tmov %%rbp, 88(%%rcx)\n\t"
                     "pop %%rbp\n\tpop %%rbx\n\t"
                     : "=&a"(result)
                     : [in] "r"(in), [out] "r"(out)
                     : "rcx", "r11", "rdi", "rsi", "rdx", "r10", "r8", "r9", "r12", "r13", "r14", "r15", "memory", "cc");
    say("geteuid %lu, registers %s", result, memcmp(in, out, sizeof(in)) == 0 ? "kept" : "changed");
}

/* Nothing below the stack pointer within the red zone is touched. */
CASE(the_red_zone_is_kept)
{
    uint64_t result, sum;
    __asm__ volatile("mov $16, %%ecx\n\tlea -128(%%rsp), %%rdi\n\t"
                     "1: movq $7, (%%rdi)\n\tadd $8, %%rdi\n\tdec %%ecx\n\tjnz 1b\n\t"
                     "mov $107, %%eax\n\tsyscall\n\tmov %%rax, %0\n\t"
                     "xor %%eax, %%eax\n\tmov $16, %%ecx\n\tlea -128(%%rsp), %%rdi\n\t"
                     "1: add (%%rdi), %%rax\n\tadd $8, %%rdi\n\tdec %%ecx\n\tjnz 1b\n\t"
                     "mov %%rax, %1\n\t"
                     : "=&r"(result), "=&r"(sum)
                     :
                     : "rax", "rcx", "r11", "rdi", "memory", "cc");
    say("geteuid %lu, zone %lu", result, sum);
}

/* Who jumps to the syscall instruction itself makes a call all the same. */
CASE(a_jump_to_the_instruction)
{
    uint64_t result;
    __asm__ volatile("mov $107, %%eax\n\tjmp 1f\n\tmov $0x7fff, %%eax\n\t1: syscall\n\t" : "=&a"(result) : : "rcx", "r11", "memory");
    say("geteuid %lu", result);
}

static volatile sig_atomic_t handled;
static sigjmp_buf back;

static void count(int signal)
{
    (void)signal;
    handled++;
}

static void jump(int signal)
{
    (void)signal;
    if (++handled < 200)
        siglongjmp(back, 1);
}

static void start_timer(int us, void (*handler)(int))
{
    const struct sigaction action = {.sa_handler = handler};
    const struct itimerval timer = {{0, us}, {0, us}};
    (void)sigaction(SIGALRM, &action, NULL);
    (void)setitimer(ITIMER_REAL, &timer, NULL);
}

static void stop_timer(void)
{
    const struct itimerval none = {0};
    (void)setitimer(ITIMER_REAL, &none, NULL);
}

/* A handler that does not return: the call is left where it is. */
CASE(jumps_out_of_handlers)
{
    volatile int calls = 0;
    (void)sigsetjmp(back, 1);
    start_timer(300, jump);
    struct stat status;
    while (handled < 200) {
        if (stat("/", &status) < 0 || umask(022) > 0777)
            say("failed: %s", error_name(errno));
        calls++;
    }
    stop_timer();
    say("handled %d, calls %s", (int)handled, calls > 0 ? "went on" : "did not");
}

/* Handlers on a stack of the least size there is make calls themselves, on top of calls. */
static void call_and_count(int signal)
{
    struct stat status;
    if (stat("/", &status) == 0)
        count(signal);
}

CASE(calls_on_a_small_stack)
{
    static char memory[2048 + 4096] __attribute__((aligned(16)));
    const stack_t stack = {.ss_sp = memory, .ss_size = sizeof(memory)};
    OK(sigaltstack(&stack, NULL));
    const struct sigaction action = {.sa_handler = call_and_count, .sa_flags = SA_ONSTACK};
    OK(sigaction(SIGALRM, &action, NULL));
    const struct itimerval timer = {{0, 500}, {0, 500}};
    OK(setitimer(ITIMER_REAL, &timer, NULL));
    int failed = 0;
    while (handled < 100)
        failed += access("/", F_OK) < 0;
    stop_timer();
    say("failed %d", failed);
}

/* A FIFO nobody writes to: an open waits, and is interrupted; what cannot be interrupted is not. */
CASE(what_waits_is_interrupted)
{
    OK(mkfifo("pipe", 0600));
    start_timer(20000, count);
    TRY(open("pipe", O_RDONLY));
    stop_timer();
    const struct sigaction again = {.sa_handler = count, .sa_flags = SA_RESTART};
    (void)sigaction(SIGALRM, &again, NULL);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        usleep(200000);
        _exit(open("pipe", O_WRONLY) < 0);
    }
    const struct itimerval timer = {{0, 20000}, {0, 20000}};
    (void)setitimer(ITIMER_REAL, &timer, NULL);
    int fd = open("pipe", O_RDONLY);
    stop_timer();
    say("restarted: %s", fd >= 0 ? "open" : error_name(errno));
    say_wait("writer", pid);
}

/* Lines of maps, each by its kind: no more of them than the program has parts. */
CASE(the_map_of_memory)
{
    char line[512], name[256];
    int of_program = 0, executable = 0, of_memory_files = 0, writable_code = 0, shared = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
        char permissions[5];
        name[0] = '\0';
        (void)sscanf(line, "%*s %4s %*s %*s %*s %255s", permissions, name);
        of_program += strstr(name, "gate") != NULL;
        executable += name[0] == '/' && permissions[2] == 'x';
        writable_code += permissions[1] == 'w' && permissions[2] == 'x';
        shared += permissions[3] == 's';
        of_memory_files += strstr(line, "memfd") != NULL;
    }
    say("of the program %d, code of files %d, code that can be written %d, shared %d, memory files %d", of_program, executable,
        writable_code, shared, of_memory_files);
}

CASE(code_can_be_made_writable)
{
    uint64_t page = (uint64_t)(uintptr_t)&stat & ~UINT64_C(4095);
    OK(mprotect((void *)page, 8192, PROT_READ | PROT_WRITE | PROT_EXEC));
    struct stat status;
    OK(stat("/", &status));
    OK(mprotect((void *)page, 8192, PROT_READ | PROT_EXEC));
    OK(stat("/", &status));
}
