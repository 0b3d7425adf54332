/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The platform: how calls arrive from the guest and are answered. Today: seccomp user notification
 * (seccomp_unotify(2)). It owns the listeners, the event loop and the parked calls, and knows nothing of what the
 * calls mean. Which thread does what is said in worker.h.
 */
#ifndef SENTRY_PLATFORM_PLATFORM_H
#define SENTRY_PLATFORM_PLATFORM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sentry/platform/call.h"

struct listener;
struct platform;
struct seccomp_notif;

struct platform *platform_new(struct sentry *sentry);

/* Serves one more listener (owned, if it is taken). 0 or -errno. */
int platform_add_listener(struct platform *platform, int listener);

/* Calls ready(data) whenever fd (borrowed) is readable or hung up, until platform_unwatch. 0 or -errno. */
int platform_watch(struct platform *platform, int fd, void (*ready)(void *data), void *data);
/* The same when it is hung up, whatever can be read from it. */
int platform_watch_end(struct platform *platform, int fd, void (*ended)(void *data), void *data);
void platform_unwatch(struct platform *platform, int fd);

/* The event loop; ends only through sentry_die(). */
void platform_run(struct platform *platform) __attribute__((noreturn));

/* A trap of a thread that somebody makes it run into (its second one within an exec), and wants for himself. */
struct expected_trap;
/* From here on the next call `nr` of `tid` is his. NULL if memory is out. */
struct expected_trap *platform_expect_trap(struct platform *platform, struct listener *listener, pid_t tid, int nr);
/* Waits for it. Fills in a call that is bound to no task; the expectation is gone in any case. Returns 0, or -ESRCH if the thread is
 * gone, -ECANCELED if it has stopped for its tracer instead, -ETIMEDOUT after a minute. */
int platform_wait_trap(struct platform *platform, struct expected_trap *trap, struct call *ret_call);
/* It is not waited for after all. Accepts NULL. */
void platform_forget_trap(struct platform *platform, struct expected_trap *trap);

/* A call becomes that of a task, as it and its process are now; references are taken, and given back. */
void call_bind(struct call *call, struct task *task);
void call_unbind(struct call *call);

/* Whether the caller of a call we were told of still waits for its answer. */
bool platform_is_asking(struct sentry *sentry, const struct listener *listener, uint64_t id);

/* Answers outside a handler. */
void platform_answer(struct call *call, int64_t result);

/* Parked calls are asked again without delay. */
void platform_wake_parked(struct platform *platform);

#endif
