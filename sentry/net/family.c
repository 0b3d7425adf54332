/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/net/family.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

#include "sentry/platform/call.h"
#include "sentry/syscalls/handlers.h"

enum { TYPE_MASK = 0xf, TYPES = 11 /* SOCK_MAX of the kernel */, FAMILIES = 46 /* AF_MAX */, INTERNET_PROTOCOLS = 263 };

bool family_flags_ok(int type)
{
    return (type & ~TYPE_MASK & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) == 0;
}

/* type and protocol -1: any; the first match counts. */
struct family {
    int domain, type, protocol;
    int64_t result;
};

static const struct family families[] = {
    {AF_UNIX, -1, -1, CALL_CONTINUE}, /* what is not stream, datagram or seqpacket, the kernel refuses */
    {AF_INET, SOCK_STREAM, IPPROTO_IP, CALL_CONTINUE},
    {AF_INET, SOCK_STREAM, IPPROTO_TCP, CALL_CONTINUE},
    {AF_INET, SOCK_STREAM, -1, -EPROTONOSUPPORT},
    {AF_INET, SOCK_DGRAM, IPPROTO_IP, CALL_CONTINUE},
    {AF_INET, SOCK_DGRAM, IPPROTO_UDP, CALL_CONTINUE},
    {AF_INET, SOCK_DGRAM, IPPROTO_ICMP, CALL_CONTINUE}, /* ping sockets: the network's own group range decides */
    {AF_INET, SOCK_DGRAM, -1, -EPROTONOSUPPORT},
    {AF_INET, SOCK_RAW, IPPROTO_IP, -EPROTONOSUPPORT},
    {AF_INET, SOCK_RAW, -1, -EPERM},
    {AF_INET, -1, -1, -ESOCKTNOSUPPORT},
    {AF_INET6, SOCK_STREAM, IPPROTO_IP, CALL_CONTINUE},
    {AF_INET6, SOCK_STREAM, IPPROTO_TCP, CALL_CONTINUE},
    {AF_INET6, SOCK_STREAM, -1, -EPROTONOSUPPORT},
    {AF_INET6, SOCK_DGRAM, IPPROTO_IP, CALL_CONTINUE},
    {AF_INET6, SOCK_DGRAM, IPPROTO_UDP, CALL_CONTINUE},
    {AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6, CALL_CONTINUE},
    {AF_INET6, SOCK_DGRAM, -1, -EPROTONOSUPPORT},
    {AF_INET6, SOCK_RAW, IPPROTO_IP, -EPROTONOSUPPORT},
    {AF_INET6, SOCK_RAW, -1, -EPERM},
    {AF_INET6, -1, -1, -ESOCKTNOSUPPORT},
    {AF_PACKET, -1, -1, -EPERM},
    {AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, CALL_CONTINUE},
    {AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE, CALL_CONTINUE},
    {AF_NETLINK, SOCK_RAW, -1, -EPROTONOSUPPORT},
    {AF_NETLINK, SOCK_DGRAM, -1, -EPROTONOSUPPORT},
    {AF_NETLINK, -1, -1, -ESOCKTNOSUPPORT},
};

int64_t family_create(int domain, int type, int protocol)
{
    if (!family_flags_ok(type))
        return -EINVAL;
    type &= TYPE_MASK;
    if (domain < 0 || domain >= FAMILIES)
        return -EAFNOSUPPORT;
    if (type >= TYPES)
        return -EINVAL;
    if ((domain == AF_INET || domain == AF_INET6) && (protocol < 0 || protocol >= INTERNET_PROTOCOLS))
        return -EINVAL;
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        const struct family *family = &families[i];
        if (family->domain == domain && (family->type == -1 || family->type == type) &&
            (family->protocol == -1 || family->protocol == protocol))
            return family->result;
    }
    return -EAFNOSUPPORT;
}

int family_pair_error(int domain, int type, int protocol)
{
    int64_t result = family_create(domain, type, protocol);
    return result == CALL_CONTINUE ? -EOPNOTSUPP : (int)result;
}

int64_t sys_socket(struct call *call)
{
    return family_create(arg_int(call, 0), arg_int(call, 1), arg_int(call, 2));
}
