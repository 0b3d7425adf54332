/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Things that wait, each some user's: what comes first goes first among one user's, and the users take turns. So one with a thousand of them
 * lets one with a single one wait no longer than another with a single one would.
 */
#ifndef SENTRY_KERNEL_FAIR_H
#define SENTRY_KERNEL_FAIR_H

#include <stdbool.h>
#include <sys/types.h>

#include "sentry/kernel/id_map.h"

struct fair_user;

/* Part of a thing. */
struct fair_item {
    struct fair_user *user;
    struct fair_item *next;
};

struct fair_queue {
    struct id_map users;    /* by id + 1: those with things */
    struct fair_user *turn; /* whose turn is next; a ring */
};

/* Puts in a thing of a user's. 0 or -ENOMEM. */
int fair_add(struct fair_queue *queue, struct fair_item *item, uid_t user);
/* Takes the next one out. may: NULL, or whose turn it may be; the others are passed over. NULL: there is none. It counts as its user's
 * still: one of the two below must follow. */
struct fair_item *fair_take(struct fair_queue *queue, bool (*may)(uid_t user));
void fair_put_back(struct fair_item *item); /* behind his others */
void fair_done(struct fair_queue *queue, struct fair_item *item);

uid_t fair_user(const struct fair_item *item);

#endif
