/* SPDX-License-Identifier: Apache-2.0 */
/* From a call's number to its handler, by the route table. */
#ifndef SENTRY_PLATFORM_DISPATCH_H
#define SENTRY_PLATFORM_DISPATCH_H

#include <stdint.h>

struct call;

/* Runs the handler of call->nr and writes the trace line, if there is a trace. A trapped number without a handler is
 * a call whose guard failed and that has no emulation: -ENOSYS. */
int64_t dispatch(struct call *call, int64_t (*clock)(void));

#endif
