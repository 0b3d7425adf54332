/* SPDX-License-Identifier: Apache-2.0 */
/* What waits for a process between its exec and the stub's call for it. */
#ifndef SENTRY_KERNEL_EXEC_PLAN_H
#define SENTRY_KERNEL_EXEC_PLAN_H

#include "sentry/stub/plan.h"

struct exec_plan {
    struct load_plan load;
    int program_fd, interpreter_fd; /* owned; -1: none */
};

struct exec_plan *exec_plan_new(void);
struct exec_plan *exec_plan_free(struct exec_plan *plan); /* accepts NULL, returns NULL */

#endif
