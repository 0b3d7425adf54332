/* SPDX-License-Identifier: Apache-2.0 */
/* One open(2) on its way. */
#ifndef SENTRY_SYSCALLS_OPEN_H
#define SENTRY_SYSCALLS_OPEN_H

#include "sentry/platform/call.h"
#include "sentry/vfs/vfs.h"

struct opening {
    struct call *call;
    struct vfs_who who;
    int flags;
    mode_t mode;
    unsigned int resolve; /* LOOKUP_ flags of openat2 */
};

/* Finds or makes the file, judges, opens, and gives it to the guest. */
int64_t opening_run(struct opening *opening, int dirfd, const char *path);

/* Gives the descriptor to the guest; ours is closed (call_give_fd). */
int64_t opening_install(const struct opening *opening, int *fd);

/* May this device be opened, by whatever name? */
bool device_allowed(const struct statx *attributes);

/* Opens anew what a magic link (/proc/self/fd/N) leads to and has no name. Takes fd over. */
int64_t open_object(struct opening *opening, int fd);

#endif
