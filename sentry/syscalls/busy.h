/* SPDX-License-Identifier: Apache-2.0 */
/* What must be looked at before a file is written to: is it a running program, does it keep its set-id bits? */
#ifndef SENTRY_SYSCALLS_BUSY_H
#define SENTRY_SYSCALLS_BUSY_H

#include "sentry/syscalls/file.h"

/* Is a process running this file (ETXTBSY)? */
bool program_running(struct call *call, const struct statx *attributes);

/* A truncation by somebody without CAP_FSETID takes set-id bits away. */
int drop_set_id(struct call *call, const struct vfs_who *who, struct target *target);

#endif
