/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the guest has said of its objects without a name (memory files, pipes, sockets): owner, mode, extended attributes. Natively all
 * of them are of one id, and whoever asks is shown as their owner; from the first change on an object has one.
 *
 * Nobody tells us when such an object ends. So records are few, a user's oldest goes for his newest, and they are for an identity the
 * host does not soon give again: a number that counts four billion objects and, where there is one, the time of birth.
 */
#include "sentry/vfs/vfs_internal.h"

#include <errno.h>
#include <linux/xattr.h>
#include <stdlib.h>
#include <string.h>

#include "sentry/kernel/cred.h"

enum { RECORDS_MAX = 4096, OF_USER_MAX = 256, BYTES_MAX = 1 << 20 /* of attributes, a user's */, MODE_BITS = 07777 };

struct attribute {
    struct attribute *next;
    size_t size;
    char *name;  /* within the allocation, as the value is */
    char *value;
};

struct nameless {
    struct nameless *next; /* the one used last is the first */
    struct statx identity;
    uid_t user; /* whose record it is: who made the first change */
    uid_t uid;
    gid_t gid;
    mode_t mode;
    size_t bytes;
    struct attribute *attributes;
};

static void free_record(struct nameless *record)
{
    while (record->attributes != NULL) {
        struct attribute *attribute = record->attributes;
        record->attributes = attribute->next;
        free(attribute);
    }
    free(record);
}

/* Moves it to the front. */
static struct nameless *find(struct vfs *vfs, const struct statx *identity)
{
    for (struct nameless **link = &vfs->nameless; *link != NULL; link = &(*link)->next) {
        struct nameless *record = *link;
        if (!same_object(&record->identity, identity))
            continue;
        *link = record->next;
        record->next = vfs->nameless;
        vfs->nameless = record;
        return record;
    }
    return NULL;
}

/* The one that was used least lately, of a user's (-1: of all). */
static void forget_oldest(struct vfs *vfs, uid_t user)
{
    struct nameless **oldest = NULL;
    for (struct nameless **link = &vfs->nameless; *link != NULL; link = &(*link)->next)
        if (user == (uid_t)-1 || (*link)->user == user)
            oldest = link;
    if (oldest == NULL)
        return;
    struct nameless *record = *oldest;
    *oldest = record->next;
    free_record(record);
}

static void make_room(struct vfs *vfs, uid_t user)
{
    size_t all = 0, of_user = 0;
    for (const struct nameless *record = vfs->nameless; record != NULL; record = record->next) {
        all++;
        of_user += record->user == user;
    }
    if (of_user >= OF_USER_MAX)
        forget_oldest(vfs, user);
    else if (all >= RECORDS_MAX)
        forget_oldest(vfs, (uid_t)-1);
}

static struct nameless *obtain(struct vfs *vfs, const struct cred *cred, const struct object *object)
{
    struct nameless *record = find(vfs, &object->attributes);
    if (record != NULL)
        return record;
    make_room(vfs, cred->ruid);
    record = calloc(1, sizeof(*record));
    if (record == NULL)
        return NULL;
    *record = (struct nameless){.next = vfs->nameless,
                                .identity = object->attributes,
                                .user = cred->ruid,
                                .uid = object->attributes.stx_uid,
                                .gid = object->attributes.stx_gid,
                                .mode = object->attributes.stx_mode & MODE_BITS};
    vfs->nameless = record;
    return record;
}

void nameless_show(struct vfs *vfs, struct statx *attributes)
{
    const struct nameless *record = vfs->nameless == NULL ? NULL : find(vfs, attributes);
    if (record == NULL)
        return;
    attributes->stx_uid = record->uid;
    attributes->stx_gid = record->gid;
    attributes->stx_mode = (uint16_t)((attributes->stx_mode & S_IFMT) | record->mode);
}

int object_set_nameless(struct vfs *vfs, const struct cred *cred, const struct object *object, const struct setattr *set)
{
    struct nameless *record = obtain(vfs, cred, object);
    if (record == NULL)
        return -ENOMEM;
    if ((set->valid & SETATTR_OWNER) != 0) {
        record->uid = set->uid != (uid_t)-1 ? set->uid : record->uid;
        record->gid = set->gid != (gid_t)-1 ? set->gid : record->gid;
        record->mode &= ~(mode_t)((record->mode & S_IXGRP) != 0 ? S_ISUID | S_ISGID : S_ISUID);
    }
    if ((set->valid & SETATTR_MODE) != 0)
        record->mode = set->mode & MODE_BITS;
    return 0;
}

/* --- extended attributes --- */

static struct attribute **find_attribute(struct nameless *record, const char *name)
{
    struct attribute **link = &record->attributes;
    while (*link != NULL && strcmp((*link)->name, name) != 0)
        link = &(*link)->next;
    return link;
}

static void drop_attribute(struct nameless *record, struct attribute **link)
{
    struct attribute *attribute = *link;
    *link = attribute->next;
    record->bytes -= strlen(attribute->name) + attribute->size;
    free(attribute);
}

static size_t bytes_of(const struct vfs *vfs, uid_t user)
{
    size_t bytes = 0;
    for (const struct nameless *record = vfs->nameless; record != NULL; record = record->next)
        bytes += record->user == user ? record->bytes : 0;
    return bytes;
}

static int add_attribute(struct nameless *record, const char *name, const void *value, size_t size)
{
    const size_t length = strlen(name) + 1;
    struct attribute *attribute = malloc(sizeof(*attribute) + length + size);
    if (attribute == NULL)
        return -ENOMEM;
    char *bytes = (char *)(attribute + 1);
    *attribute = (struct attribute){.next = record->attributes, .size = size, .name = bytes, .value = bytes + length};
    memcpy(attribute->name, name, length);
    memcpy(attribute->value, value, size);
    record->attributes = attribute;
    record->bytes += length - 1 + size;
    return 0;
}

ssize_t object_getxattr_nameless(struct vfs *vfs, const struct object *object, const char *name, void *value, size_t size)
{
    struct nameless *record = find(vfs, &object->attributes);
    const struct attribute *attribute = record == NULL ? NULL : *find_attribute(record, name);
    if (attribute == NULL)
        return -ENODATA;
    if (size > 0 && attribute->size <= size)
        memcpy(value, attribute->value, attribute->size);
    return (ssize_t)attribute->size;
}

int object_setxattr_nameless(struct vfs *vfs, const struct cred *cred, const struct object *object, const char *name,
                             const void *value, size_t size, int flags)
{
    struct nameless *record = find(vfs, &object->attributes);
    struct attribute *known = record == NULL ? NULL : *find_attribute(record, name);
    if (known != NULL && (flags & XATTR_CREATE) != 0)
        return -EEXIST;
    if (known == NULL && (flags & XATTR_REPLACE) != 0)
        return -ENODATA;
    const size_t replaced = known != NULL ? known->size : 0;
    const uid_t user = record != NULL ? record->user : cred->ruid;
    if (bytes_of(vfs, user) - replaced + strlen(name) + size > BYTES_MAX)
        return -ENOSPC;
    record = obtain(vfs, cred, object);
    int status = record == NULL ? -ENOMEM : add_attribute(record, name, value, size);
    if (status == 0 && known != NULL) {
        struct attribute **link = &record->attributes->next; /* behind the new one */
        while (*link != known)
            link = &(*link)->next;
        drop_attribute(record, link);
    }
    return status;
}

ssize_t object_listxattr_nameless(struct vfs *vfs, const struct object *object, char *list, size_t size)
{
    struct nameless *record = find(vfs, &object->attributes);
    size_t used = 0;
    for (const struct attribute *attribute = record == NULL ? NULL : record->attributes; attribute != NULL;
         attribute = attribute->next) {
        const size_t length = strlen(attribute->name) + 1;
        if (used + length <= size)
            memcpy(list + used, attribute->name, length);
        used += length;
    }
    return (ssize_t)used;
}

int object_removexattr_nameless(struct vfs *vfs, const struct object *object, const char *name)
{
    struct nameless *record = find(vfs, &object->attributes);
    struct attribute **link = record == NULL ? NULL : find_attribute(record, name);
    if (link == NULL || *link == NULL)
        return -ENODATA;
    drop_attribute(record, link);
    return 0;
}
