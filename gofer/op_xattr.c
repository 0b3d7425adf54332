/* SPDX-License-Identifier: Apache-2.0 */
/* Extended attributes: user.*, file capabilities and ACLs. */
#include <errno.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "gofer/foreign.h"
#include "gofer/object.h"
#include "gofer/owner.h"
#include "gofer/resolve.h"
#include "gofer/server.h"
#include "postern/confine.h"

CONFINE_ALLOW(getxattr, "getxattr");
CONFINE_ALLOW(setxattr, "setxattr");
CONFINE_ALLOW(listxattr, "listxattr");
CONFINE_ALLOW(removexattr, "removexattr");

/* Without CAP_SYS_ADMIN trusted.* reads as absent and cannot be written; other namespaces do not exist here. */
static int check_name(const char *name, int trusted)
{
    if (gofer_xattr_ok(name))
        return 0;
    return strncmp(name, "trusted.", strlen("trusted.")) == 0 ? trusted : -EOPNOTSUPP;
}

static int find(struct exchange *exchange, int trusted, struct place *ret_place)
{
    int status = exchange->second != NULL ? check_name(exchange->second, trusted) : 0;
    return status < 0 ? status : place_of_request(exchange, ret_place);
}

int op_getxattr(struct exchange *exchange)
{
    auto_place struct place place = PLACE_NONE;
    int status = find(exchange, -ENODATA, &place);
    if (status < 0)
        return status;
    size_t size = exchange->request->size;
    ssize_t length = getxattr(fd_name(place.fd).text, exchange->second, exchange->out, size);
    if (length < 0)
        return -errno;
    exchange->reply->value = length;
    exchange->reply->data_size = size > 0 ? (uint32_t)length : 0;
    return 0;
}

int op_setxattr(struct exchange *exchange)
{
    auto_place struct place place = PLACE_NONE;
    int status = find(exchange, -EPERM, &place);
    if (status == 0 && strcmp(exchange->second, "security.capability") == 0)
        status = foreign_check_privileges(place.fd);
    const struct gofer_request *request = exchange->request;
    if (status == 0)
        status = actor_begin(request);
    if (status < 0)
        return status;
    status = setxattr(fd_name(place.fd).text, exchange->second, exchange->data, request->data_size, (int)request->flags);
    status = status < 0 ? -errno : 0;
    actor_end(request);
    return status;
}

int op_removexattr(struct exchange *exchange)
{
    auto_place struct place place = PLACE_NONE;
    int status = find(exchange, -EPERM, &place);
    if (status == 0)
        status = actor_begin(exchange->request);
    if (status < 0)
        return status;
    status = removexattr(fd_name(place.fd).text, exchange->second) < 0 ? -errno : 0;
    actor_end(exchange->request);
    return status;
}

/* Leaves in a list of `length` bytes only the names a container may know. Returns what is left. */
static size_t filter_names(char *list, size_t length)
{
    size_t kept = 0;
    for (size_t at = 0; at < length;) {
        size_t size = strnlen(list + at, length - at);
        if (at + size == length)
            break; /* no NUL: not what the kernel promises */
        size++;
        if (gofer_xattr_ok(list + at)) {
            memmove(list + kept, list + at, size);
            kept += size;
        }
        at += size;
    }
    return kept;
}

int op_listxattr(struct exchange *exchange)
{
    auto_place struct place place = PLACE_NONE;
    int status = find(exchange, 0, &place);
    if (status < 0)
        return status;
    ssize_t length = listxattr(fd_name(place.fd).text, exchange->out, GOFER_DATA_MAX);
    if (length < 0)
        return -errno;

    size_t kept = filter_names(exchange->out, (size_t)length);
    size_t size = exchange->request->size;
    if (size > 0 && kept > size)
        return -ERANGE;
    exchange->reply->value = (int64_t)kept;
    exchange->reply->data_size = size > 0 ? (uint32_t)kept : 0;
    return 0;
}
