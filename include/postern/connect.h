/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connect(2) on somebody else's open file description, without waiting for room in the listener's queue. Whether it waits is
 * decided by a flag of that description, which its owner may change at any moment; so a timer of the calling thread's interrupts
 * it, again and again, until it has returned.
 */
#ifndef POSTERN_CONNECT_H
#define POSTERN_CONNECT_H

#include <sys/socket.h>

/* Once in the process, before its first thread and its confinement: an interrupted call returns. 0 or -errno. */
int connect_prepare(void);

/* 0 or -errno; -EAGAIN: it would wait, or nothing could be tried just now. */
int connect_at_once(int fd, const struct sockaddr *address, socklen_t size);

#endif
