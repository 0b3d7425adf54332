/* SPDX-License-Identifier: Apache-2.0 */
/* sources: sentry/fs/procfs_text.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "sentry/fs/procfs_text.h"

static void test_builds(void **state)
{
    (void)state;
    auto_text struct text text = {0};
    text_string(&text, "a");
    text_printf(&text, "%d-%s", 42, "b");
    text_append(&text, "c\0d", 3);
    assert_int_equal(text.error, 0);
    assert_int_equal(text.length, 8);
    assert_memory_equal(text.data, "a42-bc\0d", 9);
}

static void test_escapes_like_the_kernel(void **state)
{
    (void)state;
    auto_text struct text text = {0};
    text_escaped(&text, "/my dir\t\\x\n#y\303\244");
    assert_string_equal(text.data, "/my\\040dir\\011\\134x\\012\\043y\303\244");
}

static void test_is_bounded(void **state)
{
    (void)state;
    auto_text struct text text = {0};
    static char block[1 << 20];
    for (int i = 0; i < 16; i++)
        text_append(&text, block, sizeof(block));
    assert_int_equal(text.error, -EFBIG);
    assert_true(text.length <= TEXT_MAX);
    size_t length = text.length;
    text_string(&text, "more"); /* the failure sticks */
    assert_int_equal(text.length, length);
}

static void test_lines(void **state)
{
    (void)state;
    char lines[] = "one\n\ntwo";
    char *cursor = lines;
    assert_string_equal(text_line(&cursor), "one");
    assert_string_equal(text_line(&cursor), "");
    assert_string_equal(text_line(&cursor), "two");
    assert_null(text_line(&cursor));
    assert_null(text_line(&cursor));
    char *nothing = NULL;
    assert_null(text_line(&nothing));
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *string;
        bool good;
        long long number;
    } cases[] = {
        {"0", true, 0},    {"7", true, 7},  {"-5", true, -5},  {"100", true, 100}, {"101", false, 0},
        {"-11", false, 0}, {"", false, 0},  {" 7", false, 0},  {"7 ", false, 0},   {"+7", false, 0},
        {"0x7", false, 0}, {"-", false, 0}, {"--7", false, 0}, {"7a", false, 0},   {"99999999999999999999", false, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        long long number = 77;
        assert_int_equal(text_number(cases[i].string, -10, 100, &number), cases[i].good);
        assert_int_equal(number, cases[i].good ? cases[i].number : 77);
    }
}

static void test_reads_files_up_to_a_limit(void **state)
{
    (void)state;
    auto_text struct text whole = {0}, part = {0}, none = {0};
    assert_int_equal(text_read_file(&whole, AT_FDCWD, "/proc/self/status", 1 << 20), 0);
    assert_non_null(strstr(whole.data, "\nPid:"));
    assert_int_equal(text_read_file(&part, AT_FDCWD, "/proc/self/status", 10), 0);
    assert_int_equal(part.length, 10);
    assert_int_equal(text_read_file(&none, AT_FDCWD, "/proc/self/no-such-file", 10), -ENOENT);
    assert_int_equal(none.error, -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_builds),     cmocka_unit_test(test_escapes_like_the_kernel),
        cmocka_unit_test(test_is_bounded), cmocka_unit_test(test_lines),
        cmocka_unit_test(test_numbers),    cmocka_unit_test(test_reads_files_up_to_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
