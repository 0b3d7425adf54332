/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/net/known.h"

#include <stddef.h>

static struct known_socket sockets[KNOWN_SOCKETS_MAX];
static uint64_t clock_now;

static struct known_socket *touch(struct known_socket *socket)
{
    if (socket != NULL)
        socket->used = ++clock_now;
    return socket;
}

struct known_socket *known_find(uint64_t inode, const struct unix_address *native)
{
    for (size_t i = 0; inode != 0 && i < KNOWN_SOCKETS_MAX; i++) {
        if (sockets[i].inode == inode && unix_address_equal(&sockets[i].native, native))
            return touch(&sockets[i]);
    }
    return NULL;
}

struct known_socket *known_by_native(const struct unix_address *native)
{
    struct known_socket *found = NULL;
    for (size_t i = 0; native->kind != UNIX_UNNAMED && i < KNOWN_SOCKETS_MAX; i++) {
        if (sockets[i].inode != 0 && unix_address_equal(&sockets[i].native, native) &&
            (found == NULL || sockets[i].used > found->used))
            found = &sockets[i];
    }
    return touch(found);
}

struct known_socket *known_by_file(uint64_t dev, uint64_t ino)
{
    struct known_socket *found = NULL;
    for (size_t i = 0; ino != 0 && i < KNOWN_SOCKETS_MAX; i++) {
        if (sockets[i].inode != 0 && sockets[i].file_ino == ino && sockets[i].file_dev == dev &&
            (found == NULL || sockets[i].used > found->used))
            found = &sockets[i];
    }
    return touch(found);
}

struct known_socket *known_add(uint64_t inode)
{
    struct known_socket *oldest = &sockets[0];
    for (size_t i = 0; i < KNOWN_SOCKETS_MAX; i++) {
        if (sockets[i].inode == inode) {
            oldest = &sockets[i];
            break;
        }
        if (sockets[i].used < oldest->used)
            oldest = &sockets[i];
    }
    *oldest = (struct known_socket){.inode = inode};
    return touch(oldest);
}
