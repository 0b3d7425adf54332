/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locked files in a container's state folder (flock(2)). A lock belongs to whoever has the file open, so the kernel frees it
 * when the last holder ends; in the file stands who took it, for the one who must do without him (`delete --force`).
 */
#ifndef RUNTIME_STATE_LOCK_H
#define RUNTIME_STATE_LOCK_H

#include <stdbool.h>

struct process_mark;

/* Locks folder/name, which is made if it is not there. A descriptor, good for nothing else, to be closed; -EWOULDBLOCK if
 * somebody else holds it for longer than that; -ENOENT if it has been removed meanwhile; or another -errno. */
int lock_take(int folder, const char *name, int patience_ms);

/* Whether somebody holds it. */
bool lock_is_held(int folder, const char *name);

/* For those who wait for the lock to see that its holder is at work. */
void lock_touch(int folder, const char *name);

/* Who took it last, if that is known. He may have ended since. */
bool lock_holder(int folder, const char *name, struct process_mark *ret_holder);

#endif
