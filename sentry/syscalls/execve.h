/* SPDX-License-Identifier: Apache-2.0 */
/* execve(2) in two files: finding the program and starting it (execve.c), and who runs it (exec_credentials.c). */
#ifndef SENTRY_SYSCALLS_EXECVE_H
#define SENTRY_SYSCALLS_EXECVE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "sentry/kernel/process.h"
#include "sentry/syscalls/secureexec.h"

struct call;
struct context;
struct cred;
struct dentry;
struct exec_plan;
struct vfs_who;

/* A program file that has been found and opened. */
struct program {
    struct dentry *dentry; /* NULL: an object without a name (memfd) */
    int fd;
    struct statx attributes;
    bool nosuid;
    unsigned int write_opens; /* how often it had been opened for writing when it was looked at */
};

/* What is gathered before anything happens to the caller, and committed at the exec stop. */
struct exec {
    struct exec_plan *plan;
    struct cred *cred;
    struct dentry *program; /* of /proc/PID/exe; NULL for a nameless one */
    struct program_file file;
    bool dumpable;
    bool gains; /* privileges */
    bool hides_interpreter; /* the program names one that the caller may not read */
    struct secureexec secure;
};

/* Whether the caller may read it, who may execute it in any case. */
bool program_is_readable(const struct vfs_who *who, const struct program *program);

/* Who the caller would be with the program: fills in exec but for the plan's images. 0 or -errno. */
int exec_judge(struct call *call, const struct vfs_who *who, const struct program *program, struct exec *exec);

/* At the exec stop: the process as it is by then, with the program's credentials; what exec has goes over to it. NULL: it must not
 * run. */
struct context *exec_context(struct call *call, struct exec *exec);

#endif
