/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to the gofer, and one request on its way over one: between gofer_line.c and gofer_client.c. */
#ifndef SENTRY_FS_GOFER_LINE_H
#define SENTRY_FS_GOFER_LINE_H

#include "postern/gofer_protocol.h"
#include "sentry/fs/gofer_client.h"

/* A connection, and the request that is under way on it. Whoever has taken it has it for himself, and needs no lock. */
struct gofer_line {
    struct gofer *gofer;
    int socket;
    int descriptors; /* what replies carry comes by this; -1: with the reply itself */
    uint32_t sequence;
    size_t used; /* of the request's payload */
    int fds[2];  /* to go with it: borrowed */
    struct gofer_line *next; /* free ones */
    struct gofer_request_message request;
    struct gofer_reply_message reply;
};

/* What a reply to a request must look like. */
struct expected {
    size_t data_min, data_max;
    bool fd;
};

/* A line for one request; never NULL. */
struct gofer_line *line_take(struct gofer *gofer);
void line_give_back(struct gofer_line *line);
static inline void cleanup_line(struct gofer_line **line)
{
    line_give_back(*line);
}
#define auto_line __attribute__((cleanup(cleanup_line)))

/* Building a request. What can be wrong with the parts is said with an errno; nothing has been sent then. */
struct gofer_request *line_begin(struct gofer_line *line, enum gofer_op op);
void line_add_bytes(struct gofer_line *line, const void *bytes, size_t size);
int line_add_first(struct gofer_line *line, const char *path, bool root_too);
int line_add_second(struct gofer_line *line, const char *string, size_t size_max, int too_long);
int line_add_second_path(struct gofer_line *line, struct gofer_place place);
void line_add_fd(struct gofer_line *line, int fd); /* borrowed */
int line_add_place(struct gofer_line *line, struct gofer_place place); /* by path or descriptor */
int line_add_path(struct gofer_line *line, struct gofer_place place, bool root_too); /* by path */
int line_add_owner(struct gofer_line *line, const struct gofer_owner *owner);

/* Sends the request that has been built and takes the reply, without the state lock. Returns 0, or the negative errno the
 * gofer gave; *ret_fd is owned by the caller. A gofer that breaks the rules, or is silent for too long, ends the container. */
int line_exchange(struct gofer_line *line, const struct expected *expected, int *ret_fd);
int line_exchange_plain(struct gofer_line *line); /* a reply without parts */

/* The gofer broke a rule. */
void line_fault(const struct gofer_line *line, const char *what) __attribute__((noreturn));

#endif
