/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "postern/error.h"
#include "runtime/command.h"
#include "runtime/log.h"
#include "runtime/options.h"
#include "runtime/routes_print.h"

static const struct option routes_options[] = {
    {"json", no_argument, NULL, 'j'},
    {"markdown", no_argument, NULL, 'm'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static void print_help(FILE *file)
{
    (void)fprintf(file, "Usage: postern routes [--json | --markdown]\n"
                        "Show for each system call of a guest where it is served: by the host kernel (always, or where its\n"
                        "arguments meet a condition), by the sentry, by the gofer, or not at all.\n\n"
                        "  -j, --json      as JSON\n"
                        "  -m, --markdown  as the page of the documentation\n"
                        "  -h, --help      this text\n");
}

int command_routes(int argc, char **argv)
{
    void (*print)(FILE *file) = routes_print_table;
    struct error error = {0};
    int option;
    option_start();
    while (error.code == 0 && (option = option_next(argc, argv, "+:jmh", routes_options)) != -1) {
        if (option == 'j')
            print = routes_print_json;
        else if (option == 'm')
            print = routes_print_markdown;
        else if (option == 'h')
            print = print_help;
        else
            (void)option_error(option, argv, &error);
    }
    if (error.code == 0 && optind < argc)
        (void)error_refuse(&error, "routes takes no argument such as \"%.40s\"", argv[optind]);
    if (error.code == 0) {
        print(stdout);
        if (fflush(stdout) == 0 && !ferror(stdout))
            return EXIT_SUCCESS;
        (void)error_refuse(&error, "cannot write the table");
    }
    log_message(LOG_LEVEL_ERROR, "%s", error.text);
    return EXIT_USAGE;
}
