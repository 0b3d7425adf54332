/* SPDX-License-Identifier: Apache-2.0 */
/* As whom the gofer acts while it creates or changes something. */
#ifndef GOFER_OWNER_H
#define GOFER_OWNER_H

#include <sys/types.h>

#include "postern/gofer_protocol.h"

/* Notes who the gofer is; before any of the rest. Returns 0 or -errno. */
int owner_init(void);

/* Takes on the request's owner: file system ids and umask. owner_end() must follow. Returns 0 or -errno. */
int owner_begin(const struct gofer_request *request);
void owner_end(void);

/* The same with ids alone. -EPERM: nobody here has them. */
int owner_become(uid_t uid, gid_t gid);

/* Takes on the request's actor, if it names one: his file system ids, and none of the capabilities he lacks. actor_end() must follow.
 * Returns 0 or -errno. */
int actor_begin(const struct gofer_request *request);
void actor_end(const struct gofer_request *request);

/* Gives CAP_FSETID up for a moment, so that the kernel takes set-id bits away from a file that loses its content, as it
 * does for a process without the capability. fsetid_raise() must follow. */
void fsetid_lower(void);
void fsetid_raise(void);

#endif
