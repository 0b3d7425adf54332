/* SPDX-License-Identifier: Apache-2.0 */
/* execve(2), execveat(2): which program, with which credentials; and the stub's call for its load plan. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "sentry/gate/twin.h"
#include "sentry/gate/window.h"
#include "sentry/kernel/process.h"
#include "sentry/platform/exec.h"
#include "sentry/platform/loader.h"
#include "sentry/platform/unlocked.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/busy.h"
#include "sentry/syscalls/execve.h"
#include "sentry/syscalls/file.h"
#include "sentry/syscalls/handlers.h"
#include "sentry/syscalls/subject.h"
#include "sentry/vfs/vfs.h"

enum { SCRIPT_DEPTH_MAX = 5 };

static void program_release(struct program *program)
{
    close_unlocked(program->fd);
    (void)dentry_put(program->dentry);
}
#define auto_program __attribute__((cleanup(program_release)))

static void exec_release(struct exec *exec)
{
    (void)exec_plan_free(exec->plan);
    (void)cred_put(exec->cred);
    (void)dentry_put(exec->program);
}
#define auto_exec __attribute__((cleanup(exec_release)))

/* --- finding the program --- */

static int open_nameless(const struct vfs_who *who, int fd, const struct statx *attributes, struct program *ret_program)
{
    auto_close_unlocked int owned = fd;
    if (!S_ISREG(attributes->stx_mode) || (vfs_opened_flags(who->sentry->vfs, fd) & MS_NOEXEC) != 0)
        return -EACCES;
    int status = attributes_permission(who->cred, attributes, MAY_EXEC);
    if (status < 0)
        return status;
    *ret_program = (struct program){.fd = take_fd(&owned), .attributes = *attributes, .nosuid = true};
    return 0;
}

static int open_dentry(const struct vfs_who *who, struct dentry *dentry, struct program *ret_program)
{
    int fd = -1;
    struct statx attributes;
    const struct inode *inode = dentry->inode;
    const unsigned int write_opens = inode != NULL ? inode->write_opens : 0;
    int status = vfs_open_exec(who, dentry, &fd, &attributes);
    if (status == 0 && dentry->inode != inode)
        status = -ESTALE;
    if (status < 0) {
        close_unlocked(fd);
        return status;
    }
    *ret_program = (struct program){
        .dentry = dentry_get(dentry),
        .fd = fd,
        .attributes = attributes,
        .nosuid = vfs_nosuid(who->sentry->vfs, dentry),
        .write_opens = write_opens,
    };
    return 0;
}

static int open_by_path(const struct vfs_who *who, struct dentry *base, const char *path, unsigned int flags,
                        struct program *ret_program)
{
    struct lookup lookup = {.fd = -1};
    int status = vfs_lookup(who, base, path, flags, &lookup);
    if (status < 0)
        return status;
    if (lookup.dentry == NULL) {
        struct statx attributes;
        if (object_attributes(who->sentry->vfs, who->cred, lookup.fd, &attributes) < 0)
            status = -EACCES;
        else
            status = open_nameless(who, take_fd(&lookup.fd), &attributes, ret_program);
    } else if (lookup.dentry->inode == NULL) {
        status = -ENOENT;
    } else if (S_ISLNK(lookup.dentry->inode->attributes.stx_mode)) {
        status = -ELOOP; /* AT_SYMLINK_NOFOLLOW */
    } else {
        status = open_dentry(who, lookup.dentry, ret_program);
    }
    lookup_release(&lookup);
    return status;
}

static int open_by_fd(struct call *call, const struct vfs_who *who, int dirfd, const char *path, unsigned int flags,
                      struct program *ret_program)
{
    struct object object;
    int status = object_from_fd(call, dirfd, &object);
    if (status < 0)
        return status;
    if (object.dentry == NULL && object.kind != OBJECT_ANONYMOUS)
        (void)object_dentry(call, &object);
    if (path[0] != '\0')
        status = object.dentry == NULL ? -ENOTDIR : open_by_path(who, object.dentry, path, flags, ret_program);
    else if (object.dentry != NULL)
        status = open_dentry(who, object.dentry, ret_program);
    else
        status = open_nameless(who, take_fd(&object.fd), &object.attributes, ret_program);
    object_release(&object);
    return status;
}

/* --- scripts and the plan --- */

static int add_string(struct load_plan *plan, const char *text, uint32_t *ret_offset)
{
    size_t size = strlen(text) + 1;
    if (size > sizeof(plan->strings) - plan->strings_size)
        return -E2BIG;
    memcpy(plan->strings + plan->strings_size, text, size);
    *ret_offset = plan->strings_size;
    plan->strings_size += (uint32_t)size;
    return 0;
}

static int put_before(struct load_plan *plan, const char *word)
{
    uint32_t offset;
    int status = add_string(plan, word, &offset);
    if (status < 0)
        return status;
    if (plan->prefix_count == PLAN_PREFIX_MAX)
        return -E2BIG;
    memmove(&plan->prefix[1], &plan->prefix[0], plan->prefix_count * sizeof(plan->prefix[0]));
    plan->prefix[0] = offset;
    plan->prefix_count++;
    return 0;
}

static int add_script(struct load_plan *plan, const struct script_line *line, const char *script)
{
    int status = plan->prefix_count == 0 ? put_before(plan, script) : 0;
    if (status == 0 && line->has_argument)
        status = put_before(plan, line->argument);
    if (status == 0)
        status = put_before(plan, line->interpreter);
    return status;
}

/* Follows #! lines until *program is something else. */
static int resolve_scripts(const struct vfs_who *who, const char *path, struct program *program, struct load_plan *plan)
{
    for (int depth = 0;; depth++) {
        char head[LOADER_HEAD_SIZE];
        struct script_line line;
        ssize_t size = unlocked_pread(program->fd, head, sizeof(head), 0);
        if (size < 0)
            return -EIO;
        int found = loader_parse_script(head, (size_t)size, &line);
        if (found <= 0)
            return found;
        if (depth == SCRIPT_DEPTH_MAX)
            return -ELOOP;
        int status = add_script(plan, &line, path);
        if (status < 0)
            return status;
        struct program next = {.fd = -1};
        status = open_by_path(who, NULL, line.interpreter, LOOKUP_FOLLOW, &next);
        if (status < 0)
            return status;
        program_release(program);
        *program = next;
    }
}

/* Of what lies where not everybody may go nothing goes into the window that all look through. */
static void find_twin(const struct vfs_who *who, const struct program *program, bool linker, struct plan_image *image)
{
    if (program->dentry != NULL && vfs_is_in_the_open(program->dentry))
        twins_find(who->sentry->twins, who->cred->ruid, program->fd, linker, image);
}

static int load_interpreter(const struct vfs_who *who, const char *path, struct exec *exec)
{
    struct exec_plan *plan = exec->plan;
    auto_program struct program interpreter = {.fd = -1};
    int status = open_by_path(who, NULL, path, LOOKUP_FOLLOW, &interpreter);
    if (status < 0)
        return status;
    char nested[PATH_MAX];
    bool stack;
    status = loader_parse_elf(interpreter.fd, &plan->load.interpreter, nested, &stack);
    if (status < 0)
        return status == -ENOEXEC ? -ELIBBAD : status;
    exec->hides_interpreter = !program_is_readable(who, &interpreter);
    find_twin(who, &interpreter, true, &plan->load.interpreter);
    plan->interpreter_fd = take_fd(&interpreter.fd);
    return 0;
}

/* --- the calls --- */

static void name_plan(struct load_plan *plan, const char *path, const struct program *program, bool by_fd)
{
    const char *name = by_fd && program->dentry != NULL ? program->dentry->name : path;
    const char *slash = strrchr(name, '/');
    (void)snprintf(plan->name, sizeof(plan->name), "%.15s", slash != NULL ? slash + 1 : name);
}

/* Whether a descriptor of the caller closes on exec: then /dev/fd/N will lead a script's interpreter nowhere. */
static bool closes_on_exec(const struct call *call, int fd)
{
    char name[64], line[64];
    (void)snprintf(name, sizeof(name), "%d/fdinfo/%d", call->task->tid, fd);
    int info = openat(call->sentry->proc_outer, name, O_RDONLY | O_CLOEXEC);
    auto_fclose FILE *file = info < 0 ? NULL : fdopen(info, "r");
    unsigned int flags = 0;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "flags: %o", &flags) == 1)
            break;
    return (flags & O_CLOEXEC) != 0;
}

/* What others have changed meanwhile in what the process shares (its working directory, say) stays as they left it. */
static int commit(struct call *call, void *data)
{
    struct exec *exec = data;
    struct process *process = call->task->process;
    struct process_table *table = call->sentry->processes;
    process_collapse_to(table, process, call->task);
    secureexec_finish(&exec->secure, call);
    struct context *context = exec_context(call, exec);
    int status = context == NULL ? -ENOMEM : process_commit(table, process, context);
    if (status == 0 && exec->plan->load.forget_parent)
        call->task->death_signal = false;
    if (status == 0 && exec->plan->load.files_later) {
        process->files_due = exec_plan_take(exec->plan);
        status = process->files_due == NULL ? -ENOMEM : 0;
    }
    return status;
}

static int begin(struct tracee *tracee, void *data)
{
    struct exec *exec = data;
    return secureexec_begin(&exec->secure, tracee);
}

static int undo(struct tracee *tracee, void *data)
{
    const struct exec *exec = data;
    return secureexec_undo(&exec->secure, tracee);
}

/* From here on nobody opens it for writing any more. -ESTALE: somebody has done so since it was looked at. */
static int hold_program(struct call *call, const struct program *program)
{
    vfs_note_executed(call->sentry->vfs, &program->attributes);
    call->task->process->starting = program_file_of(&program->attributes);
    return program->dentry != NULL && program->dentry->inode->write_opens != program->write_opens ? -ESTALE : 0;
}

static int prepare(struct call *call, const struct vfs_who *who, const char *path, bool by_fd, struct program *program, struct exec *exec)
{
    exec->plan = exec_plan_new();
    if (exec->plan == NULL)
        return -ENOMEM;
    struct load_plan *load = &exec->plan->load;
    if (getrandom(&load->random, sizeof(load->random), GRND_NONBLOCK) != sizeof(load->random))
        return -EAGAIN;
    int status = add_string(load, path, &load->path);
    if (status < 0)
        return status;
    name_plan(load, path, program, by_fd);
    status = resolve_scripts(who, path, program, load);
    if (status == 0)
        status = hold_program(call, program);
    if (status < 0)
        return status;

    char interpreter[PATH_MAX];
    bool stack_executable = false;
    status = loader_parse_elf(program->fd, &load->program, interpreter, &stack_executable);
    if (status < 0)
        return status;
    load->stack_executable = stack_executable;
    load->gate = window_has_gate(who->sentry->window);
    find_twin(who, program, interpreter[0] == '\0', &load->program);
    if (interpreter[0] != '\0') {
        status = load_interpreter(who, interpreter, exec);
        if (status < 0)
            return status;
    }
    status = exec_judge(call, who, program, exec);
    if (status < 0)
        return status;
    if (load->files_later && !exec_plan_count(exec->plan, &call->sentry->plans_due, call->cred->ruid))
        return -EAGAIN;
    exec->plan->program_fd = take_fd(&program->fd);
    return 0;
}

/* The files a program is started from are put among the caller's descriptors. Whoever shares those would have them, and the stub closes only
 * its own: so the caller takes its table for its own first, as an exec does in the end. Whether that works out or not it asks only once. */
static bool must_unshare(struct call *call)
{
    struct task *task = call->task;
    const bool asked = task->files_own;
    task->files_own = !asked && process_shares_files(call->sentry->processes, task->process);
    return task->files_own;
}

static int64_t unshare_files(struct call *call)
{
    const uint64_t arguments[6] = {CLONE_FILES};
    int status = call_note_own_files(call);
    return status < 0 ? status : call_make_before(call, SYS_unshare, arguments);
}

static int64_t execute(struct call *call, int dirfd, uint64_t path_address, uint64_t arguments, uint64_t environment, int flags)
{
    if ((flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) != 0)
        return -EINVAL;

    char path[PATH_MAX + 32];
    ssize_t length = guest_read_string(call, path_address, path, PATH_MAX);
    if (length < 0)
        return length;
    if (length == 0 && (flags & AT_EMPTY_PATH) == 0)
        return -ENOENT;

    struct vfs_who who;
    vfs_who_from_call(call, &who);
    unsigned int lookup_flags = (flags & AT_SYMLINK_NOFOLLOW) != 0 ? 0 : LOOKUP_FOLLOW;
    bool by_fd = path[0] != '/' && dirfd != AT_FDCWD;
    auto_program struct program program = {.fd = -1};
    int status;
    if (by_fd)
        status = open_by_fd(call, &who, dirfd, path, lookup_flags, &program);
    else
        status = open_by_path(&who, NULL, length == 0 ? "." : path, lookup_flags, &program);
    if (status < 0)
        return status;
    if (by_fd) {
        /* execveat(2): what the program and a script's interpreter are told */
        char name[PATH_MAX + 32];
        (void)snprintf(name, sizeof(name), length == 0 ? "/dev/fd/%d" : "/dev/fd/%d/%.4095s", dirfd, path);
        memcpy(path, name, sizeof(path));
    }

    auto_exec struct exec exec = {0};
    status = prepare(call, &who, path, by_fd && length == 0, &program, &exec);
    if (status < 0)
        return status;
    if (by_fd && exec.plan->load.prefix_count > 0 && closes_on_exec(call, dirfd))
        return -ENOENT;
    if (must_unshare(call))
        return unshare_files(call);
    struct stub_exec request = {
        .plan = exec.plan,
        .stub = window_file(call->sentry->window),
        .empty = path_address + (uint64_t)length,
        .arguments = arguments,
        .environment = environment,
        .begin = begin,
        .undo = undo,
        .committed = commit,
        .data = &exec,
    };
    return platform_exec(call, &request);
}

static int64_t execute_alone(struct call *call, int dirfd, uint64_t path, uint64_t arguments, uint64_t environment, int flags)
{
    struct process *process = call->task->process;
    if (process->context->before_program)
        terminal_own_inherited(process);
    process_exec_begin(process, call->task);
    int64_t result = execute(call, dirfd, path, arguments, environment, flags);
    process_exec_end(process);
    return result;
}

int64_t sys_execve(struct call *call)
{
    return execute_alone(call, AT_FDCWD, call->args[0], call->args[1], call->args[2], 0);
}

int64_t sys_execveat(struct call *call)
{
    if (call->task->process->files_due != NULL)
        return exec_give_files(call);
    return execute_alone(call, arg_int(call, 0), call->args[1], call->args[2], call->args[3], arg_int(call, 4));
}
