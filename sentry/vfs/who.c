/* SPDX-License-Identifier: Apache-2.0 */
/* On whose behalf a trapped call works: his root, working directory, rights and umask. */
#include "sentry/kernel/process.h"
#include "sentry/platform/call.h"
#include "sentry/sentry.h"
#include "sentry/vfs/vfs_internal.h"

void vfs_who_from_call(struct call *call, struct vfs_who *ret_who)
{
    const struct fs fs = context_fs(call->context, call->task->fs);
    vfs_tick_for_call(call->sentry->vfs, call);
    if (call->root == NULL) {
        call->root = dentry_get(fs.root);
        call->cwd = dentry_get(fs.cwd);
    }
    *ret_who = (struct vfs_who){
        .sentry = call->sentry,
        .task = call->task,
        .cred = call->cred,
        .root = call->root,
        .cwd = call->cwd,
        .umask = fs.umask,
    };
}
