/* SPDX-License-Identifier: Apache-2.0 */
/* POSIX access control lists (acl(5)), as the kernel keeps them in system.posix_acl_access. */
#ifndef SENTRY_VFS_ACL_H
#define SENTRY_VFS_ACL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct cred;
struct statx;

struct acl_entry {
    uint16_t tag, permission;
    uint32_t id;
};

/* An attribute's value is of this form: a version and entries, little endian as the machine is. */
struct acl {
    uint32_t version;
    struct acl_entry entries[];
};

enum { ACL_SIZE_MAX = 65536 /* XATTR_SIZE_MAX */ };

/* 0 if `size` bytes are a list the kernel would have made: known tags in their order, each there as often as it may.
 * -EINVAL. */
int acl_check(const void *value, size_t size);

/* What a list that has been checked says to somebody who is not the owner: 0 or -EACCES. Capabilities are not asked. */
int acl_permission(const struct acl *acl, size_t size, const struct cred *cred, const struct statx *attributes,
                   int mask);

#endif
