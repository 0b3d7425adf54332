/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/net/net.h"

#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "postern/boot.h"
#include "postern/cleanup.h"
#include "sentry/kernel/process.h"
#include "sentry/net/claims.h"
#include "sentry/net/people.h"
#include "sentry/net/senders.h"
#include "sentry/net/sockets.h"
#include "sentry/net/vouch.h"
#include "sentry/sentry.h"

enum { PEERS_MAX = 16384, PID_MAX_DEFAULT = 32768, WAITING_FDS_MAX = 4096, WAITING_BYTES_MAX = 64 << 20 };

uint64_t net_now_us(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Of the sandbox's pid namespace, which is ours. */
static uint32_t read_pid_max(const struct sentry *sentry)
{
    char text[32];
    auto_close int fd = openat(sentry->proc_outer, "sys/kernel/pid_max", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (length <= 0)
        return PID_MAX_DEFAULT;
    text[length] = '\0';
    return (uint32_t)strtoul(text, NULL, 10);
}

struct net *net_new(struct sentry *sentry)
{
    const struct real_ids first = {.uid = sentry->boot->uid, .gid = sentry->boot->gid};
    struct net *net = calloc(1, sizeof(*net));
    if (net == NULL)
        return NULL;
    *net = (struct net){.sentry = sentry,
                        .waiting_fds = SHARE_OF(WAITING_FDS_MAX),
                        .waiting_bytes = SHARE_OF(WAITING_BYTES_MAX),
                        .sockets = sockets_new(),
                        .peers = people_new(PEERS_MAX),
                        .claims = claims_new(),
                        .senders = senders_new(read_pid_max(sentry), &first)};
    if (net->sockets != NULL && net->peers != NULL && net->claims != NULL && net->senders != NULL) {
        process_table_tell_ends(sentry->processes, vouch_ended, net);
        return net;
    }
    sockets_free(net->sockets);
    people_free(net->peers);
    claims_free(net->claims);
    senders_free(net->senders);
    free(net);
    return NULL;
}
