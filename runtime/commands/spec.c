/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "oci-spec/oci.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/base/log.h"
#include "runtime/base/options.h"
#include "runtime/commands/command.h"

enum { OPTION_ROOTLESS = 256 };

static const struct option spec_table[] = {
    {"bundle", required_argument, NULL, 'b'},
    {"rootless", no_argument, NULL, OPTION_ROOTLESS},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static int print_help(void)
{
    printf("Usage: postern spec [--bundle DIR] [--rootless]\n"
           "Write a default config.json, to be edited, into DIR (default: the current folder).\n"
           "A config.json that is there already is left alone.\n\n"
           "  -b, --bundle DIR  the folder\n"
           "      --rootless    for a caller who is not root: with a user namespace that maps only him\n"
           "  -h, --help        this text\n");
    return EXIT_SUCCESS;
}

/* Never overwrites: somebody's edits would be lost. */
static int write_spec(const char *bundle, bool rootless, struct error *error)
{
    auto_close int folder = open(bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return error_set(error, errno, "cannot open bundle %s", bundle);
    auto_close int fd = openat(folder, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST)
        return error_refuse(error, "%s/config.json exists already; remove it first", bundle);
    if (fd < 0)
        return error_set(error, errno, "cannot create %s/config.json", bundle);

    auto_fclose FILE *file = fdopen(fd, "w");
    if (file == NULL)
        return error_set(error, errno, "cannot write %s/config.json", bundle);
    (void)take_fd(&fd);
    int result = oci_default_spec(file, rootless);
    return result < 0 ? error_set(error, result, "cannot write %s/config.json", bundle) : 0;
}

int command_spec(int argc, char **argv)
{
    const char *bundle = ".";
    bool rootless = false;
    struct error error = {0};
    int option;
    option_start();
    while (error.code == 0 && (option = option_next(argc, argv, ":b:h", spec_table)) != -1) {
        if (option == 'h')
            return print_help();
        if (option == 'b')
            bundle = optarg;
        else if (option == OPTION_ROOTLESS)
            rootless = true;
        else
            (void)option_error(option, argv, &error);
    }
    if (error.code == 0 && optind < argc)
        (void)error_refuse(&error, "spec takes no argument such as \"%.40s\"", argv[optind]);
    if (error.code == 0 && write_spec(bundle, rootless, &error) == 0)
        return EXIT_SUCCESS;
    log_message(LOG_LEVEL_ERROR, "%s", error.text);
    return EXIT_USAGE;
}
