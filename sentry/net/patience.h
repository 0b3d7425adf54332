/* SPDX-License-Identifier: Apache-2.0 */
/* How long a call on a socket waits (socket(7), SO_RCVTIMEO and SO_SNDTIMEO), and what a signal makes of it. */
#ifndef SENTRY_NET_PATIENCE_H
#define SENTRY_NET_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct patience {
    uint64_t end; /* CLOCK_MONOTONIC, ns; 0: there is none */
};

/* As the socket has it just now. option: SO_RCVTIMEO or SO_SNDTIMEO. */
struct patience patience_of(int fd, int option);
/* From now on; a time of zero has ended already. */
struct patience patience_for(const struct timespec *time);
bool patience_ended(const struct patience *patience);

/* A call that has a time limit cannot be begun again: it would have it once more. */
int64_t patience_interrupted(const struct patience *patience);

#endif
