/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connect(2) on somebody else's open file description, without waiting for room in the listener's queue. Whether it waits is
 * decided by a flag of that description, which its owner may change at any moment; so it is interrupted (postern/interrupt.h).
 */
#ifndef POSTERN_CONNECT_H
#define POSTERN_CONNECT_H

#include <sys/socket.h>

/* After interrupt_prepare(). 0 or -errno; -EAGAIN: it would wait, or nothing could be tried just now. */
int connect_at_once(int fd, const struct sockaddr *address, socklen_t size);

#endif
