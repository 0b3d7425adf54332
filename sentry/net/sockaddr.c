/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/net/sockaddr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

enum { NAME_OFFSET = offsetof(struct sockaddr_un, sun_path) };

int sockaddr_family(const void *bytes, size_t size)
{
    sa_family_t family;
    if (size < sizeof(family))
        return AF_UNSPEC;
    memcpy(&family, bytes, sizeof(family));
    return family;
}

int unix_address_parse(const void *bytes, size_t size, struct unix_address *ret_address)
{
    if (size < NAME_OFFSET || size > sizeof(struct sockaddr_un) || sockaddr_family(bytes, size) != AF_UNIX)
        return -EINVAL;

    struct unix_address address = {.kind = UNIX_UNNAMED, .length = size - NAME_OFFSET};
    memcpy(address.name, (const char *)bytes + NAME_OFFSET, address.length);
    if (address.length == 0) {
        *ret_address = address;
        return 0;
    }
    if (address.name[0] == '\0') {
        address.kind = UNIX_ABSTRACT;
    } else {
        address.kind = UNIX_PATH;
        size_t length = strnlen(address.name, address.length);
        memset(address.name + length, 0, sizeof(address.name) - length);
        address.length = length;
    }
    *ret_address = address;
    return 0;
}

size_t unix_address_format(const struct unix_address *address, struct sockaddr_un *ret_sockaddr)
{
    memset(ret_sockaddr, 0, sizeof(*ret_sockaddr));
    ret_sockaddr->sun_family = AF_UNIX;
    memcpy(ret_sockaddr->sun_path, address->name, address->length);
    /* The kernel counts the NUL of a path, also one that has no room. */
    return NAME_OFFSET + address->length + (address->kind == UNIX_PATH ? 1 : 0);
}

bool unix_address_equal(const struct unix_address *one, const struct unix_address *other)
{
    return one->kind == other->kind && one->length == other->length && memcmp(one->name, other->name, one->length) == 0;
}

int sockaddr_port(const void *bytes, size_t size)
{
    in_port_t port;
    switch (sockaddr_family(bytes, size)) {
    case AF_INET:
        if (size < sizeof(struct sockaddr_in))
            return -EINVAL;
        memcpy(&port, (const char *)bytes + offsetof(struct sockaddr_in, sin_port), sizeof(port));
        return ntohs(port);
    case AF_INET6:
        if (size < offsetof(struct sockaddr_in6, sin6_scope_id)) /* the first IPv6 addresses ended there */
            return -EINVAL;
        memcpy(&port, (const char *)bytes + offsetof(struct sockaddr_in6, sin6_port), sizeof(port));
        return ntohs(port);
    default:
        return -EINVAL;
    }
}
