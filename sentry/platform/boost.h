/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads of low rank that keep everybody waiting.
 *
 * The kernel has one lock for all that goes through a listener: a guest's thread takes it when it makes a call and when it has its
 * answer, and the sentry with each of its own requests, poll(2) of the listener included. It knows no ranks. If a thread of low rank (a
 * nice value, SCHED_IDLE) has it or is given it next, and the processors are busy, then nobody makes or answers a call until that thread
 * gets its turn. That can take seconds.
 *
 * So from the moment a thread in the container is of lower rank than the sentry, a thread of ours tries the lock now and then. If it is
 * not to be had for some milliseconds, every thread of low rank is raised (kernel/rank.h) until it is.
 *
 * What is raised has more of a processor than its rank gives it; so nobody is, for more than a small part of the time. None of this
 * costs a call anything: where nobody is of low rank there is no such thread, or it sleeps.
 */
#ifndef SENTRY_PLATFORM_BOOST_H
#define SENTRY_PLATFORM_BOOST_H

struct sentry;

/* Has the watching thread ready, where it may be impossible to make one later. */
void boost_prepare(const struct sentry *sentry);

/* Somebody is of low rank. Any thread. */
void boost_watch(const struct sentry *sentry);

#endif
