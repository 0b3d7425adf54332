/* SPDX-License-Identifier: Apache-2.0 */
/* sources: runtime/base/signal_name.c */
/* Signals as engines write them: all spellings runc takes, and none it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>

#include "postern/error.h"
#include "runtime/base/signal_name.h"

static void test_taken(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int signal;
    } good[] = {
        {"TERM", SIGTERM},   {"SIGTERM", SIGTERM}, {"term", SIGTERM}, {"sigTerm", SIGTERM}, {"15", 15}, {"015", 15},
        {"KILL", SIGKILL},   {"9", 9},             {"0", 0},          {"+9", 9},            {"-1", -1}, {"999", 999},
        {"WINCH", SIGWINCH}, {"IO", SIGIO},        {"POLL", SIGPOLL}, {"ABRT", SIGABRT},    {"SYS", SIGSYS},
        {"SIGCHLD", SIGCHLD}, {"PWR", SIGPWR},     {"STKFLT", SIGSTKFLT},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct error error = {0};
        int signal = INT_MIN;
        if (signal_parse(good[i].text, &signal, &error) != 0 || signal != good[i].signal)
            fail_msg("\"%s\" is %d, not %d: %s", good[i].text, signal, good[i].signal, error.text);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "SIG",  "NONSENSE", "SIGSIGTERM", "TERM ", " TERM", " 9",  "9 ",
                                      "0x9",  "9.0",  "RTMIN",    "TER",        "TERMS", "1e1",   "--9", "99999999999",
                                      "\t9", "9\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct error error = {0};
        char words[64];
        int signal = INT_MIN;
        (void)snprintf(words, sizeof(words), "unknown signal \"%s\"", bad[i]);
        if (signal_parse(bad[i], &signal, &error) != -EINVAL)
            fail_msg("\"%s\" is taken for signal %d", bad[i], signal);
        assert_string_equal(error.text, words);
        assert_int_equal(signal, INT_MIN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
