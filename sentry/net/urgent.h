/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Urgent data (MSG_OOB). TCP has it, and ftp, telnet and rlogin use it; that of Unix sockets is young and has been a way into
 * kernels. The filter cannot tell the two apart, so calls with the flag come here: TCP's are done on our copy of the socket, all others
 * refused, as by a kernel without it.
 */
#ifndef SENTRY_NET_URGENT_H
#define SENTRY_NET_URGENT_H

#include <stdbool.h>
#include <stdint.h>

struct call;

/* recvfrom(2), with the caller's arguments. */
int64_t urgent_receive(struct call *call);
/* recvmsg(2). */
int64_t urgent_receive_message(struct call *call, uint64_t message, int flags);

/* May the socket send any? 0 or -EOPNOTSUPP, -EINVAL for flags that are nobody's. */
int urgent_check_send(int domain, int type, int flags);

#endif
