/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mounts/mount_ids.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/ids/user_namespace.h"

static int translate_one(const struct user_namespace *users, const char *option, size_t length, char *to, size_t size)
{
    const bool is_uid = strncmp(option, "uid=", 4) == 0, is_gid = strncmp(option, "gid=", 4) == 0;
    int used;
    if (is_uid || is_gid) {
        size_t digits = strspn(option + 4, "0123456789");
        unsigned long long id = strtoull(option + 4, NULL, 10);
        if (digits == 0 || digits > 10 || digits + 4 != length || id >= UINT32_MAX)
            return -EINVAL;
        uint32_t outside = is_uid ? user_namespace_uid(users, (uid_t)id) : user_namespace_gid(users, (gid_t)id);
        if (outside == UINT32_MAX)
            return -EOVERFLOW;
        used = snprintf(to, size, "%.4s%u", option, outside);
    } else {
        used = snprintf(to, size, "%.*s", (int)length, option);
    }
    return used < 0 || (size_t)used >= size ? -ENAMETOOLONG : used;
}

int mount_ids_translate(const struct user_namespace *users, const char *options, char *translated, size_t size)
{
    size_t used = 0;
    if (size == 0)
        return -ENAMETOOLONG;
    translated[0] = '\0';
    for (const char *option = options; *option != '\0';) {
        size_t length = strcspn(option, ",");
        int result = translate_one(users, option, length, translated + used, size - used);
        if (result < 0)
            return result;
        used += (size_t)result;
        option += length;
        if (*option == ',') {
            if (used + 2 > size)
                return -ENAMETOOLONG;
            translated[used++] = *option++;
            translated[used] = '\0';
        }
    }
    return 0;
}
