/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/commands/command.h"

#include <stdio.h>
#include <stdlib.h>

#include "postern/error.h"
#include "runtime/base/log.h"
#include "runtime/base/options.h"
#include "runtime/state/target.h"

static const struct option help_table[] = {
    {"help", no_argument, NULL, 'h'},
    {0},
};

int arguments_check(int argc, char **argv, int least, int most, struct error *error)
{
    int count = argc - optind;
    if (count >= least && count <= most)
        return 0;
    const char *amount = least == most ? "exactly" : count < least ? "a minimum of" : "a maximum of";
    return error_refuse(error, "\"%s\" requires %s %d argument(s); see postern %s --help", argv[0], amount,
                        count < least ? least : most, argv[0]);
}

int simple_command_run(int argc, char **argv, const struct simple_command *command)
{
    struct error error = {0};
    auto_target struct target target = TARGET_NONE;
    option_start();
    int option = option_next(argc, argv, ":h", help_table);
    if (option == 'h') {
        (void)fputs(command->help, stdout);
        return EXIT_SUCCESS;
    }
    int result = option == -1 ? arguments_check(argc, argv, 1, 1, &error) : option_error(option, argv, &error);
    if (result == 0)
        result = target_open(argv[optind], command->locked, &target, &error);
    if (result == 0)
        (void)command->act(&target, &error);
    return command_end(&error);
}

int command_end(const struct error *error)
{
    if (error->code == 0)
        return EXIT_SUCCESS;
    log_message(LOG_LEVEL_ERROR, "%s", error->text);
    return EXIT_USAGE;
}
