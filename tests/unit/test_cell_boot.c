/* SPDX-License-Identifier: Apache-2.0 */
/* What postern-cell is told: whatever is wrong with it is refused before anything of it is used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "postern/cell.h"

static const char words[] = "/bin/sh\0sh\0-c\0PATH=/bin"; /* the last ends with the array */

static struct {
    struct cell_boot boot;
    char text[256];
} file;

static void fill(void)
{
    memset(&file, 0, sizeof(file));
    file.boot.magic = CELL_BOOT_MAGIC;
    file.boot.version = CELL_BOOT_VERSION;
    file.boot.join_flags = CLONE_NEWUSER;
    file.boot.clone_flags = CLONE_NEWPID | CLONE_NEWNS;
    file.boot.guest.count = 1;
    file.boot.arg_count = 2;
    file.boot.env_count = 1;
    file.boot.text_size = sizeof(words);
    memcpy(&file.boot + 1, words, sizeof(words));
}

static int check(void)
{
    struct error error = {0};
    int status = cell_boot_check(&file.boot, sizeof(file.boot) + file.boot.text_size, &error);
    assert_int_equal(status < 0, error.text[0] != '\0');
    return status;
}

#define REFUSES(change)                                                                                                \
    do {                                                                                                               \
        fill();                                                                                                        \
        change;                                                                                                        \
        assert_int_equal(check(), -EINVAL);                                                                            \
    } while (0)

static void test_good(void **state)
{
    (void)state;
    fill();
    assert_int_equal(check(), 0);
    file.boot.limit_count = CELL_LIMITS_MAX;
    file.boot.sysctl_count = CELL_SYSCTLS_MAX;
    file.boot.guest.count = file.boot.config.count = BPF_MAXINSNS;
    file.boot.preserve_fds = CELL_PRESERVED_MAX;
    assert_int_equal(check(), 0);
}

static void test_numbers(void **state)
{
    (void)state;
    REFUSES(file.boot.magic++);
    REFUSES(file.boot.version++);
    REFUSES(file.boot.limit_count = CELL_LIMITS_MAX + 1);
    REFUSES(file.boot.sysctl_count = CELL_SYSCTLS_MAX + 1);
    REFUSES(file.boot.preserve_fds = CELL_PRESERVED_MAX + 1);
    REFUSES(file.boot.guest.count = BPF_MAXINSNS + 1);
    REFUSES(file.boot.guest.count = 0);
    REFUSES(file.boot.config.count = UINT32_MAX);
    REFUSES(file.boot.own_streams = 8);
    REFUSES(file.boot.join_flags |= CLONE_VM);
    REFUSES(file.boot.clone_flags |= CLONE_PTRACE);
    REFUSES((file.boot.limit_count = 1, file.boot.limits[0].resource = RLIM_NLIMITS));
    REFUSES((file.boot.limit_count = 1, file.boot.limits[0].resource = RLIMIT_LOCKS)); /* the stamp */
}

static void test_text(void **state)
{
    (void)state;
    REFUSES(file.boot.arg_count = 0);
    REFUSES(file.boot.arg_count = 3);
    REFUSES(file.boot.env_count = 0);
    REFUSES(file.boot.env_count = UINT32_MAX);
    REFUSES(file.boot.text_size = 0);
    REFUSES(file.boot.text_size--);
    REFUSES(memset(file.boot.hostname, 'x', sizeof(file.boot.hostname)));
    REFUSES(memset(file.boot.joined_hostname, 'x', sizeof(file.boot.joined_hostname)));
    REFUSES((file.boot.limit_count = 1, memset(file.boot.limits[0].name, 'x', sizeof(file.boot.limits[0].name))));
    REFUSES((file.boot.sysctl_count = 1, memset(file.boot.sysctls[0].path, 'x', sizeof(file.boot.sysctls[0].path))));
    REFUSES((file.boot.sysctl_count = 1, memset(file.boot.sysctls[0].value, 'x', sizeof(file.boot.sysctls[0].value))));
    fill();
    struct error error = {0};
    assert_int_equal(cell_boot_check(&file.boot, sizeof(file.boot) - 1, &error), -EINVAL);
    assert_int_equal(cell_boot_check(&file.boot, sizeof(file.boot) + file.boot.text_size - 1, &error), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
