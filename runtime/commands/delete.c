/* SPDX-License-Identifier: Apache-2.0 */
/* postern delete: its command line; how a container ends is in runtime/lifecycle/ending.h. */
#include <dirent.h>
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

#include "postern/error.h"
#include "runtime/base/log.h"
#include "runtime/base/options.h"
#include "runtime/commands/command.h"
#include "runtime/lifecycle/ending.h"
#include "runtime/state/state_dir.h"

enum { OPTION_REGEX = 256 };

static const struct option delete_table[] = {
    {"force", no_argument, NULL, 'f'},
    {"regex", no_argument, NULL, OPTION_REGEX},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static int print_help(void)
{
    printf("Usage: postern delete [--force] [--regex] ID\n"
           "Delete a container that has stopped, or was never started, with all that is left of it.\n\n"
           "  -f, --force  also one that runs, which is killed; that there is none is no error\n"
           "      --regex  ID is a regular expression: all containers whose ids it fits\n"
           "  -h, --help   this text\n");
    return EXIT_SUCCESS;
}

/* Each one that fits; the last failure is the error, those before it are said here. */
static int delete_matching(const char *pattern, bool force, struct error *error)
{
    regex_t expression;
    struct dirent **entries = NULL;
    char words[100];
    int code = regcomp(&expression, pattern, REG_EXTENDED | REG_NOSUB);
    if (code != 0) {
        (void)regerror(code, &expression, words, sizeof(words));
        return error_refuse(error, "--regex: \"%.80s\": %s", pattern, words);
    }
    int count = state_root_scan(options_global()->root, &entries);
    int result = count < 0 && count != -ENOENT ? error_set(error, count, "cannot list %s", options_global()->root) : 0;
    for (int i = 0; i < count; i++) {
        struct error failure = {0};
        if (regexec(&expression, entries[i]->d_name, 0, NULL, 0) == 0 && container_delete(entries[i]->d_name, force, &failure) < 0) {
            if (result < 0)
                log_message(LOG_LEVEL_ERROR, "%s", error->text);
            *error = failure;
            result = -failure.code;
        }
        free(entries[i]);
    }
    free((void *)entries);
    regfree(&expression);
    return result;
}

int command_delete(int argc, char **argv)
{
    struct error error = {0};
    bool force = false, regex = false;
    int option;
    option_start();
    while (error.code == 0 && (option = option_next(argc, argv, ":fh", delete_table)) != -1) {
        if (option == 'h')
            return print_help();
        if (option == 'f')
            force = true;
        else if (option == OPTION_REGEX)
            regex = true;
        else
            (void)option_error(option, argv, &error);
    }
    if (error.code == 0 && arguments_check(argc, argv, 1, 1, &error) == 0)
        (void)(regex ? delete_matching : container_delete)(argv[optind], force, &error);
    return command_end(&error);
}
