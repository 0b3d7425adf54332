/* SPDX-License-Identifier: Apache-2.0 */
/* What must be looked at before a file is written to: is it a running program, does it keep its set-id bits? */
#ifndef SENTRY_SYSCALLS_BUSY_H
#define SENTRY_SYSCALLS_BUSY_H

#include "sentry/syscalls/file.h"

/* Is a process running this file (ETXTBSY)? */
bool program_running(struct call *call, const struct statx *attributes);
struct program_file program_file_of(const struct statx *attributes);

/* The gofer truncates as somebody without CAP_FSETID does, which takes set-id bits away: gives them back to who has it.
 */
void keep_set_id(const struct vfs_who *who, struct dentry *dentry, const struct statx *before);

#endif
