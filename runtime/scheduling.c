/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/scheduling.h"

#include <errno.h>
#include <linux/ioprio.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "oci-spec/names.h"
#include "oci-spec/oci.h"
#include "postern/error.h"
#include "postern/schedule.h"
#include "runtime/user_namespace.h"

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

/* -- raising threads of low rank ----------------------------------------------------------------------------------- */

uint64_t scheduling_nice_limit(const struct oci_process *process)
{
    enum { LIMIT_OF_0 = 20, LIMIT_MOST = 40 }; /* as getrlimit(2) counts */
    const struct oci_scheduler *scheduler = process->scheduler;
    int nice = scheduler != NULL ? scheduler->nice : getpriority(PRIO_PROCESS, 0);
    int limit = LIMIT_OF_0 - (nice < 0 ? nice : 0) + SCHEDULE_MARKS; /* who joins may have a lower rank than the sentry */
    return (uint64_t)(limit < LIMIT_MOST ? limit : LIMIT_MOST);
}

static bool may_rank(void)
{
    cap_t caps = cap_get_proc();
    cap_flag_value_t value = CAP_CLEAR;
    bool known = caps != NULL && cap_get_flag(caps, CAP_SYS_NICE, CAP_EFFECTIVE, &value) == 0;
    (void)cap_free(caps);
    return known && value == CAP_SET;
}

enum ranks scheduling_gofer_ranks(const struct oci_process *process, bool own_users)
{
    struct rlimit limit;
    if (own_users || !user_namespace_is_initial() || !may_rank())
        return RANKS_NONE;
    if ((process->capabilities.bounding >> CAP_SYS_NICE & 1) != 0)
        return RANKS_ALL;
    return getrlimit(RLIMIT_NICE, &limit) == 0 && limit.rlim_max >= scheduling_nice_limit(process) ? RANKS_NONE : RANKS_RAISE;
}

/* -- processors ---------------------------------------------------------------------------------------------------- */

/* A number of the list at *at; -1 if there is none. */
static long take_cpu(const char **at)
{
    char *end;
    if (**at < '0' || **at > '9')
        return -1;
    errno = 0;
    long cpu = strtol(*at, &end, 10);
    *at = end;
    return errno == 0 && cpu < CPU_SETSIZE ? cpu : -1;
}

/* "0-3, 7": numbers and ranges, as the kernel writes them. */
static int parse_cpus(const char *list, cpu_set_t *ret_set)
{
    CPU_ZERO(ret_set);
    for (const char *at = list + strspn(list, " "); *at != '\0'; at += strspn(at, " ")) {
        long first = take_cpu(&at), last = first;
        if (*at == '-') {
            at++;
            last = take_cpu(&at);
        }
        at += strspn(at, " ");
        if (first < 0 || last < first || (*at != ',' && *at != '\0'))
            return -EINVAL;
        for (long cpu = first; cpu <= last; cpu++)
            CPU_SET((size_t)cpu, ret_set);
        at += *at == ',';
    }
    return CPU_COUNT(ret_set) > 0 ? 0 : -EINVAL;
}

static int set_cpus(const char *list, pid_t pid, const char *field, struct error *error)
{
    cpu_set_t set;
    int result = parse_cpus(list, &set);
    if (result == 0 && sched_setaffinity(pid, sizeof(set), &set) < 0)
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
    return affinity != NULL && given(affinity->final) ? set_cpus(affinity->final, pid, "final", error) : 0;
}
