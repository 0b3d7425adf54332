/* SPDX-License-Identifier: Apache-2.0 */
/* Socket addresses of the guest: copied once, bounded, taken apart. Knows nothing of calls or processes. */
#ifndef SENTRY_NET_SOCKADDR_H
#define SENTRY_NET_SOCKADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { UNIX_PATH_MAX = sizeof(((struct sockaddr_un *)NULL)->sun_path) };

enum unix_kind {
    UNIX_UNNAMED,  /* only the family: bind picks a name, connect is refused */
    UNIX_PATH,     /* names a file */
    UNIX_ABSTRACT, /* names nothing but itself */
};

/* An AF_UNIX address. */
struct unix_address {
    enum unix_kind kind;
    size_t length;                /* of name: without the NUL that ends a path, with the one before an abstract name */
    char name[UNIX_PATH_MAX + 1]; /* always NUL-terminated */
};

/* Takes `size` bytes (at most sizeof(struct sockaddr_storage)) apart. -EINVAL if they are no AF_UNIX address. */
int unix_address_parse(const void *bytes, size_t size, struct unix_address *ret_address);

/* The address as getsockname(2) shows it; returns its size. */
size_t unix_address_format(const struct unix_address *address, struct sockaddr_un *ret_sockaddr);

bool unix_address_equal(const struct unix_address *one, const struct unix_address *other);

/* The family, AF_UNSPEC if there are not even bytes for it. */
int sockaddr_family(const void *bytes, size_t size);

/* The port of an internet address, host byte order. -EINVAL if it is none, or cut short. */
int sockaddr_port(const void *bytes, size_t size);

#endif
