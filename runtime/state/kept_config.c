/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/state/kept_config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "oci-spec/oci.h"
#include "postern/cleanup.h"
#include "postern/error.h"

#define SAVED_CONFIG "config.json"

int kept_config_save(int folder, const char *text, size_t size, struct error *error)
{
    auto_close int to = openat(folder, SAVED_CONFIG, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    ssize_t written = to < 0 ? -1 : write(to, text, size);
    if (written == (ssize_t)size)
        return 0;
    return error_set(error, written < 0 ? errno : ENOSPC, "cannot keep the configuration in the state folder");
}

int kept_config_load(int folder, struct oci_config **ret_config, struct error *error)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d/" SAVED_CONFIG, folder);
    return oci_load(path, ret_config, error);
}
