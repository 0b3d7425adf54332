/* SPDX-License-Identifier: Apache-2.0 */
/* Supplementary groups: getgroups(2), setgroups(2). */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "postern/cleanup.h"
#include "sentry/syscalls/handlers.h"
#include "sentry/syscalls/subject.h"

int64_t sys_getgroups(struct call *call)
{
    const struct cred *cred = caller_cred(call);
    int size = arg_int(call, 0);
    if (size < 0)
        return -EINVAL;
    if (size == 0)
        return (int64_t)cred->group_count;
    if ((size_t)size < cred->group_count)
        return -EINVAL;
    int result = guest_write(call, call->args[1], cred->groups, cred->group_count * sizeof(gid_t));
    return result < 0 ? result : (int64_t)cred->group_count;
}

int64_t sys_setgroups(struct call *call)
{
    const struct boot_config *boot = call->sentry->boot;
    if (!caller_capable(call, CAP_SETGID) || boot->groups_denied != 0)
        return -EPERM;
    unsigned int count = arg_uint(call, 0);
    if (count > NGROUPS_MAX)
        return -EINVAL;
    auto_free gid_t *groups = calloc(count + 1, sizeof(gid_t));
    if (groups == NULL)
        return -ENOMEM;
    if (count > 0) {
        int result = guest_read(call, call->args[1], groups, count * sizeof(gid_t));
        if (result < 0)
            return result;
    }
    for (unsigned int i = 0; i < count; i++)
        if (!boot_id_exists(&boot->gids, groups[i]))
            return -EINVAL;
    struct cred *changed = cred_copy_with_groups(caller_cred(call), groups, count);
    if (changed == NULL)
        return -ENOMEM;
    return caller_cred_finish(call, changed, 0);
}
