/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that get no processor.
 *
 * The kernel has one lock for all that goes through a listener: a guest's thread takes it when it makes a call, wakes the sentry while it
 * holds it, and everybody needs it: other guests' calls, and each of the sentry's own requests, poll(2) of the listener included. If that
 * thread is of low rank (a nice value, SCHED_IDLE) and the processors are busy, it is put aside just then, and until it
 * gets its turn, which can take seconds, the container stands still. It is the same with a thread that is to take a descriptor.
 *
 * So from the moment somebody in the container is of lower rank than the sentry, a thread looks at those of the sentry's that are in the
 * listener. If one of them does not come back for some milliseconds, and is not just short of a processor itself, every thread of low rank
 * is raised (kernel/rank.h) until it has come back.
 *
 * Nobody looks where nobody is of low rank, nor while no call is made. So that a receiver who waits is not taken for one who is stuck, it
 * waits in the listener for a few milliseconds at a time; and after some of these without a call not in the listener at all, but for
 * a sign that a call has come (platform/doze.h).
 */
#ifndef SENTRY_PLATFORM_BOOST_H
#define SENTRY_PLATFORM_BOOST_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

struct sentry;

/* So long the receiver waits in the listener at a time. */
enum { BOOST_SLICE_MS = 3 };

/* Has the watching thread ready, where it may be impossible to make one later. */
void boost_prepare(const struct sentry *sentry);

/* Somebody is of low rank. Any thread. */
void boost_watch(const struct sentry *sentry);
/* Is it so? Then the receiver is to wait for a slice at most. */
bool boost_watching(void);

/* The calling thread goes into a listener, and comes out again. */
void boost_enter(void);
void boost_leave(void);
/* It ends. */
void boost_forget_thread(void);

/* poll(2) of a set with listeners in it. *ret_early: it returned 0 before the time was up, because of the above. */
int boost_poll(struct pollfd *fds, size_t count, int timeout_ms, bool *ret_early);

#endif
