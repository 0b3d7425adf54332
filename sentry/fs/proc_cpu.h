/* SPDX-License-Identifier: Apache-2.0 */
/* Which CPUs the sandbox may use: for cpuinfo, stat and sysfs. Any thread. */
#ifndef SENTRY_FS_PROC_CPU_H
#define SENTRY_FS_PROC_CPU_H

#include <stddef.h>

#include "sentry/fs/procfs_text.h"

enum { CPUS_MAX = 1024 };

/* Their numbers, ascending; at least one. */
size_t cpu_list(unsigned int *numbers, size_t max);

/* "0-3,8" */
void cpu_ranges(const unsigned int *numbers, size_t count, struct text *text);

#endif
