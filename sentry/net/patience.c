/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/net/patience.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include "postern/confine.h"
#include "sentry/platform/call.h"

CONFINE_ALLOW(getsockopt, "how long a guest's socket waits");

static uint64_t now_ns(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

struct patience patience_of(int fd, int option)
{
    enum { YEAR = 365 * 86400 };
    struct timeval limit = {0};
    socklen_t size = sizeof(limit);
    if (getsockopt(fd, SOL_SOCKET, option, &limit, &size) < 0 || (limit.tv_sec == 0 && limit.tv_usec == 0) || limit.tv_sec < 0 ||
        limit.tv_sec > YEAR)
        return (struct patience){0};
    return (struct patience){now_ns() + (uint64_t)limit.tv_sec * 1000000000 + (uint64_t)limit.tv_usec * 1000};
}

struct patience patience_for(const struct timespec *time)
{
    enum { YEAR = 365 * 86400 };
    uint64_t seconds = time->tv_sec < YEAR ? (uint64_t)time->tv_sec : YEAR;
    return (struct patience){now_ns() + seconds * 1000000000 + (uint64_t)time->tv_nsec};
}

bool patience_ended(const struct patience *patience)
{
    return patience->end != 0 && now_ns() >= patience->end;
}

int64_t patience_interrupted(const struct patience *patience)
{
    return patience->end != 0 ? -EINTR : -ERESTARTSYS;
}
