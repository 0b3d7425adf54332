/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A share of something there is only so much of: how much users of the guest have of it. Nobody may have more than is
 * left for all others besides: half of it if he alone wants much, a third each if two do. So one who takes what he can get, and several who
 * do, leave something for those who come later. Root may have more, all but a sixteenth of it.
 *
 * A user is a real user id as the guest knows it: it stays his in the set-id programs he runs. What is counted, and when it is given
 * back, is the business of whoever keeps the thing. Memory is for users that have something.
 */
#ifndef SENTRY_KERNEL_SHARE_H
#define SENTRY_KERNEL_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "sentry/kernel/id_map.h"

struct share {
    size_t all, taken;
    struct id_map users; /* by uid + 1: how much each has, in the place of a pointer */
};

#define SHARE_OF(amount) {.all = (amount)}

/* The rule, for those who count themselves: of `all` there is so much `taken`, the user `has` so much of that, and wants an amount more. */
bool share_allows(size_t all, size_t taken, size_t has, uid_t user, size_t amount);

/* Could he have so much more? */
bool share_has_room(const struct share *share, uid_t user, size_t amount);
/* False: he could not, or memory is out; nothing has changed then. */
bool share_take(struct share *share, uid_t user, size_t amount);
/* What he has taken. */
void share_give(struct share *share, uid_t user, size_t amount);
size_t share_of(const struct share *share, uid_t user);

#endif
