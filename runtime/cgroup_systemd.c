/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --systemd-cgroup: the cgroup would be a scope that systemd makes on request over D-Bus, so that it and the runtime do
 * not both write the same tree. Postern does not speak to systemd; it says so instead of writing below systemd's back.
 */
#include <errno.h>
#include <unistd.h>

#include "postern/error.h"
#include "runtime/cgroup_tree.h"

int cgroup_systemd_refuse(struct error *error)
{
    bool running = access("/run/systemd/system", F_OK) == 0; /* as sd_booted(3) has it */
    (void)error_refuse(error, running ? "--systemd-cgroup is not supported; set the engine's cgroup driver to cgroupfs"
                                      : "--systemd-cgroup: systemd is not running here");
    if (error != NULL)
        error->code = ENOTSUP;
    return -ENOTSUP;
}
