/* SPDX-License-Identifier: Apache-2.0 */
/* postern version, and --version. */
#include "postern/version.h"

#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>

#include "commit.h"
#include "postern/error.h"
#include "runtime/base/options.h"
#include "runtime/commands/command.h"
#include "runtime/mounts/surroundings.h"

static const struct option version_table[] = {
    {"help", no_argument, NULL, 'h'},
    {0},
};

/* As runc prints it: engines read the second word, and the lines by their names. */
int version_print(void)
{
    const struct scmp_version *seccomp = seccomp_version();
    printf("postern version %s\n", POSTERN_VERSION);
    if (POSTERN_COMMIT[0] != '\0')
        printf("commit: %s\n", POSTERN_COMMIT);
    printf("spec: %s\n", POSTERN_OCI_VERSION);
    if (seccomp != NULL)
        printf("libseccomp: %u.%u.%u\n", seccomp->major, seccomp->minor, seccomp->micro);
    if (surroundings_note() != NULL)
        printf("built: %s\n", surroundings_note());
    return EXIT_SUCCESS;
}

int command_version(int argc, char **argv)
{
    struct error error = {0};
    option_start();
    int option = option_next(argc, argv, ":h", version_table);
    if (option == 'h') {
        printf("Usage: postern version\nPrint the versions of postern, of the specification and of libseccomp.\n");
        return EXIT_SUCCESS;
    }
    int result = option == -1 ? arguments_check(argc, argv, 0, 0, &error) : option_error(option, argv, &error);
    return result < 0 ? command_end(&error) : version_print();
}
