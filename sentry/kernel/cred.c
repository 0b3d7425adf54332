/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials as objects, and who may do what to whom. The calls that change them are in cred_change.c. */
#include "sentry/kernel/cred.h"

#include <stdlib.h>
#include <string.h>

struct cred *cred_new(size_t group_count)
{
    struct cred *cred = calloc(1, sizeof(*cred) + group_count * sizeof(cred->groups[0]));
    if (cred == NULL)
        return NULL;
    atomic_init(&cred->references, 1);
    cred->group_count = group_count;
    return cred;
}

/* Everything but the groups. */
static void copy_fixed_part(struct cred *to, const struct cred *from)
{
    size_t begin = offsetof(struct cred, ruid), end = offsetof(struct cred, group_count);
    memcpy((char *)to + begin, (const char *)from + begin, end - begin);
}

struct cred *cred_copy(const struct cred *cred)
{
    struct cred *copy = cred_new(cred->group_count);
    if (copy == NULL)
        return NULL;
    copy_fixed_part(copy, cred);
    memcpy(copy->groups, cred->groups, cred->group_count * sizeof(gid_t));
    return copy;
}

static int compare_gids(const void *left, const void *right)
{
    gid_t a = *(const gid_t *)left, b = *(const gid_t *)right;
    return a < b ? -1 : a > b;
}

struct cred *cred_copy_with_groups(const struct cred *cred, const gid_t *groups, size_t count)
{
    struct cred *copy = cred_new(count);
    if (copy == NULL)
        return NULL;
    copy_fixed_part(copy, cred);
    if (count > 0) {
        memcpy(copy->groups, groups, count * sizeof(gid_t));
        qsort(copy->groups, count, sizeof(gid_t), compare_gids);
    }
    return copy;
}

struct cred *cred_get(struct cred *cred)
{
    atomic_fetch_add(&cred->references, 1);
    return cred;
}

struct cred *cred_put(struct cred *cred)
{
    if (cred != NULL && atomic_fetch_sub(&cred->references, 1) == 1)
        free(cred);
    return NULL;
}

bool cred_capable(const struct cred *cred, unsigned int capability)
{
    return capability <= CRED_CAP_LAST && (cred->cap_effective >> capability & 1) != 0;
}

bool cred_in_group(const struct cred *cred, gid_t gid)
{
    return gid == cred->fsgid || (cred->group_count > 0 && bsearch(&gid, cred->groups, cred->group_count,
                                                                  sizeof(gid_t), compare_gids) != NULL);
}

bool cred_equal(const struct cred *a, const struct cred *b)
{
    if (a == b)
        return true;
    return a->ruid == b->ruid && a->euid == b->euid && a->suid == b->suid && a->fsuid == b->fsuid &&
           a->rgid == b->rgid && a->egid == b->egid && a->sgid == b->sgid && a->fsgid == b->fsgid &&
           a->cap_permitted == b->cap_permitted && a->cap_effective == b->cap_effective &&
           a->cap_inheritable == b->cap_inheritable && a->cap_bounding == b->cap_bounding &&
           a->cap_ambient == b->cap_ambient && a->securebits == b->securebits &&
           a->no_new_privs == b->no_new_privs && a->keep_caps == b->keep_caps && a->group_count == b->group_count &&
           memcmp(a->groups, b->groups, a->group_count * sizeof(gid_t)) == 0;
}

bool cred_change_hides(const struct cred *before, const struct cred *after)
{
    return before->euid != after->euid || before->egid != after->egid || before->fsuid != after->fsuid ||
           before->fsgid != after->fsgid || (after->cap_permitted & ~before->cap_permitted) != 0;
}

bool cred_may_signal(const struct cred *sender, const struct cred *target)
{
    return sender->euid == target->suid || sender->euid == target->ruid || sender->ruid == target->suid ||
           sender->ruid == target->ruid || cred_capable(sender, CAP_KILL);
}

bool cred_may_ptrace(const struct cred *who, const struct cred *target, bool target_dumpable, bool fscreds)
{
    if (cred_capable(who, CAP_SYS_PTRACE))
        return true;
    uid_t uid = fscreds ? who->fsuid : who->ruid;
    gid_t gid = fscreds ? who->fsgid : who->rgid;
    uint64_t caps = fscreds ? who->cap_effective : who->cap_permitted;
    bool same_ids = uid == target->euid && uid == target->suid && uid == target->ruid && gid == target->egid &&
                    gid == target->sgid && gid == target->rgid;
    return same_ids && target_dumpable && (target->cap_permitted & ~caps) == 0;
}
