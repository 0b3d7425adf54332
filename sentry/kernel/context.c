/* SPDX-License-Identifier: Apache-2.0 */
/* Contexts as objects. Numbering, stamping and freeing the unused ones is stamp.c. */
#include <stdlib.h>

#include "sentry/kernel/aio.h"
#include "sentry/kernel/table.h"
#include "sentry/vfs/vfs.h"

struct context *context_new(void)
{
    struct context *context = calloc(1, sizeof(*context));
    if (context != NULL)
        atomic_init(&context->references, 1);
    return context;
}

static struct dentry *dentry_get_or_null(struct dentry *dentry)
{
    return dentry != NULL ? dentry_get(dentry) : NULL;
}

struct context *context_copy(const struct context *context)
{
    struct context *copy = context_new();
    if (copy == NULL)
        return NULL;
    copy->cred = context->cred != NULL ? cred_get(context->cred) : NULL;
    copy->root = dentry_get_or_null(context->root);
    copy->cwd = dentry_get_or_null(context->cwd);
    copy->exe = dentry_get_or_null(context->exe);
    copy->program = context->program;
    copy->umask = context->umask;
    copy->dumpable = context->dumpable;
    copy->fs_shared = context->fs_shared;
    copy->limits = context->limits;
    copy->oom_score_adj = context->oom_score_adj;
    copy->before_program = context->before_program;
    copy->filtered = context->filtered;
    copy->no_new_privs = context->no_new_privs;
    copy->host_filters = context->host_filters;
    copy->vouched_filters = context->vouched_filters;
    copy->once_tagged = context->once_tagged;
    copy->tagged = context->tagged;
    copy->threads_differ = context->threads_differ;
    copy->files_differ = context->files_differ;
    copy->files_shared = context->files_shared;
    copy->aio = aio_account_get(context->aio);
    if (own_fs_copy(copy, context) < 0)
        return context_put(copy);
    return copy;
}

struct context *context_get(struct context *context)
{
    atomic_fetch_add(&context->references, 1);
    return context;
}

struct context *context_put(struct context *context)
{
    if (context == NULL || atomic_fetch_sub(&context->references, 1) != 1)
        return NULL;
    (void)cred_put(context->cred);
    (void)dentry_put(context->root);
    (void)dentry_put(context->cwd);
    (void)dentry_put(context->exe);
    own_fs_drop(context);
    (void)aio_account_put(context->aio);
    free(context);
    return NULL;
}
