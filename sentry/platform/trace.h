/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --trace: one line a trapped call, written when it has been answered:
 *
 *     12 sh openat(AT_FDCWD, "/etc/passwd", O_RDONLY|O_CLOEXEC) = 3 gofer 45us
 *
 * thread id (the guest's view), command name, call, result, route, time. What the guest sent is escaped, so a line
 * is always one line of printable ASCII. How arguments are printed is said by struct route's `arguments`, a list of
 * types, one an argument; decode.c has the types.
 */
#ifndef SENTRY_PLATFORM_TRACE_H
#define SENTRY_PLATFORM_TRACE_H

#include <stdint.h>

#include "sentry/platform/call.h"

struct trace;

/* fd (borrowed) is where lines go. NULL if memory is out. */
struct trace *trace_new(int fd);
void trace_free(struct trace *trace);

/* The line of one call, while it is being served. */
struct trace_line {
    size_t used;
    char bytes[8320];
};

/* Decodes the arguments: before the handler runs, since strings are gone from the guest afterwards. */
void trace_begin(struct call *call, struct trace_line *ret_line);

/* Completes and writes the line; `result` is what the handler returned. */
void trace_call(struct trace *trace, struct trace_line *line, const struct call *call, int64_t result, uint64_t nanoseconds);

#endif
