/* SPDX-License-Identifier: Apache-2.0 */
/* Permission on objects that are open: their ACL is asked for by descriptor. */
#include "sentry/fs/goferfs_private.h"

#include "sentry/fs/gofer_client.h"
#include "sentry/sentry.h"

struct open_list {
    struct gofer *gofer;
    int fd;
};

static ssize_t read_list(const void *of, void *value, size_t size)
{
    const struct open_list *list = of;
    return gofer_getxattr(list->gofer, (struct gofer_place){.fd = list->fd}, "system.posix_acl_access", value, size);
}

int goferfs_open_permission(const struct vfs_who *who, int fd, const struct statx *attributes, int mask)
{
    const struct open_list list = {.gofer = who->sentry->gofer, .fd = fd};
    return listed_permission(who, attributes, mask, read_list, &list);
}

int object_permission(const struct vfs_who *who, const struct object *object, int mask)
{
    if (object->kind != OBJECT_FILE)
        return attributes_permission(who->cred, &object->attributes, mask);
    return goferfs_open_permission(who, object->fd, &object->attributes, mask);
}
