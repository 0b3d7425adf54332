/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sandbox/enter.h"

#include "oci-spec/oci.h"
#include "postern/boot.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/base/await.h"
#include "runtime/cell/config_seccomp.h"
#include "runtime/cell/memory_policy.h"
#include "runtime/cell/scheduling.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/sandbox/boot.h"
#include "runtime/sandbox/sentry_start.h"
#include "runtime/state/kept_config.h"
#include "runtime/state/state_socket.h"

/* The sentry hears of the process before it is there: no guest shall reach it in the meantime. */
static int announce(const struct enter *enter, int *ret_control, struct error *error)
{
    const struct control_message message = {.kind = CONTROL_NEWCOMER};
    auto_close int control = state_socket_connect(enter->folder, CONTROL_SOCKET, error);
    if (control < 0)
        return control;
    int result = await_sent(control, "the sentry", &message, sizeof(message), NULL, 0, error);
    if (result == 0)
        result = control_expect(control, CONTROL_PONG, error);
    if (result == 0)
        *ret_control = take_fd(&control);
    return result;
}

/* Tells the sentry whose it is, and waits until its listener is served. */
static int introduce(const struct enter *enter, pid_t outer_pid, int listener, int control, struct error *error)
{
    int boot = -1;
    int result = boot_write_process(enter->plan.process, &boot, error);
    if (result < 0)
        return result;
    auto_close int owned = boot;
    const struct control_message message = {.kind = CONTROL_ENTER, .pid = outer_pid};
    const int fds[] = {listener, owned};
    result = await_sent(control, "the sentry", &message, sizeof(message), fds, 2, error);
    return result == 0 ? control_expect(control, CONTROL_STARTED, error) : result;
}

/* Every process of a container has its filter and its personality. */
static int join(const struct enter *enter, struct cell *ret_cell, struct error *error)
{
    struct oci_config *config;
    struct config_seccomp seccomp;
    int result = kept_config_load(enter->folder, &config, error);
    if (result < 0)
        return result;
    result = config_seccomp_build(config->linux_config.seccomp, &seccomp, error);
    if (result == 0) {
        struct cell_plan plan = enter->plan;
        plan.seccomp = &seccomp;
        plan.personality = config->linux_config.personality;
        result = memory_policy_set(config->linux_config.memory_policy, error);
        if (result == 0)
            result = cell_join(enter->init, &plan, ret_cell, error);
        memory_policy_reset(config->linux_config.memory_policy);
        config_seccomp_release(&seccomp);
    }
    (void)oci_free(config);
    return result;
}

/* What the process cannot do itself; it waits meanwhile. */
static int place(const struct enter *enter, pid_t pid, struct error *error)
{
    const struct container *container = enter->container;
    const struct oci_process *process = enter->plan.process;
    int result = scheduling_set_initial_cpus(process, pid, error);
    if (result == 0 && container->cgroup[0] != '\0')
        result = cgroup_add(container->cgroup, container->systemd_cgroup, pid, error);
    if (result == 0 && enter->cgroup_count > 0)
        result = cgroup_add_below(container->cgroup, container->systemd_cgroup, enter->cgroups, enter->cgroup_count, pid, error);
    if (result == 0)
        result = scheduling_set_final_cpus(process, pid, error);
    return result == 0 ? scheduling_set(process, pid, true, error) : result;
}

int enter_container(const struct enter *enter, struct cell *ret_cell, int *ret_control, struct error *error)
{
    auto_close int control = -1;
    int result = announce(enter, &control, error);
    if (result == 0)
        result = join(enter, ret_cell, error);
    if (result == 0)
        result = place(enter, ret_cell->pid, error);
    int listener = -1;
    if (result == 0)
        result = cell_confine(ret_cell, enter->console, -1, &listener, error);
    if (result < 0)
        return result;
    auto_close int owned = listener;
    result = introduce(enter, ret_cell->outer_pid, owned, control, error);
    if (result == 0)
        result = cell_find(ret_cell, cell_plan_program(&enter->plan), error);
    if (result == 0)
        result = cell_execute(ret_cell->socket, error);
    if (result == 0)
        *ret_control = take_fd(&control);
    return result;
}
