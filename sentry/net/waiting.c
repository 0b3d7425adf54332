/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/net/waiting.h"

#include "sentry/kernel/process.h"
#include "sentry/kernel/status.h"
#include "sentry/platform/platform.h"
#include "sentry/sentry.h"

static void wake(void *data)
{
    platform_wake_parked(data);
}

/* If it cannot be watched, it is asked every few milliseconds. */
void waiting_begin(struct sentry *sentry, int fd)
{
    (void)platform_watch(sentry->platform, fd, wake, sentry->platform);
}

void waiting_end(struct sentry *sentry, int fd)
{
    platform_unwatch(sentry->platform, fd);
}

bool waiting_interrupted(const struct call *call)
{
    struct host_status status;
    return host_status_read(call->sentry, call->task->tid, &status) == 0 && status_signal_deliverable(&status);
}
