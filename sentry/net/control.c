/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/net/control.h"

#include <errno.h>
#include <string.h>

int control_next(const char *bytes, size_t size, size_t *at, struct control_item *ret_item)
{
    struct cmsghdr header;
    if (*at > size || size - *at < sizeof(header))
        return 0;
    memcpy(&header, bytes + *at, sizeof(header));
    if (header.cmsg_len < sizeof(header) || header.cmsg_len > size - *at)
        return -EINVAL;
    *ret_item = (struct control_item){.level = header.cmsg_level,
                                      .type = header.cmsg_type,
                                      .data = bytes + *at + CMSG_LEN(0),
                                      .size = header.cmsg_len - CMSG_LEN(0)};
    *at += CMSG_ALIGN(header.cmsg_len);
    return 1;
}

void control_put(struct control_room *room, int level, int type, const void *data, size_t size)
{
    size_t left = room->size - room->used, length = CMSG_LEN(size);
    if (left < sizeof(struct cmsghdr)) {
        room->truncated = true;
        return;
    }
    if (left < length) {
        room->truncated = true;
        length = left;
    }
    const struct cmsghdr header = {.cmsg_len = length, .cmsg_level = level, .cmsg_type = type};
    char *place = room->bytes + room->used;
    memcpy(place, &header, sizeof(header));
    memcpy(place + CMSG_LEN(0), data, length - CMSG_LEN(0));
    size_t step = CMSG_SPACE(size);
    room->used += step < left ? step : left;
}

size_t control_room_for_fds(const struct control_room *room)
{
    size_t left = room->size - room->used;
    return left <= sizeof(struct cmsghdr) ? 0 : (left - sizeof(struct cmsghdr)) / sizeof(int);
}
