/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a name in a request to a descriptor. This is the only place where a path from the sentry meets the host kernel,
 * and it does so beneath the container's root, without symbolic links.
 */
#ifndef GOFER_RESOLVE_H
#define GOFER_RESOLVE_H

#include <stddef.h>
#include <sys/stat.h>

#include "gofer/server.h"

/* A descriptor that may be borrowed (the root, a descriptor of the request) or our own. */
struct place {
    int fd;
    int owned; /* what to close, or -1 */
};

void place_release(const struct place *place);
#define auto_place __attribute__((cleanup(place_release)))
#define PLACE_NONE ((struct place){.fd = -1, .owned = -1})

/* The object at a path, O_PATH, itself if it is a symbolic link. Returns 0 or -errno. */
int place_find(const struct server *server, const char *path, struct place *ret_place);

/* The same for what a request names by path or descriptor. -ESTALE if it is not what the request expects there. */
int place_of_request(const struct exchange *exchange, struct place *ret_place);

/* The folder the last name of a request's first (0) or second (1) path is in, and that name (a part of it). -ESTALE likewise. */
int place_parent(const struct exchange *exchange, size_t which, struct place *ret_parent, const char **ret_name);

/* What the reply of a change that has been made says of the object, if it can be told. name: in the folder fd, or "" for what fd is. */
void reply_attributes(struct exchange *exchange, int fd, const char *name);

/* Which object of a type may be opened: EPERM for devices that would reach beyond the container, ENXIO for sockets. */
int may_open(const struct statx *attributes);

/* Opens an object held by an O_PATH descriptor. O_NOFOLLOW says nothing here. A FIFO is opened without waiting.
 * Returns the descriptor or -errno. */
int open_object(int fd, const struct statx *attributes, int flags);

#endif
