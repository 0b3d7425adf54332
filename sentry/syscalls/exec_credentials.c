/* SPDX-License-Identifier: Apache-2.0 */
/* Whose a program's process is: set-id bits, file capabilities, and what stands against them. */
#include <errno.h>
#include <linux/capability.h>

#include "postern/cleanup.h"
#include "sentry/kernel/aio.h"
#include "sentry/kernel/process.h"
#include "sentry/kernel/status.h"
#include "sentry/platform/exec.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/busy.h"
#include "sentry/syscalls/execve.h"
#include "sentry/syscalls/seccomp.h"
#include "sentry/syscalls/subject.h"
#include "sentry/vfs/vfs.h"

bool program_is_readable(const struct vfs_who *who, const struct program *program)
{
    return (program->dentry != NULL ? vfs_permission(who, program->dentry, MAY_READ)
                                    : attributes_permission(who->cred, &program->attributes, MAY_READ)) == 0;
}

static int file_capabilities(const struct vfs_who *who, const struct program *program, struct file_caps *ret_caps)
{
    if (program->dentry == NULL || program->nosuid)
        return -ENODATA;
    unsigned char value[64];
    ssize_t size = vfs_deciding_xattr(who->sentry->vfs, program->dentry, KEPT_CAPABILITIES, value, sizeof(value));
    if (size == -ESTALE || !vfs_leads_to(program->dentry, &program->attributes))
        return -ESTALE; /* another file's */
    if (size < 0)
        return -ENODATA;
    return cred_parse_file_caps(value, (size_t)size, ret_caps);
}

/* Whether somebody without the right to such ids could change a program's directory and umask under it (LSM_UNSAFE_SHARE of Linux). */
static bool is_watched(const struct sentry *sentry, struct process *process, const struct cred *cred)
{
    return !cred_capable(cred, CAP_SETUID) && process_shares_fs(sentry->processes, process);
}

/* Set-id bits and file capabilities count for nothing on a mount that says so; nor if somebody has his hands in it. */
static bool without_set_id(const struct vfs_who *who, const struct program *program)
{
    return program->nosuid || is_watched(who->sentry, who->task->process, who->cred);
}

/* What the caller would be with the program. Whether a filter of somebody's is on it is asked only if that matters. */
static int judge_program(struct call *call, const struct vfs_who *who, struct exec_file *file, struct exec_result *ret_result)
{
    struct exec_result result;
    file->no_gain = task_no_new_privs(who->task);
    int status = cred_exec(who->cred, file, &result);
    if (status < 0 || !result.gains || file->no_gain || !caller_has_foreign_filter(call)) {
        if (status == 0)
            *ret_result = result;
        return status;
    }
    (void)cred_put(result.cred);
    file->no_gain = true;
    return cred_exec(who->cred, file, ret_result);
}

int exec_judge(struct call *call, const struct vfs_who *who, const struct program *program, struct exec *exec)
{
    struct file_caps caps;
    int has_caps = file_capabilities(who, program, &caps);
    if (has_caps < 0 && has_caps != -ENODATA)
        return has_caps;
    struct exec_file file = {
        .owner = program->attributes.stx_uid,
        .group = program->attributes.stx_gid,
        .mode = program->attributes.stx_mode,
        .caps = has_caps == 0 ? &caps : NULL,
        .nosuid = without_set_id(who, program),
    };
    struct exec_result result;
    int status = judge_program(call, who, &file, &result);
    if (status < 0)
        return status;

    bool readable = program_is_readable(who, program) && !exec->hides_interpreter;
    bool hides = cred_change_hides(who->cred, result.cred);
    exec->cred = result.cred;
    exec->file = program_file_of(&program->attributes);
    exec->program = program->dentry == NULL ? NULL : dentry_get(program->dentry);
    exec->dumpable = who->cred->euid == who->cred->ruid && who->cred->egid == who->cred->rgid && !hides && readable;
    exec->gains = result.gains && !file.no_gain;
    exec->secure = (struct secureexec){.limits_stack = result.secure, .resets_personality = result.resets_personality};

    struct load_plan *load = &exec->plan->load;
    load->uid = result.cred->ruid;
    load->euid = result.cred->euid;
    load->gid = result.cred->rgid;
    load->egid = result.cred->egid;
    load->secure = result.secure;
    load->forget_parent = result.secure || hides;
    load->files_later = !readable;
    return 0;
}

struct context *exec_context(struct call *call, struct exec *exec)
{
    struct context *context = process_edit(call->task->process);
    if (context == NULL)
        return NULL;
    /* Since we looked another thread may have put a filter on, or made somebody who shares the working directory. There is no other thread
     * any more, so now it holds. */
    if (exec->gains && (context->filtered || is_watched(call->sentry, call->task->process, call->cred)))
        return context_put(context);
    (void)cred_put(context->cred);
    context->cred = take_ptr(exec->cred);
    (void)dentry_put(context->exe);
    context->exe = take_ptr(exec->program);
    context->program = exec->file;
    context->dumpable = exec->dumpable;
    context->aio = aio_account_put(context->aio);
    if (context->before_program &&
        thread_filters(call->sentry, call->task->tid, &context->vouched_filters) < 0) /* the configuration's is among them now */
        return context_put(context);
    context->before_program = false;
    if (process_forget_threads(call->sentry->processes, call->task, context) < 0)
        return context_put(context);
    return context;
}
