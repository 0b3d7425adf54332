/* SPDX-License-Identifier: Apache-2.0 */
/* What a pointer points at. All of it is a guest's: read once, bounded, escaped. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/limits.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "sentry/platform/decode.h"

enum { SHOWN_PATH = 512, SHOWN_BUFFER = 64, SHOWN_ARGUMENTS = 16 };

static void add_address(struct text *text, uint64_t address)
{
    if (address == 0)
        text_add(text, "NULL");
    else
        text_add(text, "%#" PRIx64, address);
}

static void add_string(struct text *text, struct call *call, uint64_t address)
{
    char string[SHOWN_PATH + 1];
    ssize_t length = address == 0 ? -EFAULT : guest_read_string(call, address, string, sizeof(string));
    if (length >= 0)
        text_quote(text, string, (size_t)length, false);
    else if (length == -ENAMETOOLONG)
        text_quote(text, string, SHOWN_PATH, true);
    else
        add_address(text, address);
}

void decode_path(struct text *text, struct call *call, int index)
{
    add_string(text, call, call->args[index]);
}

void decode_buffer(struct text *text, struct call *call, int index)
{
    char bytes[SHOWN_BUFFER];
    uint64_t size = call->args[index + 1];
    ssize_t got = guest_read_some(call, call->args[index], bytes, size < SHOWN_BUFFER ? size : SHOWN_BUFFER);
    if (got >= 0)
        text_quote(text, bytes, (size_t)got, size > (uint64_t)got);
    else
        add_address(text, call->args[index]);
}

void decode_argv(struct text *text, struct call *call, int index)
{
    uint64_t address = call->args[index], pointer;
    if (address == 0) {
        text_add(text, "NULL");
        return;
    }
    text_add(text, "[");
    for (int i = 0; i < SHOWN_ARGUMENTS; i++, address += sizeof(pointer)) {
        if (guest_read(call, address, &pointer, sizeof(pointer)) < 0) {
            text_add(text, "%s%#" PRIx64 "?", i > 0 ? ", " : "", address);
            break;
        }
        if (pointer == 0)
            break;
        if (i > 0)
            text_add(text, ", ");
        add_string(text, call, pointer);
        if (i + 1 == SHOWN_ARGUMENTS)
            text_add(text, ", ...");
    }
    text_add(text, "]");
}

static void add_unix(struct text *text, const struct sockaddr_un *address, size_t size)
{
    const size_t header = offsetof(struct sockaddr_un, sun_path);
    size_t length = size > header ? size - header : 0;
    if (length == 0) {
        text_add(text, "unnamed");
        return;
    }
    if (address->sun_path[0] == '\0')
        text_quote(text, address->sun_path, length, false); /* abstract: all bytes count */
    else
        text_quote(text, address->sun_path, strnlen(address->sun_path, length), false);
}

static void add_inet(struct text *text, int family, const void *host, in_port_t port)
{
    char name[INET6_ADDRSTRLEN];
    if (inet_ntop(family, host, name, sizeof(name)) != NULL)
        text_add(text, family == AF_INET6 ? "[%s]:%u" : "%s:%u", name, ntohs(port));
}

void decode_sockaddr(struct text *text, struct call *call, int index)
{
    union {
        sa_family_t family;
        struct sockaddr_un un;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_nl netlink;
    } address;
    memset(&address, 0, sizeof(address));
    size_t size = arg_uint(call, index + 1);
    if (size > sizeof(address))
        size = sizeof(address);
    if (size < sizeof(sa_family_t) || guest_read(call, call->args[index], &address, size) < 0) {
        add_address(text, call->args[index]);
        return;
    }
    const char *name = decode_domain_name(address.family);
    text_add(text, "{");
    if (name != NULL)
        text_add(text, "%s ", name);
    else
        text_add(text, "family %u ", address.family);
    if (address.family == AF_UNIX)
        add_unix(text, &address.un, size);
    else if (address.family == AF_INET)
        add_inet(text, AF_INET, &address.in.sin_addr, address.in.sin_port);
    else if (address.family == AF_INET6)
        add_inet(text, AF_INET6, &address.in6.sin6_addr, address.in6.sin6_port);
    else if (address.family == AF_NETLINK)
        text_add(text, "%u, groups %#x", address.netlink.nl_pid, address.netlink.nl_groups);
    text_add(text, "}");
}

void decode_openhow(struct text *text, struct call *call, int index)
{
    struct open_how how = {0};
    if (call->args[index + 1] < sizeof(how) || guest_read(call, call->args[index], &how, sizeof(how)) < 0) {
        add_address(text, call->args[index]);
        return;
    }
    text_add(text, "{");
    decode_open_how_flags(text, how.flags, how.resolve);
    if (how.mode != 0)
        text_add(text, ", mode=%#" PRIo64, (uint64_t)how.mode);
    text_add(text, "}");
}
