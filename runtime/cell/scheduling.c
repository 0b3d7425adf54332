/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cell/scheduling.h"

#include <errno.h>
#include <linux/ioprio.h>
#include <linux/sched.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "oci-spec/names.h"
#include "oci-spec/oci.h"
#include "postern/error.h"
#include "postern/schedule.h"
#include "runtime/base/numbers.h"
#include "runtime/ids/user_namespace.h"

static int set_policy(const struct oci_scheduler *scheduler, pid_t pid, struct error *error)
{
    const struct sched_attributes attributes = {
        .size = sizeof(attributes),
        .policy = (uint32_t)scheduler->policy,
        .flags = scheduler->flags,
        .nice = scheduler->nice,
        .priority = (uint32_t)scheduler->priority,
        .runtime = scheduler->runtime,
        .deadline = scheduler->deadline,
        .period = scheduler->period,
    };
    if (syscall(SYS_sched_setattr, pid, &attributes, 0) == 0)
        return 0;
    const char *hint = errno == EPERM ? " (a realtime policy needs linux.resources.cpu.realtimeRuntime where the kernel "
                                        "shares out realtime to cgroups)"
                                      : "";
    return error_set(error, errno, "process.scheduler: the kernel does not take %s for the container%s",
                     name_of(&scheduler_policy_names, scheduler->policy), hint);
}

static int set_io_priority(const struct oci_io_priority *priority, pid_t pid, struct error *error)
{
    if (syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, pid, IOPRIO_PRIO_VALUE(priority->class, priority->priority)) == 0)
        return 0;
    return error_set(error, errno, "process.ioPriority: the kernel does not take it for the container");
}

int scheduling_set(const struct oci_process *process, pid_t pid, bool is_guest, struct error *error)
{
    const struct oci_scheduler *scheduler = process->scheduler;
    int result = 0;
    if (scheduler != NULL && (is_guest || scheduler->policy != SCHED_DEADLINE))
        result = set_policy(scheduler, pid, error);
    if (result == 0 && process->io_priority != NULL)
        result = set_io_priority(process->io_priority, pid, error);
    return result;
}

/* -- what the guest sets itself ------------------------------------------------------------------------------------ */

static bool has_sys_nice(void)
{
    cap_t caps = cap_get_proc();
    cap_flag_value_t value = CAP_CLEAR;
    bool known = caps != NULL && cap_get_flag(caps, CAP_SYS_NICE, CAP_EFFECTIVE, &value) == 0;
    (void)cap_free(caps);
    return known && value == CAP_SET;
}

bool scheduling_grants(const struct oci_process *process, bool own_users)
{
    const bool granted = (process->capabilities.bounding >> CAP_SYS_NICE & 1) != 0;
    return granted && !own_users && user_namespace_is_initial() && has_sys_nice();
}

/* -- processors ---------------------------------------------------------------------------------------------------- */

enum { CPUS_MAX = 8192 }; /* beyond what a kernel can have */

static int set_cpus(const char *list, pid_t pid, const char *field, struct error *error)
{
    uint64_t cpus[CPUS_MAX / NUMBER_SET_BITS];
    int result = number_parse_set(list, cpus, sizeof(cpus) / sizeof(cpus[0]));
    if (result == 0 && syscall(SYS_sched_setaffinity, pid, sizeof(cpus), cpus) < 0)
        result = -errno;
    return result < 0 ? error_set(error, result, "process.execCPUAffinity.%s: the process cannot be bound to \"%.60s\"", field,
                                  list)
                      : 0;
}

/* No list, and an empty one, ask for nothing. */
static bool given(const char *list)
{
    return list != NULL && list[0] != '\0';
}

int scheduling_set_initial_cpus(const struct oci_process *process, pid_t pid, struct error *error)
{
    const struct oci_cpu_affinity *affinity = process->exec_cpu_affinity;
    return affinity != NULL && given(affinity->initial) ? set_cpus(affinity->initial, pid, "initial", error) : 0;
}

int scheduling_set_final_cpus(const struct oci_process *process, pid_t pid, struct error *error)
{
    const struct oci_cpu_affinity *affinity = process->exec_cpu_affinity;
    if (affinity == NULL)
        scheduling_reset_cpus(pid);
    return affinity != NULL && given(affinity->final) ? set_cpus(affinity->final, pid, "final", error) : 0;
}

void scheduling_reset_cpus(pid_t pid)
{
    unsigned char all[CPUS_MAX / 8];
    memset(all, 0xff, sizeof(all));
    (void)syscall(SYS_sched_setaffinity, pid, sizeof(all), all); /* the kernel leaves what its cgroup allows */
}
