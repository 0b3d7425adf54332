/* SPDX-License-Identifier: Apache-2.0 */
/* Calls by the 32-bit gate kill whoever makes them; x32's and negative numbers are none the sandbox knows. */
#include "attack.h"

static void by_int80(int number)
{
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(0), "c"(0), "d"(0), "S"(0), "D"(0) : "memory", "r8", "r9", "r10", "r11");
    _exit(result == -ENOSYS ? 38 : 0);
}

static void try(const char *name, void (*make)(int), int number)
{
    pid_t pid = fork();
    if (pid == 0)
        make(number);
    int status = wait_within(pid, 5);
    /* SIGSEGV: the kernel has no 32-bit gate at all. */
    bool dead = WIFSIGNALED(status) && (WTERMSIG(status) == SIGSYS || WTERMSIG(status) == SIGSEGV);
    if (!dead)
        complain("%s call %d did not kill (status %#x)", name, number, (unsigned int)status);
}

int main(void)
{
    for (int number = 0; number < 600; number += number < 20 ? 1 : 37) {
        try("int80", by_int80, number);
        EXPECT(syscall(0x40000000 | number, 0, 0, 0, 0, 0, 0) == -1 && errno == ENOSYS);
        EXPECT(syscall(INT32_MIN | number, 0, 0, 0, 0, 0, 0) == -1 && errno == ENOSYS);
    }
    EXPECT(syscall(-1) == -1 && errno == ENOSYS);
    check_alive("foreign calls");
    return finish();
}
