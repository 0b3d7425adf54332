/* SPDX-License-Identifier: Apache-2.0 */
/* postern pause and resume: the freezer of the container's cgroup, with sentry and gofer in it. */
#include "postern/error.h"
#include "runtime/base/log.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/commands/command.h"
#include "runtime/state/target.h"

static int freeze(const struct container *container, bool frozen, struct error *error)
{
    if (container->cgroup[0] == '\0')
        return error_refuse(error, "cannot pause: the container has no cgroup of its own (linux.cgroupsPath)");
    log_message(LOG_LEVEL_DEBUG, "the cgroup %s is to be %s", container->cgroup, frozen ? "frozen" : "thawed");
    return cgroup_freeze(container->cgroup, container->systemd_cgroup, frozen, error);
}

static int pause_target(struct target *target, struct error *error)
{
    enum container_status status = target_status(target);
    if (status != CONTAINER_RUNNING && status != CONTAINER_CREATED)
        return error_refuse(error, "container not running");
    return freeze(&target->container, true, error);
}

static int resume_target(struct target *target, struct error *error)
{
    if (target_status(target) != CONTAINER_PAUSED)
        return error_refuse(error, "container not paused");
    return freeze(&target->container, false, error);
}

int command_pause(int argc, char **argv)
{
    static const struct simple_command command = {
        .help = "Usage: postern pause ID\nSuspend all processes of a container.\n",
        .locked = true,
        .act = pause_target,
    };
    return simple_command_run(argc, argv, &command);
}

int command_resume(int argc, char **argv)
{
    static const struct simple_command command = {
        .help = "Usage: postern resume ID\nLet the processes of a paused container go on.\n",
        .locked = true,
        .act = resume_target,
    };
    return simple_command_run(argc, argv, &command);
}
