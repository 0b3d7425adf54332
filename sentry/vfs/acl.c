/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/vfs/acl.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "sentry/kernel/cred.h"

enum { VERSION = 2, USER_OBJ = 1, USER = 2, GROUP_OBJ = 4, GROUP = 8, MASK = 16, OTHER = 32, PERMISSIONS = 7 };

static size_t count_of(size_t size)
{
    return (size - sizeof(struct acl)) / sizeof(struct acl_entry);
}

static bool is_named(unsigned int tag)
{
    return tag == USER || tag == GROUP;
}

int acl_check(const void *value, size_t size)
{
    const struct acl *acl = value;
    if (size < sizeof(*acl) || (size - sizeof(*acl)) % sizeof(acl->entries[0]) != 0 || acl->version != VERSION)
        return -EINVAL;
    unsigned int seen = 0, last = 0;
    for (size_t i = 0; i < count_of(size); i++) {
        const struct acl_entry *entry = &acl->entries[i];
        bool one_bit = entry->tag != 0 && (entry->tag & (entry->tag - 1)) == 0 && entry->tag <= OTHER;
        if (!one_bit || (entry->permission & ~PERMISSIONS) != 0 || entry->tag < last ||
            (entry->tag == last && !is_named(last)))
            return -EINVAL;
        last = entry->tag;
        seen |= last;
    }
    const unsigned int always = USER_OBJ | GROUP_OBJ | OTHER;
    bool masked = (seen & (USER | GROUP)) == 0 || (seen & MASK) != 0;
    return (seen & always) == always && masked ? 0 : -EINVAL;
}

static const struct acl_entry *find(const struct acl *acl, size_t size, unsigned int tag)
{
    for (size_t i = 0; i < count_of(size); i++)
        if (acl->entries[i].tag == tag)
            return &acl->entries[i];
    return NULL;
}

static bool is_for(const struct acl_entry *entry, const struct cred *cred, const struct statx *attributes)
{
    switch (entry->tag) {
    case USER:
        return entry->id == cred->fsuid;
    case GROUP_OBJ:
        return cred_in_group(cred, attributes->stx_gid);
    case GROUP:
        return cred_in_group(cred, entry->id);
    default:
        return false;
    }
}

int acl_permission(const struct acl *acl, size_t size, const struct cred *cred, const struct statx *attributes,
                   int mask)
{
    const unsigned int wanted = (unsigned int)mask & PERMISSIONS;
    const struct acl_entry *limit = find(acl, size, MASK);
    bool in_a_group = false;
    for (size_t i = 0; i < count_of(size); i++) {
        const struct acl_entry *entry = &acl->entries[i];
        if (!is_for(entry, cred, attributes))
            continue;
        bool grants = (wanted & ~(unsigned int)entry->permission) == 0;
        bool limited = limit != NULL && (wanted & ~(unsigned int)limit->permission) != 0;
        /* A name of the user's own decides; of his groups any that grants. */
        if (entry->tag == USER || grants)
            return grants && !limited ? 0 : -EACCES;
        in_a_group = true;
    }
    const struct acl_entry *other = find(acl, size, OTHER);
    return !in_a_group && other != NULL && (wanted & ~(unsigned int)other->permission) == 0 ? 0 : -EACCES;
}
