/* SPDX-License-Identifier: Apache-2.0 */
/* A confined process makes the calls its lines name, and dies of any other. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "postern/confine.h"

enum { ALLOWED_FD = 6, OTHER_ALLOWED_FD = 9 };

CONFINE_ALLOW(getppid, "unconditional");
CONFINE_ALLOW_IF(openat, 0, UINT32_MAX, ALLOWED_FD, "one value");
CONFINE_ALLOW_IF(openat, 0, UINT32_MAX, OTHER_ALLOWED_FD, "another value");
CONFINE_ALLOW_IF(dup, 0, UINT32_MAX, -1, "a negative int");
CONFINE_ALLOW_IF(lseek, 1, UINT64_MAX, 5, "a whole register");
CONFINE_ALLOW_IF(getpriority, 0, UINT32_MAX, 7, "narrow, but made wide by the next line");
CONFINE_ALLOW(getpriority, "wide");
CONFINE_ALLOW_IF(setpriority, 0, UINT32_MAX, 7, "narrow, but for those who have been granted more");
CONFINE_GRANTED(setpriority, "wide for those");
CONFINE_GRANTED(getpgid, "for those alone");

#ifdef __SANITIZE_ADDRESS__
enum { SANITIZED = 1 }; /* the sanitizer makes calls of its own, which no line names */
#else
enum { SANITIZED = 0 };
#endif

/* The status of a child that confines itself and makes one call. 0 if it lived. */
static int try_as(bool granted, long nr, long a, long b)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct error error = {0};
        if (confine_apply(granted, &error) < 0)
            _exit(99);
        (void)syscall(nr, a, b, 0, 0, 0, 0);
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static int try(long nr, long a, long b)
{
    return try_as(false, nr, a, b);
}

static bool died(int status)
{
#ifdef NDEBUG
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
#else
    return WIFEXITED(status) && WEXITSTATUS(status) == 128 + SIGSYS;
#endif
}

static void listed_calls_live(void **state)
{
    (void)state;
    if (SANITIZED)
        skip();
    assert_int_equal(try(SYS_getppid, 0, 0), 0);
    assert_int_equal(try(SYS_getpriority, 0, 0), 0);
    assert_int_equal(try(SYS_openat, ALLOWED_FD, 0), 0);
    assert_int_equal(try(SYS_openat, OTHER_ALLOWED_FD, 0), 0);
    assert_int_equal(try(SYS_openat, (long)(UINT64_C(0xabcd00000000) | ALLOWED_FD), 0), 0);
    assert_int_equal(try(SYS_dup, -1, 0), 0);
    assert_int_equal(try(SYS_dup, (long)UINT32_MAX, 0), 0);
    assert_int_equal(try(SYS_lseek, 0, 5), 0);
}

static void other_calls_kill(void **state)
{
    (void)state;
    if (SANITIZED)
        skip();
    assert_true(died(try(SYS_getuid, 0, 0)));
    assert_true(died(try(SYS_socket, 1, 1)));
    assert_true(died(try(SYS_execve, 0, 0)));
    assert_true(died(try(SYS_openat, AT_FDCWD, 0)));
    assert_true(died(try(SYS_openat, 7, 0)));
    assert_true(died(try(SYS_dup, 1, 0)));
    assert_true(died(try(SYS_lseek, 0, (long)(UINT64_C(1) << 32 | 5))));
    assert_true(died(try(600, 0, 0)));
}

static void some_calls_are_granted(void **state)
{
    (void)state;
    if (SANITIZED)
        skip();
    assert_int_equal(try_as(true, SYS_getpgid, 0, 0), 0);
    assert_int_equal(try_as(true, SYS_setpriority, 0, 0), 0);
    assert_true(died(try(SYS_getpgid, 0, 0)));
    assert_true(died(try(SYS_setpriority, 0, 0)));
    assert_int_equal(try(SYS_setpriority, 7, 0), 0);
}

static void the_list_is_printed(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    assert_non_null(file);
    assert_int_equal(confine_print(file), 0);
    (void)fclose(file);
    assert_non_null(strstr(text, "getppid: unconditional\n"));
    assert_non_null(strstr(text, "openat if argument 0 & 0xffffffff is 0x6: one value\n"));
    assert_non_null(strstr(text, "dup if argument 0 & 0xffffffff is 0xffffffff: a negative int\n"));
    assert_non_null(strstr(text, "getpgid if granted: for those alone\n"));
    assert_non_null(strstr(text, "exit_group: "));
    assert_true(strstr(text, "dup if") < strstr(text, "getppid"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listed_calls_live),
        cmocka_unit_test(other_calls_kill),
        cmocka_unit_test(some_calls_are_granted),
        cmocka_unit_test(the_list_is_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
