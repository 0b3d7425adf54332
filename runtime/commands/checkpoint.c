/* SPDX-License-Identifier: Apache-2.0 */
/* postern checkpoint and restore: not there, and said so before anything is touched. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/log.h"
#include "runtime/commands/command.h"

static int refuse(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            printf("Usage: postern %s ...\nNot supported: a sandbox cannot be saved and restored.\n", argv[0]);
            return EXIT_SUCCESS;
        }
    }
    log_message(LOG_LEVEL_ERROR, "%s is not supported: a sandbox cannot be saved and restored", argv[0]);
    return EXIT_USAGE;
}

int command_checkpoint(int argc, char **argv)
{
    return refuse(argc, argv);
}

int command_restore(int argc, char **argv)
{
    return refuse(argc, argv);
}
