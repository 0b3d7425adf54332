/* SPDX-License-Identifier: Apache-2.0 */
/* Control messages (cmsg(3)) as the kernel takes them apart and puts them together. Knows nothing of guests: bytes in, bytes out. */
#ifndef SENTRY_NET_CONTROL_H
#define SENTRY_NET_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* --- what is sent: every byte is hostile --- */

struct control_item {
    int level, type;
    const char *data; /* unaligned */
    size_t size;
};

/* The next item from *at on, which moves on. 1; 0: there is no more; -EINVAL: its length cannot be. */
int control_next(const char *bytes, size_t size, size_t *at, struct control_item *ret_item);

/* --- what is received --- */

/* The room a guest has for it. */
struct control_room {
    char *bytes; /* `size` of them, ours */
    size_t size, used;
    bool truncated; /* MSG_CTRUNC */
};

/* Adds an item; what does not fit is cut off. */
void control_put(struct control_room *room, int level, int type, const void *data, size_t size);

/* How many descriptors an item of SCM_RIGHTS could still have. */
size_t control_room_for_fds(const struct control_room *room);

#endif
