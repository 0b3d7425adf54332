/* SPDX-License-Identifier: Apache-2.0 */
/* The first process: its credentials and context as config.json has them. */
#include <errno.h>
#include <string.h>

#include "sentry/kernel/table.h"
#include "sentry/sentry.h"
#include "sentry/vfs/vfs.h"

static struct cred *boot_cred(const struct boot_config *boot)
{
    struct cred *empty = cred_new(0);
    if (empty == NULL)
        return NULL;
    struct cred *cred = cred_copy_with_groups(empty, boot->groups, boot->group_count);
    (void)cred_put(empty);
    if (cred == NULL)
        return NULL;
    cred->ruid = cred->euid = cred->suid = cred->fsuid = boot->uid;
    cred->rgid = cred->egid = cred->sgid = cred->fsgid = boot->gid;
    cred->cap_bounding = boot->cap_bounding & CRED_CAP_FULL;
    cred->cap_permitted = boot->cap_permitted & CRED_CAP_FULL;
    cred->cap_effective = boot->cap_effective & cred->cap_permitted;
    cred->cap_inheritable = boot->cap_inheritable & CRED_CAP_FULL;
    cred->cap_ambient = boot->cap_ambient & cred->cap_permitted & cred->cap_inheritable;
    cred->no_new_privs = boot->no_new_privs != 0;
    return cred;
}

/* As chdir(2) by root, before the process is who it shall be. */
static int find_cwd(struct sentry *sentry, const struct boot_config *boot, struct context *context)
{
    enum { ATTEMPTS = 16 }; /* names may move meanwhile */
    struct cred *cred = cred_new(0);
    if (cred == NULL)
        return -ENOMEM;
    cred->cap_effective = CRED_CAP_FULL;
    const struct vfs_who who = {.sentry = sentry, .cred = cred, .root = context->root, .cwd = context->root};
    struct lookup lookup = {.fd = -1};
    int result = -ESTALE;
    for (int i = 0; i < ATTEMPTS && result == -ESTALE; i++) {
        vfs_tick(sentry->vfs);
        result = vfs_lookup(&who, NULL, boot->cwd, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &lookup);
        vfs_attempt_end(result == -ESTALE);
    }
    (void)cred_put(cred);
    if (result < 0)
        return result;
    if (lookup.dentry == NULL)
        result = -ENOTDIR;
    else
        context->cwd = dentry_get(lookup.dentry);
    lookup_release(&lookup);
    return result;
}

static int fill_context(struct sentry *sentry, const struct boot_config *boot, struct context *context)
{
    context->cred = boot_cred(boot);
    if (context->cred == NULL)
        return -ENOMEM;
    context->root = dentry_get(vfs_root(sentry->vfs));
    context->umask = (mode_t)boot->umask & 0777;
    context->dumpable = true;
    limits_begin(&context->limits, boot);
    context->oom_score_adj = boot->oom_score_adj;
    context->before_program = true;
    return find_cwd(sentry, boot, context);
}

int kernel_enter_process(struct sentry *sentry, const struct boot_config *boot, pid_t pid)
{
    struct context *context = context_new();
    if (context == NULL)
        return -ENOMEM;
    int result = fill_context(sentry, boot, context);
    if (result == 0)
        result = thread_filters(sentry, pid, &context->host_filters);
    if (result == 0)
        result = thread_enter_slack(sentry->processes, pid);
    context->vouched_filters = context->host_filters;
    if (result < 0) {
        (void)context_put(context);
        return result;
    }
    struct process *process;
    return process_add_first(sentry->processes, pid, context, &process);
}
