/* SPDX-License-Identifier: Apache-2.0 */
/* For guest programs and attacks: addresses of Unix sockets by a name. "@NAME" is an abstract one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Returns the size of the address. A name that fills it has no NUL at its end. */
static inline socklen_t unix_name(struct sockaddr_un *address, const char *name)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    size_t length = strlen(name);
    if (length > sizeof(address->sun_path))
        length = sizeof(address->sun_path);
    memcpy(address->sun_path, name, length);
    if (name[0] == '@')
        address->sun_path[0] = '\0';
    bool ends = name[0] != '@' && length < sizeof(address->sun_path);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + ends);
}
