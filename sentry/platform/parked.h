/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that wait for something only the outside can bring (the other end of a FIFO). A trapped call cannot be
 * interrupted by the kernel (WAIT_KILLABLE_RECV), so the guest's pending signals are watched here.
 */
#ifndef SENTRY_PLATFORM_PARKED_H
#define SENTRY_PLATFORM_PARKED_H

#include <stdbool.h>
#include <stdint.h>

struct call;
struct parked;
struct parked_list;

struct parked_list *parked_list_new(void);
bool parked_any(const struct parked_list *list);
/* Returns CALL_PENDING, or -EAGAIN when too many calls wait (the state is cancelled). */
int64_t parked_add(struct parked_list *list, const struct call *call, const struct parked *parked);
/* Asks the next few waiting calls, if it is time, whether they can be answered; gives up those with a deliverable signal. */
void parked_poll(struct parked_list *list);
/* It is time. */
void parked_wake(struct parked_list *list);

#endif
