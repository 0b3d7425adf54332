/* SPDX-License-Identifier: Apache-2.0 */
/* capget(2), capset(2). */
#include <errno.h>
#include <linux/capability.h>

#include "sentry/syscalls/handlers.h"
#include "sentry/syscalls/subject.h"

/* How many pairs of 32 bits a version of the structures has. An unknown one is answered with ours. */
static int read_header(struct call *call, struct __user_cap_header_struct *header)
{
    int result = guest_read(call, call->args[0], header, sizeof(*header));
    if (result < 0)
        return result;
    switch (header->version) {
    case _LINUX_CAPABILITY_VERSION_1:
        return _LINUX_CAPABILITY_U32S_1;
    case _LINUX_CAPABILITY_VERSION_2:
    case _LINUX_CAPABILITY_VERSION_3:
        return _LINUX_CAPABILITY_U32S_3;
    default:
        header->version = _LINUX_CAPABILITY_VERSION_3;
        result = guest_write(call, call->args[0], &header->version, sizeof(header->version));
        return result < 0 ? result : -EINVAL;
    }
}

int64_t sys_capget(struct call *call)
{
    struct __user_cap_header_struct header;
    int words = read_header(call, &header);
    if (call->args[1] == 0 && (words > 0 || words == -EINVAL))
        return 0; /* only asks for the version */
    if (words < 0)
        return words;
    if (header.pid < 0)
        return -EINVAL;
    const struct task *task = subject_find(call, header.pid);
    if (task == NULL)
        return -ESRCH;
    const struct cred *cred = task_cred(task);
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    for (int i = 0; i < words; i++) {
        data[i].effective = (uint32_t)(cred->cap_effective >> (32 * i));
        data[i].permitted = (uint32_t)(cred->cap_permitted >> (32 * i));
        data[i].inheritable = (uint32_t)(cred->cap_inheritable >> (32 * i));
    }
    return guest_write(call, call->args[1], data, (size_t)words * sizeof(data[0]));
}

int64_t sys_capset(struct call *call)
{
    struct __user_cap_header_struct header;
    int words = read_header(call, &header);
    if (words < 0)
        return words;
    if (header.pid != 0 && header.pid != call->task->vtid)
        return -EPERM;
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
    int result = guest_read(call, call->args[1], data, (size_t)words * sizeof(data[0]));
    if (result < 0)
        return result;
    struct cred *cred = caller_cred_edit(call);
    if (cred == NULL)
        return -ENOMEM;
    result = cred_capset(cred, data[0].permitted | (uint64_t)data[1].permitted << 32,
                         data[0].effective | (uint64_t)data[1].effective << 32,
                         data[0].inheritable | (uint64_t)data[1].inheritable << 32);
    return caller_cred_finish(call, cred, result);
}
