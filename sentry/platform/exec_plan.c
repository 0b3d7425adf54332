/* SPDX-License-Identifier: Apache-2.0 */
/* Plans as objects. */
#include <stdlib.h>

#include "postern/cleanup.h"
#include "sentry/platform/exec.h"
#include "sentry/platform/worker.h"

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
    close_unlocked(plan->program_fd);
    close_unlocked(plan->interpreter_fd);
    plan->program_fd = plan->interpreter_fd = -1;
}

struct exec_plan *exec_plan_take(struct exec_plan *plan)
{
    struct exec_plan *taken = malloc(sizeof(*taken));
    if (taken != NULL) {
        *taken = *plan;
        plan->program_fd = plan->interpreter_fd = -1;
        plan->share = NULL;
    }
    return taken;
}

struct exec_plan *exec_plan_free(struct exec_plan *plan)
{
    if (plan != NULL) {
        exec_plan_close(plan);
        if (plan->share != NULL)
            share_give(plan->share, plan->user, 1);
        free(plan);
    }
    return NULL;
}

bool exec_plan_count(struct exec_plan *plan, struct share *share, uid_t user)
{
    if (!share_take(share, user, 1))
        return false;
    plan->share = share;
    plan->user = user;
    return true;
}
