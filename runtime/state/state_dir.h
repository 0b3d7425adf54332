/* SPDX-License-Identifier: Apache-2.0 */
/* The folder ROOT/ID that says that a container of this name exists. */
#ifndef RUNTIME_STATE_STATE_DIR_H
#define RUNTIME_STATE_STATE_DIR_H

#include <stdbool.h>

struct dirent;
struct error;

enum { STATE_ID_MAX = 255 };

/* A container's name: 1 to 255 letters, digits and _ + - . ; not "." or "..". Returns 0, or -EINVAL with *error set. */
int state_id_check(const char *id, struct error *error);

/* Where it is unless --root says otherwise: /run/postern for the machine's root, $XDG_RUNTIME_DIR/postern for others, or without
 * that variable a folder in /tmp with the user's number. */
const char *state_root_default(void);

/* The folder, open. -EPERM if it belongs to another user: what is in it would not be ours. -ENOTDIR if it is a link: in /tmp anybody
 * could lay one there to another folder of ours, where containers would then be made and removed. */
int state_root_open(const char *root);
/* Says why that failed; returns status. */
int state_root_failed(struct error *error, int status, const char *root);

/* Creates the root, with all its parents, for us alone. Returns 0 or -errno. */
int state_root_create(const char *root, struct error *error);

/* Locked from the moment a container is being made until it is gone: its sentry keeps it. */
#define ALIVE_FILE "alive"

/* Creates ROOT/ID, mode 0700, opens it and locks ALIVE_FILE in it; the id must have been checked. A folder whose file is not locked
 * belongs to a runtime that was killed, and is taken over. Returns 0, -EEXIST if there is such a container, or another -errno. */
int state_dir_create(const char *root, const char *id, bool foreground, int *ret_folder, int *ret_alive, struct error *error);

/* Lets a folder made for the foreground outlive its runtime, as one that was not. 0 or -errno. */
int state_dir_keep(int folder);

/* The names of its containers, in order; also of those of which only the folder is there. How many, or -errno; each entry and the list
 * are the caller's to free. */
int state_root_scan(const char *root, struct dirent ***ret_entries);

/* Removes ROOT/ID with all that is in it. Returns 0 (also if there was none) or -errno. */
int state_dir_remove(const char *root, const char *id);

#endif
