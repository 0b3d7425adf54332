/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/syscalls/busy.h"

#include <linux/capability.h>

#include "sentry/kernel/cred.h"
#include "sentry/kernel/process.h"
#include "sentry/sentry.h"

struct program_file program_file_of(const struct statx *attributes)
{
    return (struct program_file){.inode = attributes->stx_ino,
                                 .device_major = attributes->stx_dev_major,
                                 .device_minor = attributes->stx_dev_minor};
}

bool program_running(struct call *call, const struct statx *attributes)
{
    /* Looking at every process is dear. (The mode says nothing: it can be changed while the program runs.) */
    if (!S_ISREG(attributes->stx_mode) || !vfs_was_executed(call->sentry->vfs, attributes))
        return false;
    const struct program_file program = program_file_of(attributes);
    return program_is_in_use(call->sentry->processes, &program);
}

void keep_set_id(const struct vfs_who *who, struct dentry *dentry, const struct statx *before)
{
    if ((before->stx_mode & (S_ISUID | S_ISGID)) == 0 || !cred_capable(who->cred, CAP_FSETID))
        return;
    /* As its owner: if it has been given to another meanwhile it has lost them for good. */
    const struct actor owner = {.lacks = ACTOR_LACKS_CHOWN | ACTOR_LACKS_FOWNER | ACTOR_LACKS_FSETID,
                                .uid = before->stx_uid,
                                .gid = before->stx_gid};
    const struct setattr set = {.valid = SETATTR_MODE, .mode = before->stx_mode & 07777, .actor = owner};
    if (dentry->filesystem->setattr != NULL)
        (void)dentry->filesystem->setattr(who->sentry->vfs, dentry, who, &set);
}
