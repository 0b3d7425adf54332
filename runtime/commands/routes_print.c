/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/commands/routes_print.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "postern/routes.h"

/* The strings of the table hold no quote, backslash or bar, and are ASCII: tests/unit/test_routes.c. */

static const char *guard_name(const struct route *route)
{
    return route->guard != NULL ? route->guard->name : "";
}

static void format_fallback(const struct route *route, enum route_kind kind, char *text, size_t size)
{
    if (kind == ROUTE_ABSENT)
        (void)snprintf(text, size, "%s", strerrorname_np(route->error));
    else
        (void)snprintf(text, size, "%s", route_kind_name(kind));
}

/* "host", "absent ENOSYS", "host, else sentry" */
static void format_route(const struct route *route, char *text, size_t size)
{
    char fallback[32];
    if (route->guard != NULL) {
        format_fallback(route, route->otherwise, fallback, sizeof(fallback));
        (void)snprintf(text, size, "%s, else %s", route_kind_name(route->kind), fallback);
    } else if (route->kind == ROUTE_ABSENT) {
        (void)snprintf(text, size, "absent, %s", strerrorname_np(route->error));
    } else {
        (void)snprintf(text, size, "%s", route_kind_name(route->kind));
    }
}

static bool is_meant(const struct route *route, char *const *names)
{
    bool meant = route->name != NULL && names[0] == NULL;
    for (; route->name != NULL && !meant && *names != NULL; names++)
        meant = strcmp(route->name, *names) == 0;
    return meant;
}

void routes_print_table(FILE *file, char *const *names)
{
    (void)fprintf(file, "%4s  %-24s %-24s %s\n", "NR", "CALL", "ROUTE", "WHY");
    for (size_t nr = 0; nr < ROUTES_MAX; nr++) {
        const struct route *route = &routes[nr];
        if (!is_meant(route, names))
            continue;
        char text[64];
        format_route(route, text, sizeof(text));
        (void)fprintf(file, "%4d  %-24s %-24s %s", route->nr, route->name, text, route->reason);
        (void)fprintf(file, route->guard != NULL ? " (native if: %s)\n" : "%s\n", guard_name(route));
    }
}

static void print_term(FILE *file, const struct guard_term *term, const char *separator)
{
    (void)fprintf(file, "%s{\"argument\":%u,\"mask\":\"%#" PRIx64 "\",\"op\":\"%s\",\"value\":\"%#" PRIx64 "\"}", separator,
                  term->argument, term->mask, term->op == GUARD_EQ ? "eq" : "ne", term->value);
}

static void print_guard(FILE *file, const struct route *route)
{
    char fallback[32];
    format_fallback(route, route->otherwise, fallback, sizeof(fallback));
    (void)fprintf(file, ",\"guard\":\"%s\",\"otherwise\":\"%s\",\"cases\":[", route->guard->name, fallback);
    for (size_t c = 0; c < route->guard->case_count; c++) {
        const struct guard_case *guard_case = &route->guard->cases[c];
        (void)fprintf(file, c > 0 ? ",[" : "[");
        for (size_t t = 0; t < guard_case->term_count; t++)
            print_term(file, &guard_case->terms[t], t > 0 ? "," : "");
        (void)fprintf(file, "]");
    }
    (void)fprintf(file, "]");
}

static void print_arguments(FILE *file, const char *arguments)
{
    (void)fprintf(file, ",\"arguments\":[");
    for (const char *separator = ""; *arguments != '\0'; separator = ",") {
        size_t length = strcspn(arguments, ",");
        (void)fprintf(file, "%s\"%.*s\"", separator, (int)length, arguments);
        arguments += length + (arguments[length] == ',');
    }
    (void)fprintf(file, "]");
}

void routes_print_json(FILE *file, char *const *names)
{
    const char *separator = "[\n";
    for (size_t nr = 0; nr < ROUTES_MAX; nr++) {
        const struct route *route = &routes[nr];
        if (!is_meant(route, names))
            continue;
        (void)fprintf(file, "%s{\"number\":%d,\"name\":\"%s\",\"route\":\"%s\"", separator, route->nr, route->name,
                      route_kind_name(route->kind));
        if (route->kind == ROUTE_ABSENT)
            (void)fprintf(file, ",\"errno\":\"%s\"", strerrorname_np(route->error));
        if (route->guard != NULL)
            print_guard(file, route);
        print_arguments(file, route->arguments);
        (void)fprintf(file, ",\"reason\":\"%s\"}", route->reason);
        separator = ",\n";
    }
    (void)fprintf(file, "\n]\n");
}

static void print_count(FILE *file, const char *label, enum route_kind kind, bool guarded, const char *meaning)
{
    size_t count = 0;
    for (size_t nr = 0; nr < ROUTES_MAX; nr++)
        count += routes[nr].name != NULL && routes[nr].kind == kind && (routes[nr].guard != NULL) == guarded;
    (void)fprintf(file, "| %s | %zu | %s |\n", label, count, meaning);
}

static void print_counts(FILE *file)
{
    (void)fprintf(file, "| route | calls | meaning |\n|---|---:|---|\n");
    print_count(file, "host", ROUTE_HOST, false, "the host kernel runs it in the cell, whatever the arguments");
    print_count(file, "host, else", ROUTE_HOST, true, "the host kernel runs it if a guard on register values holds");
    print_count(file, "sentry", ROUTE_SENTRY, false, "trapped; the sentry answers");
    print_count(file, "gofer", ROUTE_GOFER, false, "trapped; the sentry resolves and checks, the gofer acts");
    print_count(file, "continue", ROUTE_CONTINUE, false, "trapped; checked or noted, then run by the host");
    print_count(file, "absent", ROUTE_ABSENT, false, "an errno from the filter");
    (void)fprintf(file, "| all | %zu | |\n", routes_count);
}

void routes_print_markdown(FILE *file, char *const *names)
{
    (void)names;
    (void)fprintf(file, "# Routes\n\n"
                        "Where each x86-64 system call of a guest is served. This page is made by `postern routes --markdown` from\n"
                        "[routes.def](../include/postern/routes.def), and a test holds it to that: change the table, then run\n"
                        "`docs/update`. A number in no line is absent with ENOSYS; so are those of x32; 32-bit calls kill the process.\n\n");
    print_counts(file);
    (void)fprintf(file, "\n\"host, else\" means: native where the condition under *native if* holds, and else as said.\n"
                        "The exact conditions are in [guards.c](../lib/guards.c) and in `postern routes --json`.\n\n"
                        "| nr | call | route | native if | why |\n|---:|---|---|---|---|\n");
    for (size_t nr = 0; nr < ROUTES_MAX; nr++) {
        const struct route *route = &routes[nr];
        if (route->name == NULL)
            continue;
        char text[64];
        format_route(route, text, sizeof(text));
        (void)fprintf(file, "| %d | %s | %s | %s | %s |\n", route->nr, route->name, text, guard_name(route), route->reason);
    }
}
