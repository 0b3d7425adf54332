/* SPDX-License-Identifier: Apache-2.0 */
/* sources: runtime/commands/daemon_json.c */
/* Docker's configuration keeps everything that is not ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "postern/error.h"
#include "runtime/commands/daemon_json.h"

static char *const no_args[] = {NULL};

static char *added(const char *text, char *const *args)
{
    struct error error = {0};
    char *after = NULL;
    assert_int_equal(daemon_json_add(text, strlen(text), "postern", "/usr/bin/postern", args, &after, &error), 0);
    return after;
}

static char *removed(const char *text)
{
    struct error error = {0};
    char *after = NULL;
    assert_int_equal(daemon_json_remove(text, strlen(text), "postern", &after, &error), 0);
    return after;
}

static void expect(char *found, const char *wanted)
{
    assert_string_equal(found, wanted);
    free(found);
}

static void test_add_to_nothing(void **state)
{
    (void)state;
    static const char wanted[] = "{\n    \"runtimes\": {\n        \"postern\": {\n"
                                 "            \"path\": \"/usr/bin/postern\"\n        }\n    }\n}\n";
    expect(added("", no_args), wanted);
    expect(added(" \n\t", no_args), wanted);
    expect(added("{}", no_args), wanted);
    expect(added("{\"runtimes\":{}}", no_args), wanted);
}

static void test_add_with_arguments(void **state)
{
    (void)state;
    char *const args[] = {(char[]){"--debug"}, (char[]){"--log=/l \"x\""}, NULL};
    char *after = added("{}", args);
    assert_non_null(strstr(after, "\"runtimeArgs\": [\n                \"--debug\",\n                \"--log=/l \\\"x\\\"\"\n"));
    free(after);
}

static void test_keeps_the_rest(void **state)
{
    (void)state;
    char *after = added("{\"z\":1.50e3,\"big\":12345678901234567890,\"a\":[true,null,\"\\u00e9\\n\"],"
                        "\"runtimes\":{\"runsc\":{\"path\":\"/r\"}},\"last\":{}}",
                        no_args);
    static const char *const in_order[] = {"\"z\": 1.50e3,", "\"big\": 12345678901234567890,", "true",     "null",
                                           "\"\xc3\xa9\\n\"", "\"runsc\"",                      "\"postern\"", "\"last\""};
    const char *place = after;
    for (size_t i = 0; i < sizeof(in_order) / sizeof(in_order[0]); i++) {
        place = strstr(place, in_order[i]);
        assert_non_null(place);
    }
    free(after);
}

static void test_replaces(void **state)
{
    (void)state;
    char *after = added("{\"runtimes\":{\"postern\":{\"path\":\"/old\",\"runtimeArgs\":[\"x\"]},\"b\":{}}}", no_args);
    assert_null(strstr(after, "/old"));
    assert_null(strstr(after, "runtimeArgs"));
    assert_non_null(strstr(after, "\"b\""));
    char *again = added(after, no_args);
    assert_string_equal(after, again);
    free(again);
    free(after);
}

static void test_remove(void **state)
{
    (void)state;
    expect(removed("{\"a\":1,\"runtimes\":{\"postern\":{\"path\":\"/p\"}}}"), "{\n    \"a\": 1\n}\n");
    char *after = removed("{\"runtimes\":{\"a\":{},\"postern\":{},\"b\":{}}}");
    assert_null(strstr(after, "postern"));
    assert_non_null(strstr(after, "\"a\""));
    assert_non_null(strstr(after, "\"b\""));
    free(after);
}

static void test_remove_what_is_not_there(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "{}", "{\"runtimes\":{\"other\":{}}}"};
    for (size_t i = 0; i < 3; i++) {
        struct error error = {0};
        char *after = NULL;
        assert_int_equal(daemon_json_remove(texts[i], strlen(texts[i]), "postern", &after, &error), -ENOENT);
        assert_int_equal(error.code, 0);
        assert_null(after);
    }
}

static void test_refuses(void **state)
{
    (void)state;
    static const char *const texts[] = {"{", "[]", "7", "{} {}", "{\"runtimes\":[]}", "{\"runtimes\":{},\"runtimes\":{}}",
                                        "{\"runtimes\":{\"postern\":{},\"postern\":{}}}"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct error error = {0};
        char *after = NULL;
        assert_true(daemon_json_add(texts[i], strlen(texts[i]), "postern", "/p", no_args, &after, &error) < 0);
        assert_int_not_equal(error.code, 0);
        assert_null(after);
    }
    static const char preferred[] = "{\"default-runtime\":\"postern\",\"runtimes\":{\"postern\":{}}}";
    struct error error = {0};
    char *after = NULL;
    assert_int_equal(daemon_json_remove(preferred, strlen(preferred), "postern", &after, &error), -EINVAL);
    assert_null(after);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const good[] = {"postern", "a", "p-2.x_y"};
    static const char *const bad[] = {"", "-a", "a b", "a/b", "runc", "io.containerd.runc.v2", "p\n"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct error error = {0};
        assert_int_equal(daemon_json_check_name(good[i], &error), 0);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct error error = {0};
        assert_true(daemon_json_check_name(bad[i], &error) < 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add_to_nothing),  cmocka_unit_test(test_add_with_arguments),
        cmocka_unit_test(test_keeps_the_rest),  cmocka_unit_test(test_replaces),
        cmocka_unit_test(test_remove),          cmocka_unit_test(test_remove_what_is_not_there),
        cmocka_unit_test(test_refuses),         cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
