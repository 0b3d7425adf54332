/* SPDX-License-Identifier: Apache-2.0 */
/* Plans as objects. */
#include <stdlib.h>

#include "postern/cleanup.h"
#include "sentry/platform/exec.h"

struct exec_plan *exec_plan_new(void)
{
    struct exec_plan *plan = calloc(1, sizeof(*plan));
    if (plan != NULL) {
        plan->program_fd = plan->interpreter_fd = -1;
        plan->load.program.fd = plan->load.interpreter.fd = -1;
    }
    return plan;
}

void exec_plan_close(struct exec_plan *plan)
{
    cleanup_close(&plan->program_fd);
    cleanup_close(&plan->interpreter_fd);
    plan->program_fd = plan->interpreter_fd = -1;
}

struct exec_plan *exec_plan_take(struct exec_plan *plan)
{
    struct exec_plan *taken = malloc(sizeof(*taken));
    if (taken != NULL) {
        *taken = *plan;
        plan->program_fd = plan->interpreter_fd = -1;
    }
    return taken;
}

struct exec_plan *exec_plan_free(struct exec_plan *plan)
{
    if (plan != NULL) {
        exec_plan_close(plan);
        free(plan);
    }
    return NULL;
}
