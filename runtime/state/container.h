/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container as the commands know it: the file ROOT/ID/state.json, written atomically (a temporary file beside it, renamed), read
 * by every later command. What can be asked of the host (is it alive, is it frozen) is not in the file but asked.
 */
#ifndef RUNTIME_STATE_CONTAINER_H
#define RUNTIME_STATE_CONTAINER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "oci-spec/oci.h"
#include "runtime/state/process_mark.h"

struct error;

enum container_status { CONTAINER_CREATING, CONTAINER_CREATED, CONTAINER_RUNNING, CONTAINER_PAUSED, CONTAINER_STOPPED };

struct container {
    char id[256];
    char bundle[PATH_MAX], rootfs[PATH_MAX];
    char created[40];  /* RFC 3339, UTC, nanoseconds */
    char owner[64];    /* of the one who made it */
    char cgroup[PATH_MAX]; /* as runtime/cgroup/cgroup.h names it; "" if there is none */
    bool systemd_cgroup;
    struct process_mark init, sentry, gofer;
    struct oci_pairs annotations; /* owned strings */
};

/* What a command works on: the folder ROOT/ID, open. Close the descriptor yourself. -ENOENT with runc's words: container does not
 * exist. */
int container_open(const char *root, const char *id, int *ret_folder, struct error *error);

int container_load(int folder, struct container *ret_container, struct error *error);
int container_save(int folder, const struct container *container, struct error *error);
void container_release(struct container *container); /* frees the annotations */

/* CREATED as long as START_SOCKET is in the folder and the init has not executed, PAUSED by the freezer. */
#define START_SOCKET   "start.sock"
#define CONTROL_SOCKET "control.sock"
enum container_status container_status(int folder, const struct container *container);
const char *container_status_name(enum container_status status);

/* Serialises commands that change a container: an exclusive lock, held until the descriptor is closed. A descriptor;
 * -EWOULDBLOCK if somebody else holds it for longer than that; -ENOENT if the container
 * has been deleted meanwhile; or another -errno. */
#define LOCK_FILE "lock"
int container_lock(int folder, int patience_ms);
/* The same for as long as any wait (await.h), with the words for a failure. 0 or -errno. */
int container_lock_or_say(int folder, int *ret_lock, struct error *error);

#endif
