/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postern/error.h"
#include "postern/routes.h"
#include "runtime/base/log.h"
#include "runtime/base/options.h"
#include "runtime/commands/command.h"
#include "runtime/commands/routes_print.h"

static const struct option routes_options[] = {
    {"json", no_argument, NULL, 'j'},
    {"markdown", no_argument, NULL, 'm'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static int print_help(void)
{
    printf("Usage: postern routes [--json | --markdown] [NAME]...\n"
           "Show where each system call of a guest is served, or only those named: by the host kernel (always, or where\n"
           "its arguments meet a condition), by the sentry, by the gofer, or not at all.\n\n"
           "  -j, --json      as JSON\n"
           "  -m, --markdown  as the page of the documentation\n"
           "  -h, --help      this text\n");
    return EXIT_SUCCESS;
}

static void check_name(const char *name, bool is_page, struct error *error)
{
    size_t nr = 0;
    while (nr < ROUTES_MAX && (routes[nr].name == NULL || strcmp(routes[nr].name, name) != 0))
        nr++;
    if (nr == ROUTES_MAX)
        (void)error_refuse(error, "routes: there is no system call \"%.40s\"", name);
    else if (is_page)
        (void)error_refuse(error, "routes: --markdown is the page of all calls");
}

int command_routes(int argc, char **argv)
{
    void (*print)(FILE *file, char *const *names) = routes_print_table;
    struct error error = {0};
    int option;
    option_start();
    while (error.code == 0 && (option = option_next(argc, argv, ":jmh", routes_options)) != -1) {
        if (option == 'j')
            print = routes_print_json;
        else if (option == 'm')
            print = routes_print_markdown;
        else if (option == 'h')
            return print_help();
        else
            (void)option_error(option, argv, &error);
    }
    for (int i = optind; i < argc && error.code == 0; i++)
        check_name(argv[i], print == routes_print_markdown, &error);
    if (error.code == 0) {
        print(stdout, argv + optind);
        if (fflush(stdout) == 0 && !ferror(stdout))
            return EXIT_SUCCESS;
        (void)error_refuse(&error, "cannot write the table");
    }
    log_message(LOG_LEVEL_ERROR, "%s", error.text);
    return EXIT_USAGE;
}
