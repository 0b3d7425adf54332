/* SPDX-License-Identifier: Apache-2.0 */
/* Resource limits as the guest knows them: see postern/limits.h. */
#ifndef SENTRY_KERNEL_LIMITS_H
#define SENTRY_KERNEL_LIMITS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

struct boot_config;
struct context;
struct process;
struct process_table;

/* Those the host's kernel has other values of; as part of a context they are as of the fork. */
struct limits {
    uint32_t emulated; /* bits, by resource; what is not emulated has no value here */
    struct rlimit of[RLIM_NLIMITS];
};

static inline bool limits_emulated(const struct limits *limits, unsigned int resource)
{
    return (limits->emulated >> resource & 1) != 0;
}

/* As the configuration of a process has them. */
void limits_begin(struct limits *limits, const struct boot_config *boot);

/* 0, -EINVAL (no such resource) or -errno. */
int limits_get(const struct process *process, unsigned int resource, struct rlimit *ret_limit);

/* setrlimit(2), judged: may_raise says that the hard limit may go up. 0 or -errno. */
int limits_set(struct process_table *table, struct process *process, unsigned int resource, const struct rlimit *limit, bool may_raise);

/* What the host is to enforce depends on capabilities too. Before and after the host's process gets another context (before: NULL for
 * a new one): first what is less, then what is more, so that nothing forked meanwhile has more than it should. */
void limits_tighten(pid_t pid, const struct context *before, const struct context *after);
void limits_loosen(pid_t pid, const struct context *before, const struct context *after);

#endif
