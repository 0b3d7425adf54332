/* SPDX-License-Identifier: Apache-2.0 */
#include "postern/connect.h"

#include <errno.h>

#include "postern/interrupt.h"

int connect_at_once(int fd, const struct sockaddr *address, socklen_t size)
{
    enum { INTERVAL_MS = 1 };
    int timer;
    int status = interrupt_begin(INTERVAL_MS, &timer);
    if (status < 0)
        return status;
    status = connect(fd, address, size) < 0 ? -errno : 0;
    interrupt_end(timer);
    return status == -EINTR ? -EAGAIN : status;
}
