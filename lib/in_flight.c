/* SPDX-License-Identifier: Apache-2.0 */
#include "postern/in_flight.h"

#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>

#include "postern/confine.h"
#include "postern/socket.h"

CONFINE_ALLOW_IF(prlimit64, 0, UINT32_MAX, 0, "descriptors on their way that are not a guest's; its own limit");

enum { KEPT_SHARE = 8 }; /* one of so many */

static int set_limit(struct rlimit limit, rlim_t current)
{
    limit.rlim_cur = current;
    return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}

size_t in_flight_reserve(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 0;
    const rlim_t usual = limit.rlim_max - limit.rlim_max / KEPT_SHARE;
    return set_limit(limit, usual) == 0 ? (size_t)usual : (size_t)limit.rlim_cur;
}

static int send_out_of_reserve(int socket, const void *data, size_t size, const int *fds, size_t fd_count)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* the limit is the process's */
    struct rlimit limit;
    int status = -ETOOMANYREFS;
    (void)pthread_mutex_lock(&mutex);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && set_limit(limit, limit.rlim_max) == 0) {
        status = socket_send(socket, data, size, fds, fd_count);
        (void)set_limit(limit, limit.rlim_cur);
    }
    (void)pthread_mutex_unlock(&mutex);
    return status;
}

int in_flight_send(int socket, const void *data, size_t size, const int *fds, size_t fd_count)
{
    int status = socket_send(socket, data, size, fds, fd_count);
    return status == -ETOOMANYREFS ? send_out_of_reserve(socket, data, size, fds, fd_count) : status;
}
