/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sentry knows of Unix sockets that the host kernel does not: the names the guest gave them (the kernel
 * knows what the gofer called them), and who connected (the kernel knows it was the gofer).
 *
 * A connecting stream socket without a name gets one of ours, abstract and random: its "mark". The accepting side
 * sees the mark as its peer's name, and by it we know who that is.
 *
 * Bounded: the oldest entry makes room. What is forgotten is answered with "nobody".
 */
#ifndef SENTRY_NET_KNOWN_H
#define SENTRY_NET_KNOWN_H

#include <stdint.h>
#include <sys/types.h>

#include "sentry/net/sockaddr.h"

enum { KNOWN_SOCKETS_MAX = 2048 };

struct socket_peer {
    pid_t vpid;
    uid_t uid;
    gid_t gid;
};

struct known_socket {
    uint64_t inode; /* of the socket; 0: a free entry */
    uint64_t used;
    struct unix_address native;  /* what the kernel calls it: the bound name or the mark */
    struct unix_address shown;   /* what the guest is told of it; unnamed for a marked one */
    struct unix_address peer;    /* connected by us: what the guest is told of the other side */
    struct socket_peer owner;    /* who connected, or who bound */
    uint64_t file_dev, file_ino; /* bound by us: the file that names it */
};

/* An inode number may come again for another socket: it is the same one only if the kernel still calls it so. */
struct known_socket *known_find(uint64_t inode, const struct unix_address *native);
struct known_socket *known_by_native(const struct unix_address *native); /* the latest one */
struct known_socket *known_by_file(uint64_t dev, uint64_t ino);          /* the latest one */

/* A new, empty entry for a socket, in place of what was known of it. Never NULL. */
struct known_socket *known_add(uint64_t inode);

#endif
