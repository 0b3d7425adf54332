/* SPDX-License-Identifier: Apache-2.0 */
/* A call that found things moved under its hands is made again from its beginning, as the kernel does it. */
#include <errno.h>

#include "sentry/sentry.h"
#include "sentry/syscalls/handlers.h"
#include "sentry/vfs/vfs.h"

enum { FREE_ATTEMPTS = 4, HELD_ATTEMPTS = 32 };

static int64_t attempt(struct call *call, call_handler handler)
{
    call->now = 0;
    int64_t result = handler(call);
    vfs_attempt_end(result == -ESTALE);
    return result;
}

/* With nobody else beginning to change names: only who is at it already, or works outside, can disturb it. */
static int64_t attempt_held(struct call *call, call_handler handler)
{
    struct vfs *vfs = call->sentry->vfs;
    int64_t result = -ESTALE;
    vfs_hold_names(vfs);
    for (int i = 1; i <= HELD_ATTEMPTS && result == -ESTALE; i++) {
        vfs_last_attempt(i == HELD_ATTEMPTS);
        result = attempt(call, handler);
    }
    vfs_last_attempt(false);
    vfs_release_names(vfs);
    return result;
}

int64_t call_run(struct call *call, call_handler handler)
{
    int64_t result = -ESTALE;
    for (int i = 0; i < FREE_ATTEMPTS && result == -ESTALE; i++)
        result = attempt(call, handler);
    return result == -ESTALE ? attempt_held(call, handler) : result;
}
