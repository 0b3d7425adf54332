/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors of namespaces, which a guest has from /proc/PID/ns: who owns them, and which numbers they have for it. */
#include "sentry/vfs/vfs_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/sysmacros.h>

static bool is_namespace(const struct boot_config *boot, const struct statx *attributes)
{
    return boot->nsfs != 0 && makedev(attributes->stx_dev_major, attributes->stx_dev_minor) == boot->nsfs;
}

static const struct boot_namespace_number *find(const struct boot_config *boot, uint64_t real)
{
    for (size_t i = 0; i < BOOT_NAMESPACES; i++)
        if (boot->namespaces[i].real == real)
            return &boot->namespaces[i];
    return NULL;
}

void nsfs_name(enum boot_namespace kind, uint64_t number, char name[NSFS_NAME_MAX])
{
    static const char *const kinds[BOOT_NAMESPACES] = {
        [BOOT_NAMESPACE_CGROUP] = "cgroup", [BOOT_NAMESPACE_IPC] = "ipc", [BOOT_NAMESPACE_MOUNT] = "mnt",
        [BOOT_NAMESPACE_NETWORK] = "net",   [BOOT_NAMESPACE_PID] = "pid", [BOOT_NAMESPACE_TIME] = "time",
        [BOOT_NAMESPACE_USER] = "user",     [BOOT_NAMESPACE_UTS] = "uts",
    };
    (void)snprintf(name, NSFS_NAME_MAX, "%s:[%" PRIu64 "]", kinds[kind], number);
}

bool nsfs_show(const struct boot_config *boot, struct statx *attributes)
{
    if (!is_namespace(boot, attributes))
        return false;
    const struct boot_namespace_number *number = find(boot, attributes->stx_ino);
    attributes->stx_ino = number != NULL ? number->shown : attributes->stx_ino;
    attributes->stx_uid = 0;
    attributes->stx_gid = 0;
    return true;
}

int nsfs_kind(const struct boot_config *boot, const struct statx *attributes)
{
    const struct boot_namespace_number *number = is_namespace(boot, attributes) ? find(boot, attributes->stx_ino) : NULL;
    return number != NULL ? (int)(number - boot->namespaces) : -1;
}

bool nsfs_describe(const struct boot_config *boot, const struct statx *attributes, char name[NSFS_NAME_MAX])
{
    const int kind = nsfs_kind(boot, attributes);
    if (kind >= 0)
        nsfs_name((enum boot_namespace)kind, boot->namespaces[kind].shown, name);
    return kind >= 0;
}
