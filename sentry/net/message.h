/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's struct msghdr, copied in once: what sendmsg(2), recvmsg(2) and their kin have in common. */
#ifndef SENTRY_NET_MESSAGE_H
#define SENTRY_NET_MESSAGE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "sentry/platform/call.h"

enum {
    MESSAGE_PARTS_MAX = 1024,    /* UIO_MAXIOV */
    MESSAGE_CONTROL_MAX = 16384, /* more control is not looked at */
    MESSAGE_DATA_MAX = 256 * 1024, /* more data is not taken in at once */
    MESSAGE_FDS_MAX = 253,       /* SCM_MAX_FD */
};

/* Flags of send(2) and recv(2) that are not for guests: what is newer than the guards, and MSG_OOB, which is done for TCP alone. */
#define MESSAGE_FLAGS_REFUSED (0x9ff80000U | MSG_OOB)

struct message {
    uint64_t address; /* of the header in the guest */
    struct msghdr header;
    struct iovec *parts; /* owned */
    size_t total;        /* bytes of them, cut at SSIZE_MAX as the kernel does */
};

void message_release(struct message *message);
#define auto_message __attribute__((cleanup(message_release)))

/* -EFAULT, -EINVAL, -EMSGSIZE, -ENOMEM. */
int message_read(struct call *call, uint64_t address, struct message *ret_message);

/* Between the guest's parts and our buffer, the first `size` bytes from `skip` on. -EFAULT. */
int message_gather(struct call *call, const struct message *message, size_t skip, void *data, size_t size);
int message_scatter(struct call *call, const struct message *message, const void *data, size_t size);

#endif
