/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that wait. Some for what only the outside can bring (the other end of a FIFO): they are begun, and asked now and then. The others
 * for their turn, because threads are away with as many slow calls of their user's as he may have (worker.h): they are not
 * begun. A trapped call cannot be interrupted by the kernel (WAIT_KILLABLE_RECV), so the guest's pending signals are watched here, for
 * both. One that is not begun is begun anew behind the signal, whatever call it is: the signal came first.
 *
 * Users take turns, so that one with many such calls does not make those of others wait longer. How many calls wait that
 * are begun is a thing to share: each costs a descriptor or two. Those that are not begun cost next to nothing, and a
 * thread of the guest's each.
 *
 * Under the state lock.
 */
#ifndef SENTRY_PLATFORM_PARKED_H
#define SENTRY_PLATFORM_PARKED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sentry/platform/call.h"

struct parked_list;

struct parked_list *parked_list_new(void);
bool parked_any(const struct parked_list *list); /* without the lock too */

/* Returns CALL_PENDING, or parked->refused when too many calls wait (the state is cancelled). */
int64_t parked_add(struct parked_list *list, const struct call *call, const struct parked *parked);

/* A call that is to be served when it is its turn. CALL_PENDING, or -EAGAIN when memory is out. */
struct turn {
    struct call call; /* bound to no task; the reference to the listener is taken over with it */
    pid_t tid;
    uid_t user;
};
int64_t parked_wait_turn(struct parked_list *list, const struct turn *turn);
/* One whose turn it is. */
bool parked_take_turn(struct parked_list *list, struct turn *ret_turn);

/* Asks the next few waiting calls, if it is time, whether they can be answered; gives up those with a deliverable signal. */
void parked_poll(struct parked_list *list);
/* It is time. */
void parked_wake(struct parked_list *list);

#endif
