/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/programs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "postern/error.h"

static int open_in(const char *folder, size_t length, const char *place, const char *name, char *ret_path, size_t size)
{
    char path[2 * PATH_MAX];
    (void)snprintf(path, sizeof(path), "%.*s/%s%s", (int)length, folder, place, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && ret_path != NULL)
        (void)snprintf(ret_path, size, "%s", path);
    return fd;
}

int program_open(const char *name, char *ret_path, size_t size, struct error *error)
{
    static const char *const places[] = {"", POSTERN_LIBEXEC_FROM_BIN "/"};
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[length > 0 ? length : 0] = '\0';
    const char *slash = strrchr(self, '/');
    for (size_t i = 0; slash != NULL && i < sizeof(places) / sizeof(places[0]); i++) {
        int fd = open_in(self, (size_t)(slash - self), places[i], name, ret_path, size);
        if (fd >= 0)
            return fd;
    }
    int fd = open_in(POSTERN_LIBEXECDIR, strlen(POSTERN_LIBEXECDIR), "", name, ret_path, size);
    return fd >= 0 ? fd
                   : error_set(error, errno, "cannot open %s/%s (is postern installed completely?)", POSTERN_LIBEXECDIR,
                               name);
}
