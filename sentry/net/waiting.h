/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for a socket in a guest's name. */
#ifndef SENTRY_NET_WAITING_H
#define SENTRY_NET_WAITING_H

#include <stdbool.h>

struct call;
struct sentry;

/* Calls that wait are asked again as soon as there is something to read on our copy of a socket (borrowed), until waiting_end. */
void waiting_begin(struct sentry *sentry, int fd);
void waiting_end(struct sentry *sentry, int fd);

/* Has the caller a signal that would end a native call? */
bool waiting_interrupted(const struct call *call);

#endif
