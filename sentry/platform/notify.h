/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SENTRY_PLATFORM_NOTIFY_H
#define SENTRY_PLATFORM_NOTIFY_H

struct seccomp_notif;

/* A listener is to be served. */
void notify_prepare(int listener);
/* Receives one notification: 0, or -EAGAIN when there is none after all (the caller died, a signal). */
int notify_receive(int listener, struct seccomp_notif *ret_notification);

#endif
