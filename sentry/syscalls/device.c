/* SPDX-License-Identifier: Apache-2.0 */
/* Which device nodes may be opened. */
#include <sys/stat.h>

#include "sentry/syscalls/open.h"

/* The container's usual device nodes; any other is refused, as the device cgroup of a container does. */
bool device_allowed(const struct statx *attributes)
{
    static const struct device {
        unsigned int major, first, last;
    } allowed[] = {
        {1, 3, 3},            /* null */
        {1, 5, 5},            /* zero */
        {1, 7, 9},            /* full, random, urandom */
        {5, 0, 2},            /* tty, console, ptmx */
        {136, 0, UINT32_MAX}, /* pts */
    };
    if (!S_ISCHR(attributes->stx_mode))
        return false;
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        const struct device *device = &allowed[i];
        if (attributes->stx_rdev_major == device->major && attributes->stx_rdev_minor >= device->first &&
            attributes->stx_rdev_minor <= device->last)
            return true;
    }
    return false;
}
