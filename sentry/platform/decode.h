/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments of calls as text, for the trace. */
#ifndef SENTRY_PLATFORM_DECODE_H
#define SENTRY_PLATFORM_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "sentry/platform/call.h"

/* A line being written. What does not fit is dropped. */
struct text {
    char *data;
    size_t size, used;
};
void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* In quotes, everything but printable ASCII escaped; "..." follows if `more`. */
void text_quote(struct text *text, const char *bytes, size_t length, bool more);

/* Prints argument `index` of the call. */
typedef void (*decoder)(struct text *text, struct call *call, int index);

/* Prints all arguments as the route's format says, with commas. */
void decode_arguments(struct text *text, struct call *call);

/* decode_flags.c: constants and bit sets by name */
void decode_oflags(struct text *text, struct call *call, int index);
void decode_atflags(struct text *text, struct call *call, int index);
void decode_unlinkflags(struct text *text, struct call *call, int index);
void decode_access(struct text *text, struct call *call, int index);
void decode_xattrflags(struct text *text, struct call *call, int index);
void decode_renameflags(struct text *text, struct call *call, int index);
void decode_statxmask(struct text *text, struct call *call, int index);
void decode_cloneflags(struct text *text, struct call *call, int index);
void decode_mountflags(struct text *text, struct call *call, int index);
void decode_umountflags(struct text *text, struct call *call, int index);
void decode_msgflags(struct text *text, struct call *call, int index);
void decode_socktype(struct text *text, struct call *call, int index);
void decode_open_how_flags(struct text *text, uint64_t flags, uint64_t resolve);

/* decode_names.c: constants that exclude each other */
void decode_signal(struct text *text, struct call *call, int index);
void decode_ioctl(struct text *text, struct call *call, int index);
void decode_fcntl(struct text *text, struct call *call, int index);
void decode_prctl(struct text *text, struct call *call, int index);
void decode_resource(struct text *text, struct call *call, int index);
void decode_clock(struct text *text, struct call *call, int index);
void decode_domain(struct text *text, struct call *call, int index);
void decode_sockopt(struct text *text, struct call *call, int index);
void decode_prio(struct text *text, struct call *call, int index);
void decode_sched(struct text *text, struct call *call, int index);
void decode_filemode(struct text *text, struct call *call, int index);
const char *decode_domain_name(unsigned int domain); /* NULL if unknown */

/* decode_memory.c: what a pointer points at */
void decode_path(struct text *text, struct call *call, int index);
void decode_argv(struct text *text, struct call *call, int index);
void decode_buffer(struct text *text, struct call *call, int index);   /* the next argument is its size */
void decode_sockaddr(struct text *text, struct call *call, int index); /* the next argument is its size */
void decode_openhow(struct text *text, struct call *call, int index);  /* the next argument is its size */

#endif
