/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tickets for who sends a message (postern/mark.h). One part of a ticket is a number for user and group, which is never given to
 * others; the other leads to the last process of theirs that claimed anything and whose id has the same remainder: a message that lay in a queue
 * for very long may show another of their processes.
 */
#ifndef SENTRY_NET_CLAIMS_H
#define SENTRY_NET_CLAIMS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct claims;

struct claims *claims_new(void); /* NULL: no memory */
void claims_free(struct claims *claims);

/* -ENOSPC, -ENOMEM: it cannot be told. */
int claims_ticket(struct claims *claims, const struct ucred *claim, uint32_t *ret_ticket);

/* False: there is no such ticket. */
bool claims_find(const struct claims *claims, uint32_t ticket, struct ucred *ret_claim);

#endif
