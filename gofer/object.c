/* SPDX-License-Identifier: Apache-2.0 */
#include "gofer/object.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "postern/confine.h"
#include "postern/gofer_protocol.h"

CONFINE_ALLOW(statx, "attributes");

struct fd_name fd_name(int fd)
{
    struct fd_name name;
    (void)snprintf(name.text, sizeof(name.text), "%d", fd);
    return name;
}

int attributes_of(int fd, struct statx *ret_attributes)
{
    return statx(fd, "", AT_EMPTY_PATH | AT_STATX_SYNC_AS_STAT, GOFER_STATX_MASK, ret_attributes) < 0 ? -errno : 0;
}
