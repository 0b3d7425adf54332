/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/lifecycle/inherited.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "oci-spec/arena.h"
#include "oci-spec/oci.h"
#include "postern/error.h"
#include "runtime/base/numbers.h"

enum { FIRST = STDERR_FILENO + 1 };

static bool is_callers(int fd)
{
    /* All of ours close on exec; a caller's cannot, or we would not have it. */
    int flags = fcntl(fd, F_GETFD);
    return flags >= 0 && (flags & FD_CLOEXEC) == 0;
}

/* Of the first so many, those before the first that is not there. */
static int open_ones(int count)
{
    int open = 0;
    while (open < count && is_callers(FIRST + open))
        open++;
    return open;
}

int inherited_listen(struct oci_config *config, int *ret_count, struct error *error)
{
    static const char first[] = "LISTEN_PID=1"; /* as the program knows itself */
    const char *count = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
    int number = 0;
    *ret_count = 0;
    if (count == NULL || (pid != NULL && strtol(pid, NULL, 10) != getpid()))
        return 0;
    int result = number_parse(count, "LISTEN_FDS", PRESERVE_FDS_MAX, &number, error);
    if (result < 0 || number == 0)
        return result;

    char text[32];
    int size = snprintf(text, sizeof(text), "LISTEN_FDS=%d", number);
    char *own[] = {arena_copy(config->arena, text, (size_t)size), arena_copy(config->arena, first, sizeof(first) - 1)};
    if (own[0] == NULL || own[1] == NULL || oci_env_add(config, own, 2) < 0)
        return error_set(error, ENOMEM, "cannot add to the environment");
    *ret_count = pid != NULL ? number : open_ones(number);
    return 0;
}

int inherited_check(int listening, int preserved, struct error *error)
{
    if (listening + preserved > PRESERVE_FDS_MAX)
        return error_refuse(error, "--preserve-fds: more than %d descriptors, those of LISTEN_FDS counted", PRESERVE_FDS_MAX);
    for (int fd = FIRST; fd < FIRST + listening + preserved; fd++) {
        if (is_callers(fd))
            continue;
        return error_refuse(error, "%s: descriptor %d is not open",
                            fd < FIRST + listening ? "LISTEN_FDS" : "--preserve-fds", fd);
    }
    return 0;
}
