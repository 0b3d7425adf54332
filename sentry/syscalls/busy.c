/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/syscalls/busy.h"

#include <linux/capability.h>

#include "sentry/kernel/cred.h"
#include "sentry/kernel/process.h"
#include "sentry/sentry.h"

static bool same_inode(const struct statx *one, const struct statx *other)
{
    return one->stx_ino == other->stx_ino && one->stx_dev_major == other->stx_dev_major &&
           one->stx_dev_minor == other->stx_dev_minor;
}

static int runs_it(struct process *process, void *data)
{
    const struct statx *attributes = data;
    const struct dentry *exe = process->context->exe;
    return exe != NULL && exe->inode != NULL && same_inode(&exe->inode->attributes, attributes);
}

bool program_running(struct call *call, const struct statx *attributes)
{
    /* Looking at every process is dear, and only what is executable can be running. */
    if (!S_ISREG(attributes->stx_mode) || (attributes->stx_mode & 0111) == 0)
        return false;
    struct statx wanted = *attributes;
    return process_for_each(call->sentry->processes, runs_it, &wanted) != 0;
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
