/* SPDX-License-Identifier: Apache-2.0 */
/* sources: runtime/commands/routes_print.c */
/* The table is whole, consistent, its guards are well formed, and docs/routes.md is what it says. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/guards.h"
#include "postern/routes.h"
#include "postern/syscall_numbers.h"
#include "runtime/commands/routes_print.h"

static const struct {
    const char *name;
    const char *kind, *guard, *otherwise, *handler;
    int nr;
} lines[] = {
#define ROUTE(name, kind, guard, otherwise, error, handler, arguments, reason) \
    {#name, #kind, #guard, #otherwise, #handler, __NR_##name},
#include "postern/routes.def"
#undef ROUTE
};
enum { LINES = sizeof(lines) / sizeof(lines[0]) };

static void every_call_has_one_line(void **state)
{
    (void)state;
    assert_int_equal(routes_count, LINES);
    for (int i = 1; i < LINES; i++) {
        if (lines[i].nr <= lines[i - 1].nr)
            fail_msg("%s is out of order or twice", lines[i].name);
    }
    for (int nr = 0; nr <= __NR_file_setattr; nr++) {
        if ((nr <= __NR_uprobe || nr >= __NR_pidfd_send_signal) && routes[nr].name == NULL)
            fail_msg("call %d has no line", nr);
    }
}

static bool is_trapped(enum route_kind kind)
{
    return kind == ROUTE_SENTRY || kind == ROUTE_GOFER || kind == ROUTE_CONTINUE;
}

static void lines_are_consistent(void **state)
{
    (void)state;
    for (int i = 0; i < LINES; i++) {
        const struct route *route = route_find(lines[i].nr);
        assert_string_equal(route->name, lines[i].name);
        assert_int_equal(route->nr, lines[i].nr);
        bool trapped = is_trapped(route->kind) || is_trapped(route->otherwise);
        const char *handler = trapped ? route->name : "none";
        if (strcmp(lines[i].handler, handler) != 0)
            fail_msg("%s: handler %s, not %s", route->name, lines[i].handler, handler);
        if (trapped != (route->handler != NULL))
            fail_msg("%s: handler lost", route->name);
        bool has_guard = strcmp(lines[i].guard, "none") != 0;
        if (has_guard != (route->kind == ROUTE_HOST && strcmp(lines[i].otherwise, "none") != 0))
            fail_msg("%s: a guard goes with host and an otherwise", route->name);
        bool needs_error = route->kind == ROUTE_ABSENT || (has_guard && route->otherwise == ROUTE_ABSENT);
        if (needs_error != (route->error > 0))
            fail_msg("%s: absent calls, and no others, have an errno", route->name);
        if (strlen(route->reason) < 5 || strlen(route->reason) > 100)
            fail_msg("%s: a reason is a short sentence", route->name);
    }
}

static void guards_are_well_formed(void **state)
{
    (void)state;
    for (size_t g = 1; g < GUARD_COUNT; g++) {
        const struct guard *guard = &guards[g];
        assert_true(guard->name != NULL && guard->name[0] != '\0');
        assert_in_range(guard->case_count, 1, GUARD_CASES_MAX);
        for (size_t c = 0; c < guard->case_count; c++) {
            assert_in_range(guard->cases[c].term_count, 1, GUARD_TERMS_MAX);
            for (size_t t = 0; t < guard->cases[c].term_count; t++) {
                const struct guard_term *term = &guard->cases[c].terms[t];
                if (term->argument >= GUARD_WORDS || (term->value & ~term->mask) != 0 || term->mask == 0)
                    fail_msg("guard %s, case %zu, term %zu can never hold", guard->name, c, t);
            }
        }
    }
}

static void unknown_numbers_are_absent(void **state)
{
    (void)state;
    const int numbers[] = {-1, 337, 400, 423, 511, 512, 100000, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        const struct route *route = route_find(numbers[i]);
        assert_non_null(route);
        assert_int_equal(route->kind, ROUTE_ABSENT);
        assert_int_equal(route->error, ENOSYS);
    }
}

/* They are printed as JSON and Markdown without escaping. */
static void texts_need_no_escaping(void **state)
{
    (void)state;
    for (size_t nr = 0; nr < ROUTES_MAX; nr++) {
        const struct route *route = &routes[nr];
        if (route->name == NULL)
            continue;
        const char *const texts[] = {route->reason, route->arguments, route->guard != NULL ? route->guard->name : ""};
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
            for (const char *at = texts[i]; *at != '\0'; at++) {
                if (*at < ' ' || *at > '~' || strchr("\"\\|<>", *at) != NULL)
                    fail_msg("%s: character %#x in \"%s\"", route->name, (unsigned char)*at, texts[i]);
            }
        }
    }
}

static char *read_all(FILE *file)
{
    assert_non_null(file);
    char *text = NULL;
    size_t size = 0;
    ssize_t length = getdelim(&text, &size, '\0', file);
    assert_true(length > 0);
    (void)fclose(file);
    return text;
}

static void the_page_is_up_to_date(void **state)
{
    (void)state;
    char path[4096];
    const char *slash = strstr(__FILE__, "tests/unit/test_routes.c");
    assert_non_null(slash);
    (void)snprintf(path, sizeof(path), "%.*sdocs/routes.md", (int)(slash - __FILE__), __FILE__);
    FILE *made = tmpfile();
    assert_non_null(made);
    char *const all[] = {NULL};
    routes_print_markdown(made, all);
    rewind(made);
    char *wanted = read_all(made), *page = read_all(fopen(path, "re"));
    if (strcmp(wanted, page) != 0)
        fail_msg("%s is not what the table says; run docs/update", path);
    free(wanted);
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_has_one_line),
        cmocka_unit_test(lines_are_consistent),
        cmocka_unit_test(guards_are_well_formed),
        cmocka_unit_test(unknown_numbers_are_absent),
        cmocka_unit_test(texts_need_no_escaping),
        cmocka_unit_test(the_page_is_up_to_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
