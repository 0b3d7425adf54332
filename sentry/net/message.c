/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/net/message.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "postern/cleanup.h"

void message_release(struct message *message)
{
    free(message->parts);
    message->parts = NULL;
}

static int read_parts(struct call *call, struct message *message)
{
    size_t count = message->header.msg_iovlen;
    if (count > MESSAGE_PARTS_MAX)
        return -EMSGSIZE;
    message->parts = malloc((count + 1) * sizeof(struct iovec));
    if (message->parts == NULL)
        return -ENOMEM;
    int error = guest_read(call, (uint64_t)message->header.msg_iov, message->parts, count * sizeof(struct iovec));
    if (error < 0)
        return error;
    for (size_t i = 0; i < count; i++) {
        if ((ssize_t)message->parts[i].iov_len < 0)
            return -EINVAL;
        if (message->parts[i].iov_len > INT_MAX - message->total) /* MAX_RW_COUNT, nearly */
            message->parts[i].iov_len = INT_MAX - message->total;
        message->total += message->parts[i].iov_len;
    }
    return 0;
}

int message_read(struct call *call, uint64_t address, struct message *ret_message)
{
    struct message message = {.address = address};
    int error = guest_read(call, address, &message.header, sizeof(message.header));
    if (error == 0 && (int)message.header.msg_namelen < 0)
        error = -EINVAL;
    if (error == 0)
        error = read_parts(call, &message);
    if (error < 0) {
        message_release(&message);
        return error;
    }
    *ret_message = message;
    return 0;
}

int message_gather(struct call *call, const struct message *message, size_t skip, void *data, size_t size)
{
    size_t done = 0;
    for (size_t i = 0; i < message->header.msg_iovlen && done < size; i++) {
        size_t length = message->parts[i].iov_len;
        if (skip >= length) {
            skip -= length;
            continue;
        }
        size_t step = length - skip < size - done ? length - skip : size - done;
        int error = guest_read(call, (uint64_t)message->parts[i].iov_base + skip, (char *)data + done, step);
        if (error < 0)
            return error;
        skip = 0;
        done += step;
    }
    return 0;
}

int message_scatter(struct call *call, const struct message *message, const void *data, size_t size)
{
    size_t done = 0;
    for (size_t i = 0; i < message->header.msg_iovlen && done < size; i++) {
        size_t length = message->parts[i].iov_len, step = length < size - done ? length : size - done;
        int error = guest_write(call, (uint64_t)message->parts[i].iov_base, (const char *)data + done, step);
        if (error < 0)
            return error;
        done += step;
    }
    return 0;
}
