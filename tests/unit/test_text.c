/* SPDX-License-Identifier: Apache-2.0 */
/* What others write comes to a terminal or a log so that it can play no tricks there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postern/text.h"

static void expect(const char *text, const char *kept, const char *wanted)
{
    char shown[256];
    size_t length = text_show(shown, sizeof(shown), text, kept);
    assert_string_equal(shown, wanted);
    assert_int_equal(length, strlen(wanted));
    char *own = text_shown(text, kept);
    assert_string_equal(own, wanted);
    free(own);
}

static void test_shown(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},
        {"plain text, \"quoted\" \\ and all", "plain text, \"quoted\" \\ and all"},
        {"gr\xc3\xbc\xc3\x9f \xe6\xbc\xa2 \xf0\x9f\x9a\xaa", "gr\xc3\xbc\xc3\x9f \xe6\xbc\xa2 \xf0\x9f\x9a\xaa"},
        {"a\nb\tc\rd", "a\\nb\\tc\\rd"},
        {"\033]0;title\007\033[2J", "\\x1b]0;title\\x07\\x1b[2J"},
        {"\x7f", "\\x7f"},
        {"\xc2\x9b" "2J", "\\u{9b}2J"},                                  /* CSI in one character */
        {"\x9b" "2J", "\\x9b2J"},                                        /* and in one byte */
        {"\xe2\x80\xae" "gnp.exe", "\\u{202e}gnp.exe"},                  /* right to left */
        {"\xe2\x80\xa8", "\\u{2028}"},
        {"\xc0\xaf\xe0\x80\xaf", "\\xc0\\xaf\\xe0\\x80\\xaf"},           /* longer than needed */
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},                             /* half of a pair */
        {"\xf4\x90\x80\x80\xff", "\\xf4\\x90\\x80\\x80\\xff"},           /* beyond the last */
        {"cut \xe6\xbc", "cut \\xe6\\xbc"},
        {"\xf3\xa0\x81\x81", "\\u{e0041}"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect(cases[i][0], "", cases[i][1]);
    expect("a\nb\tc\033", "\n\t", "a\nb\tc\\x1b");
}

/* Every single byte and every pair of bytes: nothing below a blank, no DEL, and UTF-8 throughout. */
static void test_all_pairs(void **state)
{
    (void)state;
    for (int first = 1; first < 256; first++) {
        for (int second = 0; second < 256; second++) {
            const char text[] = {(char)first, (char)second, '\0'};
            char shown[32];
            (void)text_show(shown, sizeof(shown), text, "");
            size_t length;
            for (const char *at = shown; *at != '\0'; at += length) {
                unsigned int character = 0;
                length = text_character(at, &character);
                assert_true(length > 0);
                assert_true(character >= ' ' && (character < 0x7f || character > 0x9f));
            }
        }
    }
}

static void test_room(void **state)
{
    (void)state;
    char shown[8];
    assert_int_equal(text_show(shown, sizeof(shown), "abc\033def", ""), 7);
    assert_string_equal(shown, "abc\\x1b");
    assert_int_equal(text_show(shown, 6, "abc\033def", ""), 3); /* no half escape */
    assert_string_equal(shown, "abc");
    assert_int_equal(text_show(shown, 5, "abc\xc3\xbc", ""), 3);
    assert_int_equal(text_show(shown, 1, "abc", ""), 0);
    assert_string_equal(shown, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shown),
        cmocka_unit_test(test_all_pairs),
        cmocka_unit_test(test_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
